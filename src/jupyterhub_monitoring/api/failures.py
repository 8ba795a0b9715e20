"""What went wrong, as the HTTP API says it: a status and an `errorType`."""

from __future__ import annotations

from ..errors import (
    BadData,
    QueryCancelled,
    QueryError,
    QueryTimedOut,
    QueryTooComplex,
    QueryTooLarge,
    StoreError,
    TooManyPoints,
    TooManyQueries,
)
from ..metrics.service_catalogue import QueryOutcome

# By class, the first that fits. As Prometheus has them but for `canceled`, which is 503 by its
# documentation and 499 by its code: who sees it asked a service that stops, and may ask again.
_BY_CLASS: tuple[tuple[type[Exception], int, str, QueryOutcome], ...] = (
    (QueryTooComplex, 400, "bad_data", QueryOutcome.REFUSED),
    (TooManyPoints, 400, "bad_data", QueryOutcome.REFUSED),
    (BadData, 400, "bad_data", QueryOutcome.BAD_DATA),
    (QueryTimedOut, 503, "timeout", QueryOutcome.TIMEOUT),
    (QueryCancelled, 503, "canceled", QueryOutcome.CANCELLED),
    (TooManyQueries, 503, "unavailable", QueryOutcome.REFUSED),
    (QueryTooLarge, 422, "execution", QueryOutcome.REFUSED),
    (QueryError, 422, "execution", QueryOutcome.ERROR),
    (StoreError, 503, "unavailable", QueryOutcome.ERROR),
)

BY_STATUS = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "bad_data",
    503: "unavailable",
}
"""The `errorType` of what tornado and the Hub's authentication refuse, by status."""


def failure(error: BaseException) -> tuple[int, str] | None:
    """Return the status and the `errorType` of *error*; None when it is a fault of ours."""
    for kind, status, name, _ in _BY_CLASS:
        if isinstance(error, kind):
            return status, name
    return None


def outcome(error: BaseException) -> QueryOutcome:
    """Return how a query that raised *error* ended."""
    for kind, _, _, ended in _BY_CLASS:
        if isinstance(error, kind):
            return ended
    return QueryOutcome.ERROR
