"""The body of an answer: written, joined to blocks and compressed by a worker, block by block."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

BLOCK_BYTES = 256 * 1024
"""Bytes written before they are sent: worth a switch between threads, not worth much memory."""

COMPRESS_FROM_BYTES = 1024

# The fastest level: series compress to a tenth with it, and higher levels cost more CPU than the
# bytes are worth.
_LEVEL = 1
_GZIP_WBITS = 31  # zlib's way to say: with gzip's header


class Body:
    """An answer that is written while it is sent. *check* may raise to end the writing.

    `gzipped` is known after the first block; `done` says that the last one was given.
    """

    def __init__(
        self, pieces: Iterator[bytes], gzip: bool, check: Callable[[], None] | None = None
    ) -> None:
        self._pieces, self._gzip, self._check = pieces, gzip, check
        self._compressor: zlib._Compress | None = None
        self.done = False

    @property
    def gzipped(self) -> bool:
        """Whether the blocks are compressed: where it was asked for and pays."""
        return self._compressor is not None

    def block(self) -> bytes:
        """Return the next part of the body, which may be empty."""
        block = self._written()
        if self._gzip and self._compressor is None:
            if self.done and len(block) < COMPRESS_FROM_BYTES:
                return block
            self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
        if self._compressor is None:
            return block
        packed = self._compressor.compress(block)
        return packed + self._compressor.flush() if self.done else packed

    def _written(self) -> bytes:
        held: list[bytes] = []
        size = 0
        for piece in self._pieces:
            if self._check is not None:
                self._check()
            held.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                break
        else:
            self.done = True
        return b"".join(held)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip."""
    for wish in accept_encoding.lower().split(","):
        name, _, parameters = wish.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
