"""What is known of the rows of a chunk without looking at them: the `Masks` of all its groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .segment import FALLS, HOLES, PRESENT, Masks, columns_that_fall
from .selection import ABSENT_BITS, STALE_BITS
from .slots import WIDTH, Groups

EVERY = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Flags:
    """Bits of the slots of a stream, shape (3, groups). A bit that is set stays set."""

    __slots__ = ("_bits",)

    def __init__(self, bits: Masks) -> None:
        self._bits = bits

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Flags:
        """Return the flags of *values*, shape (T, slots)."""
        bits = values.view(np.int64)
        gaps = bits == ABSENT_BITS
        holes = (gaps | (bits == STALE_BITS)).any(axis=0)
        packed = (~gaps.all(axis=0), holes, columns_that_fall(values))
        return cls(np.stack([_packed(flags) for flags in packed]))

    @classmethod
    def fresh(cls, width: int) -> Flags:
        """Return the flags of *width* slots without rows."""
        return cls(np.zeros((3, width // WIDTH), dtype=np.uint64))

    def note(self, row: NDArray[np.float64], before: NDArray[np.float64]) -> None:
        """Take a new *row*, the one *before* it being known (itself, where there is none)."""
        bits = row.view(np.int64)
        gaps = bits == ABSENT_BITS
        self._bits[HOLES] |= _packed(gaps | (bits == STALE_BITS))
        self._bits[FALLS] |= ~_packed(row >= before)
        self._bits[PRESENT] |= ~_packed(gaps)

    def widened(self, width: int, *, rows: bool) -> Flags:
        """Return flags for *width* slots, the new ones being ABSENT in all *rows*, if any."""
        more = np.zeros((3, width // WIDTH - self._bits.shape[1]), dtype=np.uint64)
        if rows:
            more[[HOLES, FALLS]] = EVERY
        return Flags(np.concatenate([self._bits, more], axis=1))

    def masks(self, groups: Groups) -> Masks:
        """Return what is known of these groups."""
        places, known = groups.places, self._bits.shape[1]
        if len(places) and places[-1] < known:  # they are ascending
            return self._bits[:, places]
        found = np.zeros((3, len(places)), dtype=np.uint64)
        count = int(places.searchsorted(known))
        found[:, :count] = self._bits[:, places[:count]]
        return found


def _packed(flags: NDArray[np.bool_]) -> NDArray[np.uint64]:
    packed: NDArray[np.uint64] = np.packbits(flags, bitorder="little").view("<u8")
    return packed


def columns_in(mask: int) -> NDArray[np.intp]:
    """Return the columns of a mask, ascending."""
    octets = np.array([mask & int(EVERY)], dtype="<u8").view(np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little"))
