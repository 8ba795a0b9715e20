"""What a panel shows of a period: its queries asked, series named, the many folded into a few."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..dashboards import Curve, Fold, Kind, Panel, Tone
from ..querier import Matrix, Querier, Span
from .period import Period

SHOWN = 5
NAMELESS = "default"
"""The default server has no name."""
OFFSET_SECONDS = 30
"""VictoriaMetrics's `-search.latencyOffset`: later steps repeat the last one before."""

MAX_SHOWN = 6
"""As many lines can be told apart; more become the largest five and the others."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: *values* has a number for each time, NaN where there is none."""

    name: str
    values: NDArray[np.float64]
    tone: Tone = Tone.SERIES


@dataclass(frozen=True, slots=True)
class PanelData:
    """The lines of *panel* at *times* (Unix seconds), and the queries that gave them.

    *left_out* is how many more there are that are neither shown nor added up.
    """

    panel: Panel
    times: NDArray[np.float64]
    lines: tuple[Line, ...]
    queries: tuple[str, ...]
    left_out: int = 0
    warnings: tuple[str, ...] = ()


def queries_of(panel: Panel, period: Period, places: Mapping[str, str]) -> tuple[str, ...]:
    """Return the panel's PromQL. *places* are escaped; KeyError where one is missing."""
    values = {**places, **period.places}
    return tuple(curve.query(values) for curve in panel.curves)


async def panel_data(
    querier: Querier, panel: Panel, period: Period, places: Mapping[str, str], *, fold: bool = True
) -> PanelData:
    """Ask for *panel*. Raises what the querier raises. Without *fold* every line is there."""
    queries = queries_of(panel, period, places)
    span = Span(period.start, period.end, period.step)
    answers = await asyncio.gather(*(querier.range(query, span) for query in queries))
    lines = [line for pair in zip(panel.curves, answers, strict=True) for line in _lines(*pair)]
    data = PanelData(
        panel,
        answers[0].times,
        tuple(lines),
        queries,
        warnings=tuple({warning for answer in answers for warning in answer.warnings}),
    )
    if period.victoria and panel.kind is not Kind.LINES:
        lines = list(until(lines, data.times, time.time() - OFFSET_SECONDS))
    if panel.kind is Kind.HEATMAP:
        return replace(data, lines=buckets(lines))
    if panel.kind is Kind.BARS:
        data = replace(data, lines=tuple(whole(lines)))
    return folded(data) if fold else data


def until(lines: Sequence[Line], times: NDArray[np.float64], latest: float) -> Iterator[Line]:
    """Yield *lines* without what is said of times after *latest*."""
    for line in lines:
        yield replace(line, values=np.where(times <= latest, line.values, np.nan))


def whole(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield *lines* with whole numbers: what happened did so once, twice, never 1.07 times."""
    for line in lines:
        yield replace(line, values=np.rint(line.values))


def _lines(curve: Curve, answer: Matrix) -> list[Line]:
    return [
        Line(curve.name(row.labels) or NAMELESS, row.values, curve.tone) for row in answer.lines
    ]


def folded(data: PanelData) -> PanelData:
    """Keep limits, and of the others at most `MAX_SHOWN`: the largest on average."""
    limits = [line for line in data.lines if line.tone is Tone.LIMIT]
    lines = [line for line in data.lines if line.tone is not Tone.LIMIT]
    if len(lines) <= MAX_SHOWN:
        return data
    ranked = sorted(lines, key=_size, reverse=True)
    kept, rest = ranked[:SHOWN], ranked[SHOWN:]
    if data.panel.fold is Fold.SUM:
        kept.append(Line(f"{len(rest)} others", _sum([line.values for line in rest])))
        return replace(data, lines=(*kept, *limits))
    return replace(data, lines=(*kept, *limits), left_out=len(rest))


def _size(line: Line) -> float:
    known = line.values[~np.isnan(line.values)]
    return float(known.sum()) / len(line.values) if known.size else -1.0


def _sum(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Add up what is known at each time; NaN where nothing is."""
    table = np.vstack(rows)
    known = ~np.isnan(table)
    added: NDArray[np.float64] = np.where(
        known.any(axis=0), np.where(known, table, 0).sum(axis=0), np.nan
    )
    return added


def buckets(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return what fell into each bucket, from lines that are named by `le` and count all below.

    The names stay the upper bounds, from the lowest; a count that fell is no observation.
    """
    by_bound = sorted(lines, key=lambda line: float(line.name))
    found, below = [], None
    for line in by_bound:
        own = line.values if below is None else line.values - below
        found.append(replace(line, values=np.maximum(np.rint(own), 0.0)))
        below = line.values
    return tuple(found)
