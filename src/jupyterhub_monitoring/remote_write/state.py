"""How it stands with one receiver, for pages and health codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """Samples that the receiver refused for good: how many, the last time when and why."""

    samples: int
    at_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class WriteState:
    """How it stands with one receiver. Neither its URL nor a secret is in here."""

    name: str
    address: str
    sent: int = 0  # samples, since the start
    taken_ms: int | None = None  # when it took something last
    oldest_ms: int | None = None  # of what it has not taken; None: it has everything
    failing_since_ms: int | None = None
    failure: str = ""  # the last one, while it fails
    refused: Refused | None = None
    lost_ms: int | None = None  # before this, retention dropped what it had not taken
    problem: str = ""  # of our own file

    def lag_seconds(self, now_ms: int) -> float:
        """Return the age of the oldest sample that it has not taken."""
        return 0.0 if self.oldest_ms is None else max(0, now_ms - self.oldest_ms) / 1000
