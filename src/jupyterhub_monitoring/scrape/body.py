"""The body of an answer, taken piece by piece, never more of it than its target may send."""

from __future__ import annotations

import zlib

from ..errors import ScrapeError, ScrapeOverLimit


class Body:
    """Collects at most *limit* bytes, as sent and again as decompressed."""

    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in {"", "identity", "gzip"}:
            raise ScrapeError(f"the answer is compressed by {encoding[:40]!r}, not by gzip")
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
        self._limit = limit
        self._sent = self._size = 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Take the next piece as it was sent. `ScrapeError` where it cannot be decompressed."""
        self._sent += len(piece)
        self._check(self._sent)
        if self._gzip is not None:
            if self._gzip.eof:
                raise ScrapeError("the gzip stream is followed by something else")
            try:  # one byte more than it may be is enough to know that a bomb is one
                piece = self._gzip.decompress(piece, self._limit + 1 - self._size)
            except zlib.error as error:
                raise ScrapeError(f"the gzip stream is broken: {error}") from None
            if self._gzip.unused_data:
                raise ScrapeError("the gzip stream is followed by something else")
        self._size += len(piece)
        self._check(self._size)
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return all of it, decompressed. `ScrapeError` where the end is missing."""
        if self._gzip is not None and not self._gzip.eof:
            raise ScrapeError("the gzip stream ends too early")
        return b"".join(self._pieces)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ScrapeOverLimit("bytes in the answer", self._limit)
