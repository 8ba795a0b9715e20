"""The bytes of what the head keeps on disk: values of a row, ids of a layout, a timeline.

Each is `crc32 u32 | count u32 | zstd frame`, the frame holding *count* numbers of 8 bytes, byte 0
of all of them first. Ids and timestamps are kept as differences of differences.
`store/FORMAT.md` draws them.
"""

from __future__ import annotations

import struct
import threading
import zlib

import numpy as np
import zstandard
from numpy.typing import NDArray

from ..errors import StoreDamaged

HEADER = struct.Struct("<II")
LEVEL = 1  # rows are rewritten as pages two hours later: time counts for more than space

_thread = threading.local()  # a zstd context serves one thread at a time


def encode_values(values: NDArray[np.float64]) -> bytes:
    """Return the bytes of a row's values, shape (N,); they come back bit for bit."""
    return _encode(values.view(np.int64))


def decode_values(blob: bytes) -> NDArray[np.float64]:
    """Return what `encode_values` was given; raise StoreDamaged where a bit has changed."""
    return _decode(blob).view(np.float64)


def encode_integers(integers: NDArray[np.int64]) -> bytes:
    """Return the bytes of ids or timestamps, shape (N,), that mostly rise evenly."""
    return _encode(np.diff(integers, n=2, prepend=np.zeros(2, dtype=np.int64)))


def decode_integers(blob: bytes) -> NDArray[np.int64]:
    """Return what `encode_integers` was given; raise StoreDamaged where a bit has changed."""
    return np.cumsum(np.cumsum(_decode(blob)))


def _encode(numbers: NDArray[np.int64]) -> bytes:
    if not hasattr(_thread, "compressor"):
        _thread.compressor = zstandard.ZstdCompressor(level=LEVEL)
    octets = np.ascontiguousarray(numbers, dtype="<i8").view(np.uint8).reshape(-1, 8)
    frame = _thread.compressor.compress(np.ascontiguousarray(octets.T))
    head = HEADER.pack(zlib.crc32(frame, len(numbers)), len(numbers))
    return bytes(head + frame)


def _decode(blob: bytes) -> NDArray[np.int64]:
    if not hasattr(_thread, "decompressor"):
        _thread.decompressor = zstandard.ZstdDecompressor()
    if len(blob) < HEADER.size:
        raise StoreDamaged(f"a row of {len(blob)} bytes is too short")
    crc, count = HEADER.unpack_from(blob)
    frame = memoryview(blob)[HEADER.size :]
    if zlib.crc32(frame, count) != crc:
        raise StoreDamaged("the checksum of a row is wrong")
    data = _thread.decompressor.decompress(frame, max_output_size=8 * count)
    octets = np.frombuffer(data, dtype=np.uint8).reshape(8, count)
    return np.ascontiguousarray(octets.T).view("<i8").reshape(count)
