"""PromQL of one Hub, where an engine has the series of several."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from ..promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Number,
    Paren,
    RangeSelector,
    Selector,
    Subquery,
    Text,
    Unary,
    left_chain,
)
from ..promql.parser import parse, parse_selector
from ..promql.printer import one_line
from ..store.matcher import Matcher, MatchType
from .answer import Instant, Matrix, Metadata, Names, Span
from .querier import MOST_NAMES, Querier

Own = tuple[Matcher, ...]


class ConfinedQuerier:
    """Asks *querier*, of series with *labels* only.

    It takes PromQL as Prometheus has it: `ParseError` for an engine's own additions, for in them
    we cannot tell which series they ask for.
    """

    def __init__(self, querier: Querier, labels: Mapping[str, str]) -> None:
        self._querier = querier
        self._own = tuple(Matcher(name, MatchType.EQUAL, labels[name]) for name in sorted(labels))

    async def instant(self, expr: str, at: float | None = None) -> Instant:
        """Return the value of *expr* at one instant."""
        return await self._querier.instant(confined(expr, self._own), at)

    async def range(self, expr: str, span: Span) -> Matrix:
        """Return the values of *expr* at each instant of *span*."""
        return await self._querier.range(confined(expr, self._own), span)

    async def metric_names(self, prefix: str = "", limit: int = MOST_NAMES) -> Names:
        """Return the names of metrics that begin with *prefix*."""
        begins = Matcher("__name__", MatchType.REGEX, f"{re.escape(prefix)}.+")
        match = one_line(Selector(None, (begins,)))
        return await self.label_values("__name__", match, limit=limit)

    async def label_names(
        self,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the labels of the series that *match*."""
        return await self._querier.label_names(self._selector(match), start, end, limit)

    async def label_values(
        self,
        label: str,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the values of *label* of the series that *match*."""
        return await self._querier.label_values(label, self._selector(match), start, end, limit)

    async def metadata(self, metric: str = "") -> Mapping[str, Metadata]:
        """Return what is told of each family, which is the same for all Hubs."""
        return await self._querier.metadata(metric)

    def _selector(self, match: str) -> str:
        matchers = parse_selector(match) if match else ()
        return one_line(Selector(None, (*self._own, *matchers)))


@lru_cache(maxsize=512)
def confined(expr: str, own: Own) -> str:
    """Return *expr* with *own* in each selector. Raises `ParseError`."""
    return one_line(_within(parse(expr), own))


def _within(expr: Expr, own: Own) -> Expr:  # noqa: PLR0911 -- only dispatches
    match expr:
        case Number() | Text():
            return expr
        case Selector():
            return _selector(expr, own)
        case RangeSelector():
            return replace(expr, selector=_selector(expr.selector, own))
        case Subquery() | Unary() | Paren():
            return replace(expr, expr=_within(expr.expr, own))
        case Call():
            return replace(expr, args=tuple(_within(argument, own) for argument in expr.args))
        case Aggregation():
            param = expr.param and _within(expr.param, own)
            return replace(expr, expr=_within(expr.expr, own), param=param)
        case Binary():
            return _chain(expr, own)


def _selector(selector: Selector, own: Own) -> Selector:
    """Return *selector* with *own* first: the last matcher is the name's."""
    return replace(selector, matchers=(*own, *selector.matchers))


def _chain(binary: Binary, own: Own) -> Expr:
    first, links = left_chain(binary)
    made = _within(first, own)
    for link in links:
        made = replace(link, lhs=made, rhs=_within(link.rhs, own))
    return made
