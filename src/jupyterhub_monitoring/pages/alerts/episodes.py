"""What fired in the past: from when to when, as the series `ALERTS` has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...alerting.alert import ALERTNAME, labels_of
from ...alerting.rules.alert_state import ALERTS, ALERTSTATE
from ...promql.quoting import quote
from ...querier import Matrix, Querier, Span, Stored
from ..period import Period
from .alert_rows import alert_id

MOST_SAMPLES = 1_000_000
"""With more the moments are looked at step by step, and are that exact."""

SHOWN = 100
MISSED = 4
"""So many evaluations without a sample, and it did not fire."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert fired from *start* to *end*, Unix seconds; None: it still does."""

    id: str
    name: str
    severity: str
    about: tuple[tuple[str, str], ...]
    start: float
    end: float | None

    def seconds(self, now: float) -> float:
        """How long it fired."""
        return max(0.0, (now if self.end is None else self.end) - self.start)


@dataclass(frozen=True, slots=True)
class Past:
    """The latest *episodes* of *count*; their moments are exact to *exact* seconds."""

    episodes: Sequence[Episode]
    count: int
    exact: float = 0.0

    @property
    def left_out(self) -> int:
        """How many there are that are not shown."""
        return self.count - len(self.episodes)


async def past(querier: Querier, period: Period, now: float, name: str = "") -> Past:
    """Return what fired in *period*, of all rules or that called *name*.

    Raises what the querier raises.
    """
    end = min(period.end, now)
    window, selector = f"[{max(1, int(end - period.start))}s]", _selector(name)
    samples = (await querier.instant(f"sum(count_over_time({selector}{window}))", end)).value
    if samples != samples:  # noqa: PLR0124 -- NaN: there is none
        return Past((), 0)
    if samples <= MOST_SAMPLES:
        stored = (await querier.instant(f"{selector}{window}", end)).stored
        found = [e for series in stored for e in episodes(series, end)]
        return _latest(found, 0.0)
    step = period.step
    query = f"max_over_time({selector}[{int(step)}s])"
    answer = await querier.range(query, Span(period.start + step, end, step))
    return _latest([e for series in _stored(answer) for e in episodes(series, end, step)], step)


def episodes(series: Stored, now: float, step: float | None = None) -> Iterator[Episode]:
    """Yield when the alert of *series* fired. *step* is between its samples, if one knows it."""
    times = series.times
    if not len(times):
        return
    usual = step or (float(np.median(np.diff(times))) if len(times) > 1 else 60.0)
    gaps = np.flatnonzero(np.diff(times) > MISSED * usual)
    firsts, lasts = [0, *(gaps + 1).tolist()], [*gaps.tolist(), len(times) - 1]
    for first, last in zip(firsts, lasts, strict=True):
        goes_on = last == len(times) - 1 and now - times[last] <= MISSED * usual
        yield _episode(series.labels, times[first], None if goes_on else times[last] + usual)


def _selector(name: str) -> str:
    which = f"={quote(name)}" if name else '!~".*Watchdog"'
    return f'{ALERTS}{{{ALERTSTATE}="firing",{ALERTNAME}{which}}}'


def _stored(answer: Matrix) -> Iterator[Stored]:
    for line in answer.lines:
        known = ~np.isnan(line.values)
        yield Stored(line.labels, answer.times[known], line.values[known])


def _episode(labels: Mapping[str, str], start: float, end: float | None) -> Episode:
    own = labels_of({k: v for k, v in labels.items() if k not in ("__name__", ALERTSTATE)})
    about = tuple(pair for pair in own if pair[0] not in (ALERTNAME, "severity"))
    return Episode(
        alert_id(own), labels.get(ALERTNAME, ""), labels.get("severity", ""), about, start, end
    )


def _latest(found: Iterable[Episode], exact: float) -> Past:
    ordered = sorted(found, key=lambda episode: (-episode.start, episode.name))
    return Past(ordered[:SHOWN], len(ordered), exact)
