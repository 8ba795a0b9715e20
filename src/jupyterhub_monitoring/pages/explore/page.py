"""Explore: expressions, what is wrong with them, their latest values; plots come by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

from ...errors import BadData, MonitoringError
from ..handler import PageHandler
from ..leaving import Leaving
from ..period import read_period
from .absence import absence
from .answers import Table, latest
from .asked import MOST, expressions, latest_moment, query_string, starting_points
from .mistake import Mistake, mistake


@dataclass(frozen=True, slots=True)
class Answered:
    """One expression, with a table or with what is wrong; *query* asks for it alone.

    *absence* is why the table is empty.
    """

    expr: str
    query: str
    table: Table | None = None
    mistake: Mistake | None = None
    absence: str = ""

    @property
    def rows(self) -> int:
        """How many lines of text it has."""
        return self.expr.count("\n") + 1


class ExplorePage(Leaving, PageHandler):
    """`explore?expr=up&expr=…&range=1h`."""

    page = "explore"
    default_range = "1h"

    async def get(self) -> None:
        """Ask for each expression at the end of the time; each says for itself what is wrong."""
        exprs = expressions(self.get_query_arguments("expr"))
        answered = await self.unless_left(self._all_answered(exprs))
        blank = not exprs or (self.get_query_argument("more", "") and len(exprs) < MOST)
        period = self.period
        self.show(
            "explore.html",
            period=period,
            queries=[*answered, *([Answered("", "")] if blank else [])],
            exprs=urlencode([("expr", expr) for expr in exprs]),
            starts=[
                (title, some, query_string(some, period))
                for title, some in starting_points(period)
                if not exprs
            ],
            most=MOST,
        )

    async def _all_answered(self, exprs: list[str]) -> list[Answered]:
        return await asyncio.gather(*(self._answered(expr) for expr in exprs))

    async def _answered(self, expr: str) -> Answered:
        context, period = self.sources.context, self.period
        query = query_string([expr], period)
        if context.unavailable is not None:
            return Answered(expr, query, mistake=Mistake(context.unavailable))
        try:
            at = latest_moment(period, self.began)
            found = latest(await context.querier.instant(expr, at))
            why = "" if found.rows else await absence(context.querier, expr)
        except MonitoringError as error:
            return Answered(expr, query, mistake=mistake(error, expr))
        return Answered(expr, query, found, absence=why)


class GraphPage(PageHandler):
    """`graph?g0.expr=…`: where Prometheus has its own, and where links in alerts lead to."""

    page = "explore"

    async def get(self) -> None:
        """Lead to Explore with the same expressions, `g0.expr`, `g1.expr` and so on."""
        names = [f"g{number}.expr" for number in range(MOST)]
        pairs = [("expr", text) for name in names for text in self.get_query_arguments(name)]
        time = {"range": self.get_query_argument("g0.range_input", "")}
        try:
            read_period(lambda name: time.get(name, ""), self.began)
        except BadData:
            time = {}  # such as 1h30m: shown for the time that Explore shows by itself
        pairs += [pair for pair in time.items() if pair[1]]
        self.redirect(f"{self.sources.prefix}explore?{urlencode(pairs)}")
