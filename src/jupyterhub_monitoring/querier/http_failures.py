"""What an engine's refusal means: the error that a page shows, and whether to ask again.

The words of Prometheus, VictoriaMetrics, Mimir and Thanos are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses

from ..errors import (
    BadData,
    EngineBusy,
    EngineUnauthorised,
    EngineUnreachable,
    MonitoringError,
    NotPrometheus,
    ParseError,
    QueryCancelled,
    QueryError,
    QueryRefused,
    QueryTimedOut,
)

SHOWN_CHARACTERS = 300
"""So much of what an engine says is shown."""

_PLACE = re.compile(r"(\d+):(\d+): parse error: (.*)", re.DOTALL)
_VICTORIA = re.compile(r"error when executing query=\"(?:[^\"\\]|\\.)*\" [^:]*\): ")

_OUT_OF_TIME = re.compile(
    r"timed? ?out|timeout exceeded|maxQueryDuration|context deadline exceeded", re.IGNORECASE
)
_OVER_LIMIT = re.compile(
    r"too many (samples|points|raw samples|unique time ?series|chunks|series)"
    r"|exceeded maximum resolution|-search\.max|err-mimir-(max|the-query)"
    r"|exceed(s|ed|ing)?\b.*\blimit|limit\b.*\b(violated|exceeded|hit|reached)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none: the *error*, and whether another attempt may go well."""

    error: MonitoringError
    again: bool = False


def refusal(status: int, said: object, place: str, query: str, timeout: float) -> Refusal:
    """Return what the answer *status* with *said* means.

    *said* is the JSON of the answer, or its text, without secrets; *place* is the engine's address.
    """
    if isinstance(said, Mapping) and said.get("status") == "error":
        told = _words(str(said.get("error", "")))
        kind = str(said.get("errorType", ""))
    else:
        told, kind = (_words(said) if isinstance(said, str) else ""), None
    if kind == "timeout":
        return Refusal(QueryTimedOut(timeout, "the engine"))
    by_status = _of_status(status, f"{place} answered {status} {responses.get(status, '')}", told)
    if by_status is not None:
        return by_status
    if kind is None:
        return _of_plain(status, place, told)
    return _of_kind(kind, status, told, query, timeout)


def _of_status(status: int, answered: str, told: str) -> Refusal | None:
    """Return what is the same whoever answers: the engine, or a proxy before it."""
    because = f": {told}" if told else ""
    if status in {401, 403}:
        what = (
            f"{answered}{because}. The token or password for it is missing, wrong or not allowed to"
            " query; an engine for several tenants also wants the header that names one"
        )
        return Refusal(EngineUnauthorised(what))
    if status == 429:
        return Refusal(EngineBusy(f"{answered}{because}. Ask again in a moment"), again=True)
    if status in {502, 504} or (status == 503 and not told):
        what = f"{answered}{because}. What stands before the engine does not reach it"
        return Refusal(EngineUnreachable(what), again=True)
    return None


def _of_plain(status: int, place: str, told: str) -> Refusal:
    """Return what an answer without Prometheus's JSON means."""
    if status == 503:
        what = f"{place} is not ready: {told}. It may be starting; ask again in a moment"
        return Refusal(EngineUnreachable(what), again=True)
    if 300 <= status < 400:
        return Refusal(not_prometheus(place, f"sends us elsewhere ({status})"))
    if status == 500:
        return Refusal(QueryError(f"{place} failed: {told or 'it does not say why'}"))
    return Refusal(not_prometheus(place, f"answered {status} {responses.get(status, '')}"))


def not_prometheus(place: str, what: str) -> NotPrometheus:
    """Return the error of an engine that does *what* no Prometheus does."""
    return NotPrometheus(
        f"{place} {what.strip()}, and not as Prometheus's HTTP API does. Give the address below"
        " which /api/v1/query is, with its path (of Mimir that is /prometheus)"
    )


def _of_kind(kind: str, status: int, told: str, query: str, timeout: float) -> Refusal:
    """Return what Prometheus's JSON of an error means."""
    if _OUT_OF_TIME.search(told):
        return Refusal(QueryTimedOut(timeout, "the engine"))
    if kind == "canceled":
        return Refusal(QueryCancelled())
    if _OVER_LIMIT.search(told):
        return Refusal(QueryRefused(told))
    if kind == "bad_data":
        return Refusal(_placed(told, query))
    if kind == "unavailable" or status == 503:
        return Refusal(EngineUnreachable(f"the engine cannot answer now: {told}"), again=True)
    return Refusal(QueryError(told))


def _placed(told: str, query: str) -> BadData:
    """Return the error of a wrong query, with the place where the engine tells it."""
    found = _PLACE.search(told)
    if found is None:
        return BadData(told)
    line, column = int(found[1]), int(found[2])
    begin = 0
    for _ in range(line - 1):
        begin = query.find("\n", begin) + 1
    return ParseError(found[3], query, min(begin + column - 1, len(query)))


def _words(text: str) -> str:
    """Return what an engine says in one line, without the query that it repeats."""
    line = " ".join(_VICTORIA.sub("", text).split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."
