"""The numbers at the top of a page, each with its recent past as a small line."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dashboards import Curve, Unit
from ..errors import MonitoringError
from ..querier import Querier, Span
from .kept import Kept, NotYet
from .period import Period

POINTS = 60


@dataclass(frozen=True, slots=True)
class Figure:
    """What a tile asks for. Several queries are shown with a slash between them.

    `$window` in them is the whole period: a tile sums it up. *worse_above* or *worse_below* is
    where the first number begins to want a person.
    """

    label: str
    unit: Unit
    queries: tuple[str, ...]
    why: str
    href: str = ""
    spark: str = ""  # by default the first query
    worse_above: float = math.inf
    worse_below: float = -math.inf


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure as it is now. None is "not known"; *spark* has None for gaps.

    *problem* says why nothing is known, where that is because of the question. One that *waits*
    has no answer yet.
    """

    figure: Figure
    values: tuple[float | None, ...]
    spark: tuple[float | None, ...] = ()
    problem: str = ""
    waits: bool = False

    @property
    def text(self) -> str:
        """The numbers for people."""
        return " / ".join(self.figure.unit.text(value) for value in self.values)

    @property
    def bad(self) -> bool:
        """Whether it wants a person."""
        first, figure = self.values[0], self.figure
        return first is not None and not figure.worse_below <= first <= figure.worse_above


async def tiles(
    querier: Querier, figures: Sequence[Figure], period: Period, kept: Kept
) -> list[Tile]:
    """Return *figures* at the end of *period*; each says for itself that it is not known."""

    async def one(figure: Figure) -> Tile:
        try:
            return await kept.get((figure, period.query), lambda: _tile(querier, figure, period))
        except MonitoringError as error:
            return unknown(figure, str(error), waits=isinstance(error, NotYet))

    return list(await asyncio.gather(*map(one, figures)))


def unknown(figure: Figure, problem: str, *, waits: bool = False) -> Tile:
    """Return a tile that says why it says nothing."""
    return Tile(figure, (None,) * len(figure.queries), (), problem, waits)


async def _tile(querier: Querier, figure: Figure, period: Period) -> Tile:
    seconds = period.end - period.start
    whole, step = f"{int(seconds)}s", max(15.0, seconds / POINTS)
    spark = _query(figure.spark or figure.queries[0], f"{max(60, int(4 * step))}s")
    now = min(period.end, time.time())
    asked = (querier.instant(_query(query, whole), now) for query in figure.queries)
    answers, line = await asyncio.gather(
        asyncio.gather(*asked), querier.range(spark, Span(now - seconds, now, step))
    )
    values = tuple(_known(answer.value) for answer in answers)
    rows = [row.values for row in line.lines]
    return Tile(figure, values, _points(rows[0]) if rows else ())


def _query(text: str, window: str) -> str:
    return Curve(text, "").query({"window": window, "step": window})


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _points(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(map(_known, values.tolist()))
