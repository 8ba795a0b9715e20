"""A page: the samples of up to 64 series over one block, as bytes and back.

A value that is a decimal (m / 10**exponent, m an integer of up to 53 bits that gives the very same
float64 back) is kept as m, with common factors of two taken out; any other value as the integer
that its bits are. Either way a column is a column of integers, which `codec` packs; zstd does the
rest. What fits no decimal but is not worth giving a column up for (ABSENT, STALE, NaN, infinity,
-0.0) is a *mark*: its cell repeats a neighbour, and a plane of bytes says what it really is.

Every value comes back bit for bit. `store/FORMAT.md` draws the bytes.
"""

from __future__ import annotations

import struct
import threading
import zlib
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray

from ..errors import StoreDamaged
from .codec import Int64s, Predictions, UInt8s, pack, predict, unpack
from .selection import ABSENT_BITS, STALE_BITS
from .stretches import Falls, Stretches, listed

Float64s = NDArray[np.float64]
Index = slice | NDArray[np.intp]

COLUMNS = 64
"""Series of a group, and so columns of a page at most."""

VERSION = 1
FULL, ASCENDING, MARKED = 1, 2, 4  # flags of a page

HEADER = struct.Struct("<IBBHIQ")  # crc, version, flags, itemsize, rows, columns
LEVEL = 6  # of zstd: benchmarks/store/page_codec.py compares them

MARKS = np.array(
    [
        0,  # no mark
        ABSENT_BITS,
        STALE_BITS,
        0x7FF8000000000000,  # NaN, as C and NumPy write it
        0x7FF8000000000001,  # NaN, as Go writes it
        0x7FF0000000000000,  # +Inf
        -0x0010000000000000,  # -Inf
        -0x8000000000000000,  # -0.0
    ],
    dtype=np.int64,
)
"""The bits that each mark stands for. Their places are part of the format."""
ABSENT_MARK, STALE_MARK = 1, 2
UNSTORED = STALE_MARK
"""Marks up to this one are no samples."""
NEGATIVE_ZERO = 7
EXPONENT_BITS = 0x7FF0000000000000  # all of them set: an infinity or a NaN

EXPONENTS = (0, 1, 2, 3, 4, 6, 9)
"""The decimals that are tried: 1, 0.1 ... nanoseconds."""
LARGEST = float(1 << 53)

BITS, WIDE = 1, 2  # forms of a column; without BITS it is a decimal
NARROW = (np.dtype(np.int16), np.dtype(np.int32))
DESCRIPTION = 5 + 8 + 8  # bytes before the planes, for each column


@dataclass(frozen=True, slots=True)
class PageHeader:
    """What can be known of a page without unpacking it."""

    length: int  # rows
    columns: UInt8s  # which of the group's 64 columns it has, ascending, shape (S,)
    full: bool  # no cell is ABSENT or STALE
    ascending: bool  # no sample is less than the one before it in its column, and none is NaN
    marked: bool = False  # a plane of marks is at its end
    itemsize: int = 4  # bytes of the differences of narrow columns

    @classmethod
    def of(cls, blob: bytes | memoryview) -> PageHeader:
        """Read the first bytes of *blob*; raise StoreDamaged where they cannot be a page's."""
        if len(blob) < HEADER.size:
            raise StoreDamaged(f"a page of {len(blob)} bytes is too short")
        _, version, flags, itemsize, length, mask = HEADER.unpack_from(blob)
        if version != VERSION:
            raise StoreDamaged(f"a page is of version {version}, this program reads {VERSION}")
        columns = np.flatnonzero(np.array([mask], dtype="<u8").view(np.uint8)[:, None] >> BIT & 1)
        marks = bool(flags & FULL), bool(flags & ASCENDING), bool(flags & MARKED)
        return cls(length, columns.astype(np.uint8), *marks, itemsize)


BIT = np.arange(8, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How integers become values: (difference * scale + base) / divisor; arrays of shape (S,)."""

    scale: Float64s
    base: Float64s
    divisor: Float64s

    @property
    def multiplies(self) -> bool:
        """Whether some scale is not 1."""
        return bool((self.scale != 1).any())

    @property
    def divides(self) -> bool:
        """Whether some divisor is not 1."""
        return bool((self.divisor != 1).any())


class DecodedPage:
    """A page in memory, in the narrowest exact form; `rows` makes float64 of what is asked.

    Columns are *narrow* (differences of 16 or 32 bits from a base) or *wide* (float64). What was
    found out of a page is kept with it.
    """

    __slots__ = (
        "_divides",
        "_falls",
        "_marks",
        "_multiplies",
        "_narrow",
        "_offsets",
        "_scaling",
        "_stretches",
        "_wide",
        "header",
    )

    def __init__(  # noqa: PLR0913, PLR0917 -- the parts of a page
        self,
        header: PageHeader,
        narrow: NDArray[np.bool_],
        offsets: NDArray[np.signedinteger],
        scaling: Scaling,
        wide: Float64s,
        marks: UInt8s | None,
    ) -> None:
        self.header, self._marks = header, marks
        self._narrow, self._offsets, self._wide = narrow, offsets, wide
        self._scaling = scaling
        self._multiplies, self._divides = scaling.multiplies, scaling.divides
        self._stretches: dict[bool, Stretches | None] = {}
        self._falls: tuple[Falls | None] | None = None

    @property
    def nbytes(self) -> int:
        """Return about how many bytes of memory this takes."""
        marks = 0 if self._marks is None else 2 * self._marks.nbytes  # and the stretches
        return self._offsets.nbytes + self._wide.nbytes + marks + 1024

    def stretches(self, *, markers: bool) -> Stretches | None:
        """Return where its columns have samples; None where that is not worth being listed.

        *markers*: staleness markers are taken for samples.
        """
        if markers not in self._stretches:
            self._stretches[markers] = self._find_stretches(markers=markers)
        return self._stretches[markers]

    def _find_stretches(self, *, markers: bool) -> Stretches | None:
        there = np.ones((self.header.length, len(self.header.columns)), dtype=np.bool_)
        if self._marks is not None:
            there = self._marks != ABSENT_MARK
            there &= markers | (self._marks != STALE_MARK)
        found = Stretches.of(self.rows(slice(None)), there)
        return found if listed(len(found), there.size, there.shape[1]) else None

    def falls(self) -> Falls | None:
        """Return where its columns fall; None where that is not worth being listed."""
        if self._falls is None:
            values = self.rows(slice(None))
            found = Falls.of(values)
            worth = listed(len(found.row), values.size, values.shape[1])
            self._falls = (found if worth else None,)
        return self._falls[0]

    def rows(self, index: Index, columns: Index | None = None) -> Float64s:
        """Return the samples of these rows (a slice or positions), shape (len, S), C-contiguous.

        *columns* are positions in `header.columns`; None is all of them. Cells may be ABSENT or
        STALE unless the page is `full`. The array is the caller's own.
        """
        values = self._values(index, columns)
        if self._marks is not None:
            marks = self._marks[index]
            _mark(values, marks if columns is None else marks[:, columns])
        return values

    def _values(self, index: Index, columns: Index | None) -> Float64s:
        if not self._wide.shape[1]:
            return self._narrow_values(index, columns)
        if not self._offsets.shape[1]:
            return _chosen(self._wide, index, columns)
        narrow = self._narrow_values(index, None)
        values = np.empty((len(narrow), len(self._narrow)))
        values[:, self._narrow] = narrow
        values[:, ~self._narrow] = self._wide[index]
        return values if columns is None else np.ascontiguousarray(values[:, columns])

    def _narrow_values(self, index: Index, columns: Index | None) -> Float64s:
        scaling = self._scaling
        scale, base, divisor = scaling.scale, scaling.base, scaling.divisor
        if columns is not None:
            scale, base, divisor = scale[columns], base[columns], divisor[columns]
        values = _chosen(self._offsets, index, columns)
        if self._multiplies:
            values *= scale
        values += base
        if self._divides:
            values /= divisor
        return values


def _chosen(
    matrix: NDArray[np.signedinteger] | Float64s, index: Index, columns: Index | None
) -> Float64s:
    """Return these rows and columns as new floats, C-contiguous: the rows first, often few."""
    rows = matrix[index]
    if columns is None:
        return rows.astype(np.float64, order="C")
    if isinstance(columns, slice):
        return rows[:, columns].astype(np.float64, order="C")
    return rows.take(columns, axis=1).astype(np.float64, copy=False)


def _mark(values: Float64s, marks: UInt8s) -> None:
    """Put into the cells of *values* what their *marks*, same shape, stand for."""
    if not marks.any():
        return
    bits = values.view(np.int64)
    np.putmask(bits, marks == ABSENT_MARK, ABSENT_BITS)  # often half of all, the others are few
    others = np.flatnonzero(marks > ABSENT_MARK)
    if len(others):
        bits.reshape(-1)[others] = MARKS[marks.reshape(-1)[others]]


def encode(columns: UInt8s, values: Float64s) -> bytes:
    """Return the page of *values*, shape (T, S), of the group's *columns*, shape (S,), ascending.

    T and S are at least 1. Cells without a sample are ABSENT.
    """
    bits = np.ascontiguousarray(values.T).view(np.int64)
    marks = _marks(bits)
    filled = bits.view(np.float64) if marks is None else _fill(bits, marks)
    integers, form, exponent = _integers(filled)
    integers, shift = _without_factors(integers)
    predictions, residuals = predict(integers)
    itemsize, wide = _narrowest(integers, predictions, form)
    form |= np.where(wide, WIDE, 0).astype(np.uint8)
    description = np.stack([form, predictions.order, predictions.width, exponent, shift])
    body = [description.tobytes(), _shuffled(predictions.base), _shuffled(predictions.step)]
    for part in (~wide, wide):
        chosen = np.flatnonzero(part)
        body.append(pack(predictions.take(chosen), residuals[chosen]))
    if marks is not None:
        body.append(marks.tobytes())
    flags = _flags(filled, marks)
    mask = int((np.uint64(1) << columns.astype(np.uint64)).sum())
    head = HEADER.pack(0, VERSION, flags, itemsize, len(values), mask)[4:]
    rest = head + compress(b"".join(body))
    return struct.pack("<I", zlib.crc32(rest)) + rest


def decode(blob: bytes) -> DecodedPage:
    """Return the page that `encode` wrote; raise StoreDamaged where a bit has changed."""
    header = PageHeader.of(blob)
    if zlib.crc32(memoryview(blob)[4:]) != int.from_bytes(blob[:4], "little"):
        raise StoreDamaged("the checksum of a page is wrong")
    count, length = len(header.columns), header.length
    body = memoryview(decompress(memoryview(blob)[HEADER.size :], count * (30 + 9 * length)))
    form, order, width, exponent, shift = np.frombuffer(body, np.uint8, 5 * count).reshape(5, count)
    base, step = (_unshuffled(body, 5 * count + at, count) for at in (0, 8 * count))
    predictions = Predictions(order, width, base, step)
    wide = form & WIDE != 0
    body = body[DESCRIPTION * count :]
    dtype = np.dtype(f"i{header.itemsize}")
    offsets, size = unpack(predictions.take(np.flatnonzero(~wide)), length, body, dtype)
    body = body[size:]
    divisor, scale = 10.0**exponent, 2.0**shift
    integers, size = unpack(
        predictions.take(np.flatnonzero(wide)), length, body, np.dtype(np.int64)
    )
    integers += base[wide, None]
    integers <<= shift[wide, None].astype(np.int64)
    as_bits = form[wide] & BITS != 0
    floats = np.where(as_bits[:, None], integers.view(np.float64), integers / divisor[wide, None])
    marks = _plane_of_marks(body[size:], header) if header.marked else None
    narrow = ~wide
    scaling = Scaling(scale[narrow], base[narrow] * scale[narrow], divisor[narrow])
    return DecodedPage(
        header,
        narrow,
        np.ascontiguousarray(offsets.T),
        scaling,
        np.ascontiguousarray(floats.T),
        marks,
    )


def compress(data: bytes) -> bytes:
    """Return *data* as one zstd frame that tells its size."""
    if not hasattr(_thread, "compressor"):
        _thread.compressor = zstandard.ZstdCompressor(level=LEVEL)
    packed: bytes = _thread.compressor.compress(data)
    return packed


def decompress(frame: bytes | memoryview, most: int) -> bytes:
    """Return what is in a zstd *frame*, of at most *most* bytes, or raise StoreDamaged."""
    if not hasattr(_thread, "decompressor"):
        _thread.decompressor = zstandard.ZstdDecompressor()
    try:
        if zstandard.frame_content_size(frame) > most:
            raise StoreDamaged("a page holds more than its header says")
        data: bytes = _thread.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise StoreDamaged(f"a page cannot be decompressed: {error}") from None
    return data


_thread = threading.local()  # a zstd context serves one thread at a time


def _marks(bits: Int64s) -> UInt8s | None:
    """Return which mark each cell of *bits* has, same shape; None where no cell has one."""
    special = (bits & EXPONENT_BITS) == EXPONENT_BITS
    special |= bits == MARKS[NEGATIVE_ZERO]
    if not special.any():
        return None
    cells = np.flatnonzero(special)
    found = np.zeros(len(cells), dtype=np.uint8)
    chosen = bits.reshape(-1)[cells]
    for mark in range(1, len(MARKS)):
        found[chosen == MARKS[mark]] = mark
    marks = np.zeros(bits.shape, dtype=np.uint8)
    marks.reshape(-1)[cells] = found
    return marks if found.any() else None


def _fill(bits: Int64s, marks: UInt8s) -> Float64s:
    """Return the values with each marked cell as the one before it, or the first; 0 if all are."""
    plain = marks == 0
    at = np.where(plain, np.arange(bits.shape[1]), 0)
    np.maximum.accumulate(at, axis=1, out=at)
    np.maximum(at, plain.argmax(axis=1)[:, None], out=at)
    filled = np.take_along_axis(bits, at, axis=1)
    filled[~plain.any(axis=1)] = 0
    return filled.view(np.float64)


def _integers(values: Float64s) -> tuple[Int64s, UInt8s, UInt8s]:
    """Return (integers, form, exponent) of each column of *values* (S, T)."""
    integers = values.view(np.int64).copy()
    form = np.full(len(values), BITS, dtype=np.uint8)
    exponent = np.zeros(len(values), dtype=np.uint8)
    left = np.flatnonzero(np.isfinite(values).all(axis=1))
    for power in EXPONENTS:
        with np.errstate(over="ignore"):
            scaled = np.rint(values[left] * 10.0**power)
            exact = (scaled / 10.0**power == values[left]) & (np.abs(scaled) <= LARGEST)
        fits = exact.all(axis=1)
        found = left[fits]
        integers[found] = scaled[fits].astype(np.int64)
        form[found], exponent[found] = 0, power
        left = left[~fits]
        if not len(left):
            break
    return integers, form, exponent


def _without_factors(integers: Int64s) -> tuple[Int64s, UInt8s]:
    """Return each column without the powers of two that all its values share, and how many."""
    common = np.bitwise_or.reduce(integers, axis=1)
    lowest = (common & -common).view(np.uint64)
    shift = np.where(lowest == 0, 0, np.log2(np.maximum(lowest, 1).astype(np.float64)))
    return integers >> shift.astype(np.int64)[:, None], shift.astype(np.uint8)


def _narrowest(
    integers: Int64s, predictions: Predictions, form: UInt8s
) -> tuple[int, NDArray[np.bool_]]:
    """Return (bytes of the differences of narrow columns, which columns are wide)."""
    offsets = integers - predictions.base[:, None]
    least, most = offsets.min(axis=1), offsets.max(axis=1)
    fits = [
        (least >= np.iinfo(t).min)
        & (most <= np.iinfo(t).max)
        & (predictions.width <= t.itemsize)
        & (form & BITS == 0)
        for t in NARROW
    ]
    wide = ~fits[1]
    return (2 if (fits[0] | wide).all() else 4), wide


def _flags(filled: Float64s, marks: UInt8s | None) -> int:
    """Return the flags of a page whose values, marked cells *filled*, are these (S, T)."""
    rising = bool((filled[:, 1:] >= filled[:, :-1]).all()) and not np.isnan(filled).any()
    if marks is None:
        return FULL | (ASCENDING if rising else 0)
    full = not ((marks > 0) & (marks <= UNSTORED)).any()
    others = bool((marks > UNSTORED).any())  # NaN and infinities: seldom, not worth a closer look
    return MARKED | (FULL if full else 0) | (ASCENDING if rising and not others else 0)


def _plane_of_marks(body: memoryview, header: PageHeader) -> UInt8s:
    shape = (len(header.columns), header.length)
    marks = np.frombuffer(body, dtype=np.uint8, count=shape[0] * shape[1]).reshape(shape)
    return np.ascontiguousarray(marks.T)


def _shuffled(numbers: Int64s) -> bytes:
    """Return byte 0 of all *numbers*, then byte 1 of all, and so on."""
    return numbers.astype("<i8").view(np.uint8).reshape(-1, 8).T.tobytes()


def _unshuffled(body: memoryview, offset: int, count: int) -> Int64s:
    octets = np.frombuffer(body, dtype=np.uint8, count=8 * count, offset=offset)
    return np.ascontiguousarray(octets.reshape(8, count).T).view("<i8").reshape(count)
