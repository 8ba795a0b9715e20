"""What went wrong with a query, so far as a page says different things of it."""

from __future__ import annotations

import asyncio
from enum import Enum

from ..errors import (
    BadData,
    EngineBusy,
    EngineError,
    EngineUnauthorised,
    EngineUnreachable,
    NotPrometheus,
    QueryCancelled,
    QueryRefused,
    QueryTimedOut,
    QueryTooComplex,
    QueryTooLarge,
    StoreError,
    StoreNotOpen,
    TooManyPoints,
    TooManyQueries,
)


class Kind(str, Enum):
    """What a page can tell apart. The error's text is the sentence for people."""

    WRONG_QUERY = "wrong_query"  # a `ParseError` among them knows the place
    TOO_EXPENSIVE = "too_expensive"  # ask for less: a limit refuses it
    TIMED_OUT = "timed_out"
    BUSY = "busy"  # ask again in a moment
    CANCELLED = "cancelled"
    NOT_OPEN = "not_open"  # the store is being opened, or cannot be
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    NOT_PROMETHEUS = "not_prometheus"
    FAILED = "failed"  # the query is right, and there is no answer to it with these series


_KINDS: tuple[tuple[type[BaseException], Kind], ...] = (  # the first that fits
    (QueryTooComplex, Kind.TOO_EXPENSIVE),
    (TooManyPoints, Kind.TOO_EXPENSIVE),
    (QueryTooLarge, Kind.TOO_EXPENSIVE),
    (QueryRefused, Kind.TOO_EXPENSIVE),
    (BadData, Kind.WRONG_QUERY),
    (QueryTimedOut, Kind.TIMED_OUT),
    (TooManyQueries, Kind.BUSY),
    (EngineBusy, Kind.BUSY),
    (QueryCancelled, Kind.CANCELLED),
    (asyncio.CancelledError, Kind.CANCELLED),
    (StoreNotOpen, Kind.NOT_OPEN),
    (StoreError, Kind.NOT_OPEN),
    (EngineUnauthorised, Kind.UNAUTHORISED),
    (NotPrometheus, Kind.NOT_PROMETHEUS),
    (EngineUnreachable, Kind.UNREACHABLE),
    (EngineError, Kind.UNREACHABLE),
)


def kind_of(error: BaseException) -> Kind:
    """Return what kind of error *error* is."""
    return next((kind for of, kind in _KINDS if isinstance(error, of)), Kind.FAILED)
