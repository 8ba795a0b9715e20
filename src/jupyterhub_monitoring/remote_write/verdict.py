"""What becomes of a request that a receiver did not take: once more, or never."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..errors import DeliveryFailed

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0

_NOT_THE_SAMPLES = {0, 401, 403, 404, 405, 407}
"""They speak of us or the address, not of the samples: a new password, and all are welcome.

0 is no answer at all. The protocol's "never again after 4xx" is meant for samples that nobody will
ever take; here a queue that waits costs nothing.
"""

_THERE_ALREADY = ("out of order", "out-of-order", "duplicate sample")
"""How Prometheus, Mimir and Cortex refuse samples that they have."""


class Fate(str, Enum):
    """What to do with the request."""

    AGAIN = "again"
    DROP = "drop"
    THERE = "there"  # an attempt before was taken, and its answer lost


@dataclass(frozen=True, slots=True)
class Verdict:
    """*wait_seconds* until the next attempt, of this request or of the next one."""

    fate: Fate
    wait_seconds: float = 0.0


def verdict(failure: DeliveryFailed, attempt: int, *, again: bool) -> Verdict:
    """Judge attempt number *attempt*, from 1; *again*: the receiver may have the samples."""
    if failure.retry or 300 <= failure.status < 400 or failure.status in _NOT_THE_SAMPLES:
        growing = FIRST_WAIT_SECONDS * 2.0 ** min(attempt - 1, 30)
        wait = max(min(growing, LONGEST_WAIT_SECONDS), failure.wait_seconds)
        return Verdict(Fate.AGAIN, wait)
    if again and any(text in str(failure).lower() for text in _THERE_ALREADY):
        return Verdict(Fate.THERE)
    return Verdict(Fate.DROP)
