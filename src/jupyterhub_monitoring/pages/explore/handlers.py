"""What Explore fetches: lines for its plots, CSV files, and what may be typed next."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from ...api.failures import failure
from ...errors import BadData, MonitoringError
from ...querier import Span, kind_of
from ..handler import PageHandler
from ..leaving import Leaving
from ..panel_texts import to_csv, to_json
from ..refusals import Refusing
from .answers import all_samples, lines, table_csv
from .asked import latest_moment
from .completion import options
from .mistake import mistake
from .place import place

LONGEST_TEXT = 20_000
"""Characters of an expression in which completion looks for what fits."""


class _Asking(Refusing, Leaving, PageHandler):
    """Asks for one expression of an address."""

    default_range = "1h"

    @property
    def expr(self) -> str:
        """The expression. Raises `BadData` where there is none."""
        text = self.get_query_argument("expr", "").replace("\r\n", "\n")
        if not text:
            raise BadData("`expr` names no expression")
        return text

    def send_csv(self, name: str, text: str) -> None:
        """Answer with a file."""
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}.csv"')
        self.finish(text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong with the expression in the words that the page has for it."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = failure(error) if isinstance(error, MonitoringError) else None
        if known is None:
            super().write_error(status_code, **kwargs)
            return
        self.set_status(known[0])
        self.set_header("Content-Type", "application/json")
        said = mistake(error, self.get_query_argument("expr", ""))
        self.finish(orjson.dumps({"error": said.sentence, "kind": kind_of(error).value}))


class DataHandler(_Asking):
    """`explore/data?expr=…&range=1h`, the same JSON as a panel's, and `explore/data.csv`."""

    async def get(self, suffix: str) -> None:
        """Answer with lines; the CSV has all of them."""
        expr, period = self.expr, self.period
        span = Span(period.start, period.end, period.step)
        answer = await self.unless_left(self.sources.context.querier.range(expr, span))
        if suffix:
            self.send_csv("explore", to_csv(lines(expr, answer, most=None)))
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(to_json(lines(expr, answer)))


class LatestHandler(_Asking):
    """`explore/latest.csv?expr=…`: labels as columns, and the value."""

    async def get(self) -> None:
        """Answer with all series."""
        querier, at = self.sources.context.querier, latest_moment(self.period, self.began)
        answer = await self.unless_left(querier.instant(self.expr, at))
        self.send_csv("latest", table_csv(all_samples(answer)))


class CompletionHandler(Refusing, PageHandler):
    """`explore/complete?before=sum(ra&after=)`: what fits between the two."""

    async def get(self) -> None:
        """Answer with the word that is typed already, and what may take its place."""
        before, after = (
            self.get_query_argument(name, "", strip=False)[:LONGEST_TEXT]
            for name in ("before", "after")
        )
        found = place(before, after)
        offered = await options(
            self.sources.context.querier, found, asked=bool(self.get_query_argument("asked", ""))
        )
        self.set_header("Content-Type", "application/json")
        self.finish(
            orjson.dumps({"word": found.word, "options": [asdict(option) for option in offered]})
        )
