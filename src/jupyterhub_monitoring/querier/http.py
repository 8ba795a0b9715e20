"""PromQL of another engine: Prometheus, VictoriaMetrics, Mimir, Thanos, by Prometheus's HTTP API.

Our own parser reads each query first, see docs/decisions/0026-one-querier.md.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..alerting.rules.rule_status import GroupSnapshot
from ..errors import BadData, QueryError, QueryRefused, TooManyPoints
from ..promql.budget import Limits
from ..promql.quoting import quote
from .answer import Instant, Matrix, Metadata, Names, Shape, Span, milliseconds
from .counted import counted
from .endpoint import Endpoint
from .http_answers import Json, instant_of, matrix_of, metadata_of, names_of
from .http_api import HttpApi, Question
from .http_rules import rules_of
from .querier import MOST_NAMES, families_of
from .reading import Reading, read, read_selector

T = TypeVar("T")

_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class HttpQuerier:
    """A `Querier` of the engine at *endpoint*. For one event loop; `close` it."""

    def __init__(self, endpoint: Endpoint, limits: Limits = Limits()) -> None:  # noqa: B008
        self._endpoint, self._limits, self._api = endpoint, limits, HttpApi(endpoint)

    @property
    def place(self) -> str:
        """Where the engine is, as people may read it."""
        return self._endpoint.place

    def close(self) -> None:
        """End the connections."""
        self._api.close()

    async def instant(self, expr: str, at: float | None = None) -> Instant:
        """Return the value of *expr* at one instant."""
        ms, known = milliseconds(time.time() if at is None else at), read(expr, self._limits)
        if known.text is not None:  # VictoriaMetrics has no answer
            return Instant(ms / 1000, Shape.STRING, text=known.text)
        shape, most = known.shape, self._endpoint.max_series
        answer = await self._query(
            Question("query", self._asked(expr, time=ms), long=True),
            lambda body: instant_of(body, ms / 1000, shape, most),
            known,
        )
        return replace(answer, warnings=(*answer.warnings, *known.doubts))

    async def range(self, expr: str, span: Span) -> Matrix:
        """Return the values of *expr* at each instant of *span*."""
        if span.points - 1 > self._endpoint.max_points:
            raise TooManyPoints(self._endpoint.max_points)
        known = read(expr, self._limits)
        if known.shape in _NO_LINES:
            raise BadData(
                f'invalid expression type "{_NO_LINES[known.shape]}" for range query, '
                "must be Scalar or instant Vector"
            )
        asked = self._asked(expr, start=span.start_ms, end=span.end_ms, step=span.step_ms)
        answer = await self._query(
            Question("query_range", asked, long=True),
            lambda body: matrix_of(body, span, self._endpoint.max_series),
            known,
        )
        return replace(answer, warnings=(*answer.warnings, *known.doubts))

    async def metric_names(self, prefix: str = "", limit: int = MOST_NAMES) -> Names:
        """Return the names of metrics that begin with *prefix*."""
        match = f"{{__name__=~{quote(re.escape(prefix) + '.+')}}}" if prefix else ""
        return await self.label_values("__name__", match, limit=limit)

    async def label_names(
        self,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the labels of the series that *match*."""
        return await self._names("labels", match, (start, end), limit)

    async def label_values(
        self,
        label: str,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the values of *label* of the series that *match*."""
        if not label:
            raise BadData("say of which label")
        return await self._names(f"label/{escaped(label)}/values", match, (start, end), limit)

    async def metadata(self, metric: str = "") -> Mapping[str, Metadata]:
        """Return what is told of each family, or of *metric*'s; VictoriaMetrics knows nothing."""
        if not metric:
            return await self._api.ask(Question("metadata"), metadata_of)
        for name in families_of(metric):
            found = await self._api.ask(Question("metadata", (("metric", name),)), metadata_of)
            if found:
                return found
        return {}

    async def rules(self, own: Mapping[str, str]) -> Sequence[GroupSnapshot]:
        """Return the rules about Hubs and how they are. Some engines know of none.

        Alerts that have other values for the labels *own* are left out.
        """
        return await self._api.ask(Question("rules"), partial(rules_of, own=own))

    async def _names(
        self, path: str, match: str, between: tuple[float | None, float | None], limit: int
    ) -> Names:
        """Ask for one more than *limit*, to know whether there are more."""
        start = 0.0 if between[0] is None else between[0]
        end = time.time() if between[1] is None else between[1]
        asked = [
            ("start", _seconds(milliseconds(start))),
            ("end", _seconds(milliseconds(end))),
            ("limit", str(limit + 1)),
        ]
        if match:
            read_selector(match)
            asked.append(("match[]", match))
        return await self._api.ask(Question(path, tuple(asked)), partial(names_of, limit=limit))

    def _asked(self, expr: str, **when: int) -> tuple[tuple[str, str], ...]:
        """Return the parameters of a query; *when* is in milliseconds.

        `nocache` keeps VictoriaMetrics from moving the steps.
        """
        times = tuple((name, _seconds(ms)) for name, ms in when.items())
        timeout = f"{math.ceil(self._endpoint.timeout_seconds)}s"
        return (("query", expr), *times, ("timeout", timeout), ("nocache", "1"))

    async def _query(self, question: Question, made: Callable[[Json], T], known: Reading) -> T:
        """Ask a query. Where the engine, too, takes it for wrong, we know the place."""
        with counted():
            try:
                return await self._api.ask(question, made)
            except QueryRefused:
                raise
            except (BadData, QueryError):
                if known.wrong is None:
                    raise
                raise known.wrong from None


_NO_LINES: Mapping[Shape | None, str] = {Shape.STRING: "string", Shape.MATRIX: "range vector"}


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def escaped(label: str) -> str:
    """Return *label* as it stands in a path: in another alphabet as Prometheus 3 reads it."""
    if _PLAIN_NAME.fullmatch(label):
        return label
    signs = (
        "__" if sign == "_" else sign if sign.isascii() and sign.isalnum() else f"_{ord(sign):x}_"
        for sign in label
    )
    return f"U__{''.join(signs)}"
