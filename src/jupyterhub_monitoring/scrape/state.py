"""What is known of a target: shown on the pages and by `/api/v1/targets`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .target import Target

Metadata = dict[str, tuple[str, str, str]]
"""(type, help, unit) of each metric family."""


class Health(str, Enum):
    """Whether the last scrape of a target succeeded."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"  # not scraped yet


@dataclass(slots=True)
class TargetState:
    """A target and its last scrape. Changed in the event loop only."""

    target: Target
    health: Health = Health.UNKNOWN
    last_error: str = ""
    last_scrape_ms: int | None = None
    last_duration_seconds: float = 0.0
    samples: int = 0
    metadata: Metadata = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the target's series carry."""
        return self.target.label_set

    @property
    def discovered_labels(self) -> dict[str, str]:
        """The target as Prometheus's service discovery would describe it."""
        scheme, _, rest = self.target.url.partition("://")
        address, slash, path = rest.partition("/")
        return {
            "__address__": address,
            "__metrics_path__": slash + path or "/metrics",
            "__scheme__": scheme,
            "__scrape_interval__": f"{self.target.interval_seconds:g}s",
            "__scrape_timeout__": f"{self.target.timeout_seconds:g}s",
            "job": self.target.job,
            **self.target.labels,
        }
