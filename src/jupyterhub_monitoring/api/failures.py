"""What went wrong, as the HTTP API says it: a status and an `errorType`."""

from __future__ import annotations

from ..errors import (
    BadData,
    EngineError,
    QueryCancelled,
    QueryError,
    QueryTimedOut,
    StoreError,
    TooManyQueries,
)

# By class, the first that fits. As Prometheus has them but for `canceled`, which is 503 by its
# documentation and 499 by its code: who sees it asked a service that stops, and may ask again.
_BY_CLASS: tuple[tuple[type[Exception], int, str], ...] = (
    (BadData, 400, "bad_data"),
    (QueryTimedOut, 503, "timeout"),
    (QueryCancelled, 503, "canceled"),
    (TooManyQueries, 503, "unavailable"),
    (QueryError, 422, "execution"),
    (StoreError, 503, "unavailable"),
    (EngineError, 503, "unavailable"),
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
    for kind, status, name in _BY_CLASS:
        if isinstance(error, kind):
            return status, name
    return None
