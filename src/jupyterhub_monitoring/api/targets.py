"""`targets`: what is scraped."""

from __future__ import annotations

from ..alerting.rfc3339 import NEVER, rfc3339
from ..scrape.state import TargetState
from .handler import ApiHandler


class Targets(ApiHandler):
    """`/api/v1/targets`: each target and its last scrape; `state` and `scrapePool` choose."""

    endpoint = "/api/v1/targets"

    async def answer(self, *_args: str) -> None:
        """Answer with targets sorted by job and instance. None is ever dropped here."""
        state, pool = self.parameters.text("state").lower(), self.parameters.text("scrapePool")
        scraper = self.context.scraper
        targets = [] if scraper is None or state == "dropped" else list(scraper.targets())
        active = sorted(targets, key=lambda state: (state.target.job, state.target.instance))
        self.succeed(
            {
                "activeTargets": [
                    described(state) for state in active if pool in {"", state.target.job}
                ],
                "droppedTargets": [],
                "droppedTargetCounts": {},
            }
        )


def described(state: TargetState) -> dict[str, object]:
    """Return a target as Prometheus shows it; its job is its scrape pool."""
    target = state.target
    return {
        "discoveredLabels": state.discovered_labels,
        "labels": state.labels,
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": state.last_error,
        "lastScrape": NEVER if state.last_scrape_ms is None else rfc3339(state.last_scrape_ms),
        "lastScrapeDuration": state.last_duration_seconds,
        "health": state.health.value,
        "scrapeInterval": f"{target.interval_seconds:g}s",
        "scrapeTimeout": f"{target.timeout_seconds:g}s",
    }
