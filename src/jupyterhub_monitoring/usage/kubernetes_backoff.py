"""Leaving an API alone for a while that said, or shows, that it has too much to do."""

from __future__ import annotations

import http
from dataclasses import dataclass

from .kubernetes_api import ApiFailure
from .model import Gap

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0


@dataclass(slots=True)
class BackOff:
    """When a list may be asked for again. Times are of one monotonic clock, in seconds.

    Doubles with each failure in a row, unless the API names a time (Retry-After) itself.
    """

    _until: float = 0.0
    _seconds: float = 0.0
    _gap: Gap | None = None

    def gap(self, now: float) -> Gap | None:
        """Return why we do not ask at *now*, or None if we may."""
        return self._gap if now < self._until else None

    def succeeded(self) -> None:
        """The API answered."""
        self._until, self._seconds, self._gap = 0.0, 0.0, None

    def failed(self, failure: ApiFailure, now: float) -> None:
        """Wait if *failure* says that the API is overloaded, broken or not there."""
        if failure.status == http.HTTPStatus.NOT_FOUND:  # not installed: it will not be soon
            self._wait(LONGEST_SECONDS, failure, now)
        elif failure.status == http.HTTPStatus.TOO_MANY_REQUESTS or failure.status >= 500:
            self._seconds = min(max(FIRST_SECONDS, 2 * self._seconds), LONGEST_SECONDS)
            wanted = failure.retry_after
            wait = self._seconds if wanted is None else min(wanted, LONGEST_SECONDS)
            self._wait(wait, failure, now)

    def _wait(self, seconds: float, failure: ApiFailure, now: float) -> None:
        self._until, self._gap = now + seconds, failure.gap
