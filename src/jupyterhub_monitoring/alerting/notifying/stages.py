"""What keeps alerts of a group from being told: stages that each take some away, and say why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from ..alert import Alert, Millis
from ..routing.inhibit import Inhibitor
from ..routing.route import Route
from ..routing.silence import Silences
from ..routing.time_interval import TimeIntervals, quiet_by


class MutedBy(str, Enum):
    """What kept an alert from being told."""

    INHIBITION = "inhibition"
    TIME_INTERVAL = "time_interval"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Muted:
    """An alert that is not told of, and the alerts, intervals or silences because of which."""

    alert: Alert
    by: MutedBy
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flush:
    """A group at one moment: what is left to be told, and what was taken away."""

    route: Route
    alerts: tuple[Alert, ...]
    now: Millis
    muted: tuple[Muted, ...] = ()

    def without(self, muted: Iterable[Muted]) -> Flush:
        """Return this with *muted* taken away."""
        taken = tuple(muted)
        gone = {mute.alert.labels for mute in taken}
        left = tuple(alert for alert in self.alerts if alert.labels not in gone)
        return replace(self, alerts=left, muted=(*self.muted, *taken))


class Stage(Protocol):
    """One reason not to tell."""

    def __call__(self, flush: Flush) -> Flush:
        """Return *flush* without what is not to be told."""


class Inhibit:
    """Takes away what follows from another alert that fires."""

    def __init__(self, inhibitor: Inhibitor) -> None:
        self._inhibitor = inhibitor

    def __call__(self, flush: Flush) -> Flush:
        """Ask for each alert."""
        causes = ((alert, self._inhibitor.inhibited_by(alert)) for alert in flush.alerts)
        return flush.without(Muted(a, MutedBy.INHIBITION, names) for a, names in causes if names)


class MuteTimes:
    """Takes everything away at times when the route is to be quiet."""

    def __init__(self, intervals: TimeIntervals) -> None:
        self._intervals = intervals

    def __call__(self, flush: Flush) -> Flush:
        """Ask once for all alerts."""
        names = self.names(flush.route, flush.now)
        if not names:
            return flush
        return flush.without(Muted(alert, MutedBy.TIME_INTERVAL, names) for alert in flush.alerts)

    def names(self, route: Route, now: Millis) -> tuple[str, ...]:
        """Return the intervals because of which *route* is quiet at *now*."""
        mute, active = route.mute_time_intervals, route.active_time_intervals
        return quiet_by(self._intervals, mute, active, now) if mute or active else ()


class Silence:
    """Takes away what somebody does not want to be told of."""

    def __init__(self, silences: Silences) -> None:
        self._silences = silences

    def __call__(self, flush: Flush) -> Flush:
        """Ask for each alert."""
        ids = ((alert, self._silences.silenced_by(alert, flush.now)) for alert in flush.alerts)
        return flush.without(Muted(alert, MutedBy.SILENCE, names) for alert, names in ids if names)


def run(stages: Sequence[Stage], flush: Flush) -> Flush:
    """Return what all *stages* leave of *flush*; when nothing is left, the rest is not asked."""
    for stage in stages:
        if not flush.alerts:
            break
        flush = stage(flush)
    return flush
