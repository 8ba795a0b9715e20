"""Columns of integers as few bytes: what is left of a prediction, in byte planes.

Every column is a row of an int64 matrix, shape (S, T): S columns, T values each, oldest first.
For each column one of three predictions is chosen, the one that leaves the smallest residuals:

    order 0   every value is `base`                      (a noisy gauge)
    order 1   every value is the one before + `step`     (a counter)
    order 2   every step is the one before               (timestamps, a steady counter)

Residuals are zigzag numbers (0, -1, 1, -2 ... as 0, 1, 2, 3 ...) of `width` bytes. Byte 0 of all
columns comes first, then byte 1 of those that have one, and so on: bytes that look alike lie
together, which is what the compressor after us feeds on. Arithmetic is modulo 2**64 (or, when
unpacked into a narrower type, its modulus), so that any int64 comes back, whatever it is.

`store/FORMAT.md` draws the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
UInt8s = NDArray[np.uint8]

MAX_ORDER = 2


@dataclass(frozen=True, slots=True)
class Predictions:
    """How each of S columns was predicted; every array has shape (S,)."""

    order: UInt8s
    width: UInt8s  # bytes of a residual, 0 to 8; 0: the prediction was right throughout
    base: Int64s
    step: Int64s

    def take(self, columns: NDArray[np.intp]) -> Predictions:
        """Return the predictions of these columns, in this order."""
        return Predictions(
            self.order[columns], self.width[columns], self.base[columns], self.step[columns]
        )

    def __len__(self) -> int:
        return len(self.order)


def predict(values: Int64s) -> tuple[Predictions, NDArray[np.uint64]]:
    """Return the best prediction of each column of *values* (S, T) and its residuals (S, T)."""
    count, length = values.shape
    base, step = values[:, 0].copy(), np.zeros(count, dtype=np.int64)
    order = np.zeros(count, dtype=np.uint8)
    if length < 3:
        best = _zigzag(values - base[:, None])
        return Predictions(order, _widths(best), base, step), best
    middle = np.partition(values, length // 2, axis=1)[:, length // 2]
    best = _zigzag(values - middle[:, None])
    base = middle
    cost = _cost(best)
    for rank, candidate in ((1, _differences(values)), (2, _second_differences(values))):
        first, speed, residuals = candidate
        wins = _cost(residuals) < cost * 0.97 - length * 0.02  # a cumulative sum less to read
        best[wins], base[wins], step[wins] = residuals[wins], first[wins], speed[wins]
        order[wins] = rank
        cost = np.where(wins, _cost(residuals), cost)
    return Predictions(order, _widths(best), base, step), best


def pack(predictions: Predictions, residuals: NDArray[np.uint64]) -> bytes:
    """Return the byte planes of *residuals* (S, T), in the order of `layout`."""
    parts = []
    octets = residuals.astype("<u8", copy=False).view(np.uint8).reshape(*residuals.shape, 8)
    for section in layout(predictions):
        widths = predictions.width[section]
        planes = range(int(widths.max(initial=0)))
        parts += [octets[section[widths > plane], :, plane].tobytes() for plane in planes]
    return b"".join(parts)


def unpack(
    predictions: Predictions, length: int, body: memoryview, dtype: np.dtype[np.signedinteger]
) -> tuple[NDArray[np.signedinteger], int]:
    """Return (values less their base (S, *length*), bytes read from *body*).

    *dtype* is a signed integer type that holds every such difference and every residual.
    """
    result = np.empty((len(predictions), length), dtype=dtype)
    offset = 0
    for section in layout(predictions):
        part = predictions.take(section)
        residuals, size = _planes(part.width, length, body[offset:], dtype)
        offset += size
        if part.order[0] > 0:
            _integrate(part, residuals)
        result[section] = residuals
    return result, offset


def layout(predictions: Predictions) -> list[NDArray[np.intp]]:
    """Return the columns of each order, widest first: the order in which their bytes lie."""
    by_width = np.argsort(-predictions.width.astype(np.int8), kind="stable")
    sections = [by_width[predictions.order[by_width] == o] for o in range(MAX_ORDER + 1)]
    return [section for section in sections if len(section)]


def _planes(
    widths: UInt8s, length: int, body: memoryview, signed: np.dtype[np.signedinteger]
) -> tuple[NDArray[np.signedinteger], int]:
    """Return (residuals of columns with these descending *widths*, bytes read)."""
    unsigned = np.dtype(f"u{signed.itemsize}")
    zigzag = np.zeros((len(widths), length), dtype=unsigned)
    offset = 0
    for plane in range(int(widths[0])):
        columns = int(np.count_nonzero(widths > plane))
        size = columns * length
        octets = np.frombuffer(body, dtype=np.uint8, count=size, offset=offset)
        offset += size
        if plane == 0:
            zigzag[:columns] = octets.reshape(columns, length)
        else:
            shifted = octets.reshape(columns, length).astype(unsigned)
            shifted <<= unsigned.type(8 * plane)
            zigzag[:columns] |= shifted
    sign = zigzag & unsigned.type(1)
    zigzag >>= unsigned.type(1)
    zigzag ^= np.negative(sign, out=sign)
    return zigzag.view(signed), offset


def _integrate(part: Predictions, residuals: NDArray[np.signedinteger]) -> None:
    """Turn the residuals of order 1 or 2 into differences from `base`, in place."""
    steps = residuals[:, 1:]
    for _ in range(int(part.order[0]) - 1):
        np.cumsum(steps, axis=1, dtype=steps.dtype, out=steps)
    steps += part.step.astype(steps.dtype)[:, None]
    np.cumsum(steps, axis=1, dtype=steps.dtype, out=steps)


def _differences(values: Int64s) -> tuple[Int64s, Int64s, NDArray[np.uint64]]:
    """Return (base, step, residuals) of order 1; the step is the median one."""
    steps = np.diff(values, axis=1)
    middle = steps.shape[1] // 2
    step = np.partition(steps, middle, axis=1)[:, middle]
    return values[:, 0], step, _from(1, steps - step[:, None], values.shape)


def _second_differences(values: Int64s) -> tuple[Int64s, Int64s, NDArray[np.uint64]]:
    """Return (base, step, residuals) of order 2; the step is the first one."""
    steps = np.diff(values, axis=1)
    return values[:, 0], steps[:, 0], _from(2, np.diff(steps, axis=1), values.shape)


def _from(start: int, residuals: Int64s, shape: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return *residuals* as zigzag numbers in a matrix of *shape*, from column *start* on."""
    result = np.zeros(shape, dtype=np.uint64)
    result[:, start:] = _zigzag(residuals)
    return result


def _zigzag(residuals: Int64s) -> NDArray[np.uint64]:
    return ((residuals << 1) ^ (residuals >> 63)).view(np.uint64)


def _widths(residuals: NDArray[np.uint64]) -> UInt8s:
    """Return the bytes that the largest residual of each column needs."""
    largest = residuals.max(axis=1, initial=0)
    limits = np.array([256**width - 1 for width in range(8)], dtype=np.uint64)
    widths: UInt8s = np.searchsorted(limits, largest).astype(np.uint8)
    return widths


def _cost(residuals: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return about how many bits the residuals of each column need."""
    bits: NDArray[np.float64] = np.log2(residuals.astype(np.float64) + 1).sum(axis=1)
    return bits
