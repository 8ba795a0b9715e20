"""`format_query` and `parse_query`: a query laid out, and its tree. And no exemplars of it."""

from __future__ import annotations

from ..errors import BadData
from ..promql.ast import Expr
from ..promql.parser import parse
from ..promql.printer import format_query
from ..promql.tree_json import tree
from .handler import GET_AND_POST, ApiHandler
from .parameters import invalid


class QueryText(ApiHandler):
    """What is said of the text of a query; nothing is evaluated."""

    SUPPORTED_METHODS = GET_AND_POST

    async def answer(self, *_args: str) -> None:
        """Answer with what `describe` says."""
        query, limits = self.parameters.text("query"), self.context.queries.limits

        def work() -> tuple[object, tuple[str, ...]]:
            try:
                return self.describe(parse(query, limits)), ()
            except BadData as error:
                raise invalid("query", error) from None

        await self.look_up(work)

    def describe(self, expr: Expr) -> object:
        """Return the data of the answer."""
        raise NotImplementedError


class FormatQuery(QueryText):
    """`/api/v1/format_query`: the query as Prometheus's formatter lays it out."""

    endpoint = "/api/v1/format_query"

    def describe(self, expr: Expr) -> str:
        """Return the text."""
        return format_query(expr)


class ParseQuery(QueryText):
    """`/api/v1/parse_query`: the query's tree."""

    endpoint = "/api/v1/parse_query"

    def describe(self, expr: Expr) -> dict[str, object]:
        """Return the tree."""
        return tree(expr)


class Exemplars(QueryText):
    """`/api/v1/query_exemplars`: none are kept, and Grafana shows an error if nobody answers."""

    endpoint = "/api/v1/query_exemplars"

    def describe(self, expr: Expr) -> list[object]:  # noqa: ARG002 -- only that it can be parsed
        """Return none."""
        return []
