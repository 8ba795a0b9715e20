"""`targets`: what is scraped."""

from __future__ import annotations

from datetime import datetime, timezone

from ..scrape.state import TargetState
from .handler import ApiHandler

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time, which Prometheus shows for a target that was not scraped yet."""


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


def rfc3339(time_ms: int) -> str:
    """Return *time_ms* as `2026-11-23T13:20:01.25Z`."""
    at = datetime.fromtimestamp(time_ms / 1000, timezone.utc)
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
