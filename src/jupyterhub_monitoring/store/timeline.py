"""Timelines: the timestamps of a block, kept once for all series that share them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreDamaged
from .codec import Predictions, pack, predict, unpack
from .page import compress, decompress

VERSION = 1
HEADER = struct.Struct("<IBBBxIqq")  # crc, version, order, width, -, length, base, step


def encode_timeline(timestamps: NDArray[np.int64]) -> bytes:
    """Return *timestamps*, shape (T,), T at least 1, as bytes."""
    predictions, residuals = predict(timestamps[None, :])
    order, width = int(predictions.order[0]), int(predictions.width[0])
    base, step = int(predictions.base[0]), int(predictions.step[0])
    head = HEADER.pack(0, VERSION, order, width, len(timestamps), base, step)[4:]
    rest = head + compress(pack(predictions, residuals))
    return struct.pack("<I", zlib.crc32(rest)) + rest


def decode_timeline(blob: bytes) -> NDArray[np.int64]:
    """Return the timestamps, shape (T,); raise StoreDamaged where a bit has changed."""
    if len(blob) < HEADER.size:
        raise StoreDamaged(f"a timeline of {len(blob)} bytes is too short")
    crc, version, order, width, length, base, step = HEADER.unpack_from(blob)
    if version != VERSION:
        raise StoreDamaged(f"a timeline is of version {version}, this program reads {VERSION}")
    if zlib.crc32(memoryview(blob)[4:]) != crc:
        raise StoreDamaged("the checksum of a timeline is wrong")
    predictions = Predictions(
        np.array([order], np.uint8),
        np.array([width], np.uint8),
        np.array([base]),
        np.array([step]),
    )
    body = memoryview(decompress(memoryview(blob)[HEADER.size :], 8 * length))
    offsets, _ = unpack(predictions, length, body, np.dtype(np.int64))
    timestamps: NDArray[np.int64] = offsets[0] + base
    return timestamps
