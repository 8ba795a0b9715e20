"""How queries ended, and how long they took, in the service's own metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import (
    QueryTimedOut,
    QueryTooComplex,
    QueryTooLarge,
    TooManyPoints,
    TooManyQueries,
)
from ..metrics.service_catalogue import (
    QUERIES,
    QUERIES_OVER_LIMIT,
    QUERY_SECONDS,
    QueryLimit,
    QueryOutcome,
)
from .kind import Kind, kind_of


@contextmanager
def counted() -> Iterator[None]:
    """Count how the query inside ended, and how long it took, waiting included."""
    begun = time.perf_counter()
    ended = QueryOutcome.SUCCESS
    try:
        yield
    except BaseException as error:
        reason = error.__cause__ or error  # a wrong query, in the words of the API
        ended = _OUTCOMES.get(kind_of(reason), QueryOutcome.ERROR)
        limit = _limit(reason)
        if limit is not None:
            QUERIES_OVER_LIMIT.labels(limit.value).inc()
        raise
    finally:
        QUERIES.labels(ended.value).inc()
        QUERY_SECONDS.observe(time.perf_counter() - begun)


def _limit(error: BaseException) -> QueryLimit | None:
    """Return the limit that *error* speaks of, if any."""
    if isinstance(error, QueryTooLarge | QueryTooComplex):
        return _LIMITS.get(error.what)
    return next((limit for kind, limit in _LIMIT_OF.items() if isinstance(error, kind)), None)


_OUTCOMES = {
    Kind.WRONG_QUERY: QueryOutcome.BAD_DATA,
    Kind.TOO_EXPENSIVE: QueryOutcome.REFUSED,
    Kind.TIMED_OUT: QueryOutcome.TIMEOUT,
    Kind.BUSY: QueryOutcome.REFUSED,
    Kind.CANCELLED: QueryOutcome.CANCELLED,
}
_LIMITS = {limit.value: limit for limit in QueryLimit} | {"memory bytes": QueryLimit.MEMORY}
_LIMIT_OF = {
    QueryTimedOut: QueryLimit.TIME,
    TooManyPoints: QueryLimit.POINTS,
    TooManyQueries: QueryLimit.CONCURRENCY,
}
