"""Where another engine is, and how it may be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..alerting.receivers.http_options import NO_OPTIONS, HttpOptions
from ..alerting.receivers.redact import longest_first, shown


@dataclass(frozen=True, slots=True)
class Endpoint:
    """*url* is what `/api/v1/query` is appended to; *options* are credentials, TLS and headers.

    The bounds are of one question. Its time is from its beginning, waiting and retries included.
    """

    url: str = field(repr=False)
    options: HttpOptions = NO_OPTIONS
    timeout_seconds: float = 30.0
    retries: int = 2  # of an engine that cannot be reached, or that has no time
    parallel: int = 8  # questions at once; others wait for their turn
    max_bytes: int = 32 << 20  # of an answer; read, it takes some times as much
    max_series: int = 20_000
    max_points: int = 11_000  # steps of a range query, as in Prometheus

    @property
    def base(self) -> str:
        """The address without a slash at its end, and without `/api/v1`."""
        return self.url.rstrip("/").removesuffix("/api/v1")

    @property
    def place(self) -> str:
        """What people may read of the address."""
        return shown(self.url)

    def secrets(self) -> tuple[str, ...]:
        """Return what people may not read. Raises OSError where a file cannot be read."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return self.options.secrets()
        own = [parts.username or "", parts.password or "", parts.query]
        return longest_first([*self.options.secrets(), *own])
