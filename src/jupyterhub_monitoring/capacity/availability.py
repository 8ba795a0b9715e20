"""How much of the time the Hub was there.

A service that the Hub starts sees nothing while the Hub is down: a gap in its samples is no
evidence. What is: the Hub's own notes of when each of its lives began and ended, and scrapes that
the Hub did not answer while it was looked at.

    life ├────────┤ stopped        ├──────────── … killed      ├────→
                   └ not there ───┘             └ seen last ──┘ not there
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..activity import HubRun
from .span import Piece

SILENT_SECONDS = 300.0
"""A Hub that did not say that it stops, and was not seen for so long, is not there."""


@dataclass(frozen=True, slots=True)
class Availability:
    """*ratio* of *known_seconds*, of which the Hub was not there for *down_seconds*.

    *starts* is how often it was started. *ratio* is None where nothing is known.
    """

    ratio: float | None = None
    known_seconds: float = 0.0
    down_seconds: float = 0.0
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """A life of the Hub, and when it *answered* a scrape last; None where nobody knows."""

    run: HubRun
    answered: float | None = None


def gaps(lives: Sequence[Life], end: float) -> list[tuple[float, float]]:
    """Return from when until when no life of the Hub was there, up to *end*."""
    found = []
    following = [*(life.run.started for life in lives[1:]), end]
    for life, until in zip(lives, following, strict=True):
        gone = min(_gone(life, until, is_last=life is lives[-1]), until)
        if gone < until:
            found.append((gone, until))
    return found


def _gone(life: Life, until: float, *, is_last: bool) -> float:
    """Return when it was over: as it said, else when it was seen last."""
    run, answered = life.run, life.answered
    if run.stopped is not None:
        return run.stopped
    if is_last and (answered is None or until - answered < SILENT_SECONDS):
        return until  # it runs
    heard = run.started if run.last_at is None else run.last_at
    return heard if answered is None else max(heard, answered)


def availability(
    lives: Sequence[Life],
    unanswered: Sequence[tuple[Piece, float]],
    start: float,
    end: float,
) -> Availability:
    """Return the share of the time from *start* to *end* in which the Hub was there.

    The time before its first known life counts as neither. *unanswered* is for each day how many
    seconds of scrapes had no answer: the same outage may be in both, so the longer one counts.
    """
    began = max(start, min((life.run.started for life in lives), default=end))
    if end <= began:
        return Availability()
    down = gaps(lives, end)
    silent = dict(unanswered)
    pieces = [piece for piece, _ in unanswered] or [Piece("", start, end)]
    away = 0.0
    for piece in pieces:
        since = max(piece.start, began)
        inside = (min(until, piece.end) - max(gone, since) for gone, until in down)
        seconds = max(sum(each for each in inside if each > 0), silent.get(piece, 0.0))
        away += min(seconds, max(0.0, piece.end - since))
    starts = sum(start <= life.run.started < end for life in lives)
    return Availability(1 - away / (end - began), end - began, away, starts)
