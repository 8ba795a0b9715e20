"""Silences as pages show and make them: for one alert, with a reason, until a moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...alerting.alert import Millis
from ...alerting.routing.matcher import Matcher, matchers_text
from ...alerting.routing.silence import Silence, SilenceState
from ...errors import BadData
from ...store.matcher import MatchType
from .alert_rows import AlertRow

HOUR = 3600
DURATIONS = (
    ("1h", "for 1 h"),
    ("4h", "for 4 h"),
    ("day", "until tomorrow, 8:00"),
    ("1w", "for a week"),
)
MORNING = 8
LONGEST_COMMENT = 1000
SHOWN = 50


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence that is active or will be."""

    id: str
    matchers: str
    by: str
    comment: str
    starts: float
    ends: float
    active: bool


@dataclass(frozen=True, slots=True)
class SilenceList:
    """The silences that end next, at most `SHOWN` of *count*."""

    rows: Sequence[SilenceRow] = ()
    count: int = 0


def silence_list(silences: Sequence[Silence], now: Millis) -> SilenceList:
    """Return those that are not over."""
    left = [silence for silence in silences if silence.state(now) is not SilenceState.EXPIRED]
    left.sort(key=lambda silence: silence.ends_at)
    return SilenceList([_row(silence, now) for silence in left[:SHOWN]], len(left))


def _row(silence: Silence, now: Millis) -> SilenceRow:
    return SilenceRow(
        silence.id,
        matchers_text(silence.matchers),
        silence.created_by,
        silence.comment,
        silence.starts_at / 1000,
        silence.ends_at / 1000,
        silence.state(now) is SilenceState.ACTIVE,
    )


def wish(row: AlertRow, duration: str, comment: str, by: str, now: Millis) -> Silence:
    """Return the silence for exactly the alert of *row*. Raises `BadData`."""
    comment = comment.strip()
    if not comment:
        raise BadData("a silence needs a reason: who finds it later wants to know why it is there")
    if len(comment) > LONGEST_COMMENT:
        raise BadData(f"the reason has more than {LONGEST_COMMENT:,} characters")
    matchers = tuple(Matcher(name, MatchType.EQUAL, value) for name, value in row.labels)
    return Silence(matchers, 0, until(duration, now), by, comment)


def until(duration: str, now: Millis) -> Millis:
    """Return when a silence of *duration* that begins *now* ends. Raises `BadData`."""
    hours = {"1h": 1, "4h": 4, "1w": 7 * 24}
    if duration in hours:
        return now + hours[duration] * HOUR * 1000
    if duration != "day":
        raise BadData(f"for how long? {', '.join(name for name, _ in DURATIONS)}")
    today = time.localtime(now / 1000)
    morning = (today.tm_year, today.tm_mon, today.tm_mday + 1, MORNING, 0, 0, 0, 0, -1)
    return round(time.mktime(morning) * 1000)
