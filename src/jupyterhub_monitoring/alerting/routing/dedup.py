"""Whether to tell a receiver of a group now: the decision, with its reason."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..alert import Millis
from ..message import Reason


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver was last told of one group."""

    at: Millis
    firing: frozenset[str]  # fingerprints
    resolved: frozenset[str]


def why_notify(  # noqa: PLR0913 -- what the decision depends on
    last: Told | None,
    firing: AbstractSet[str],
    resolved: AbstractSet[str],
    repeat_interval: Millis,
    now: Millis,
    *,
    sends_resolved: bool = True,
) -> Reason:
    """Return why to tell now of a group with the fingerprints *firing* and *resolved*.

    `ALL_RESOLVED` comes also for a receiver that is not told of ends: nothing is sent to it then,
    but what it was told has to be written anew, so that the next alert is news again.

    As in Alertmanager's `DedupStage.needsUpdate`, but that a repetition is due once the interval
    has passed, not a moment later: at the flush of that very moment it goes out.
    """
    if last is None:
        return Reason.FIRST if firing else Reason.NOTHING_NEW
    if not firing <= last.firing:
        return Reason.NEW_ALERTS
    if not firing:  # what began and ended since was never told
        return Reason.ALL_RESOLVED if last.firing else Reason.NOTHING_NEW
    if sends_resolved and not resolved <= last.resolved:
        return Reason.NEW_RESOLVED
    return Reason.REPEAT_DUE if now - last.at >= repeat_interval else Reason.NOTHING_NEW
