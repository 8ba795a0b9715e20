"""A stretch of one stream's time, all within a block: in memory or sealed, read the same way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .page import DecodedPage
from .selection import ABSENT_BITS
from .slots import WIDTH, Groups
from .stretches import Falls, Rows, Stretches

Index = slice | NDArray[np.intp]
Floats = NDArray[np.float64]
Masks = NDArray[np.uint64]
"""What is known of G groups without reading their samples: sets of columns, one bit each, shape
(3, G). The rows are PRESENT, HOLES and FALLS."""

PRESENT = 0  # columns with a sample or a staleness marker somewhere in the segment
HOLES = 1  # of those, columns with an ABSENT or STALE cell
FALLS = 2  # of those, columns that fall somewhere, or that have a NaN


@dataclass(frozen=True, slots=True)
class Member:
    """Columns of one group that are read."""

    group: int
    columns: NDArray[np.intp]  # ascending, shape (S,)


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of some groups of one stream, which are read together."""

    members: Sequence[Member]
    slots: slice | NDArray[np.int64]  # where the head keeps them, within the stream
    width: int  # columns, of all groups together
    end: int  # above the highest slot

    @classmethod
    def of(cls, members: Sequence[Member], places: Sequence[int]) -> Part:
        """Return the part of *members*; *places* are those of `Groups`."""
        pairs = zip(members, places, strict=True)
        slots = np.concatenate([place * WIDTH + member.columns for member, place in pairs])
        return cls(members, together(slots), len(slots), int(slots[-1]) + 1)


def whole_group(group: int, place: int) -> Part:
    """Return all columns of *group*."""
    first = place * WIDTH
    member = Member(group, np.arange(WIDTH))
    return Part((member,), slice(first, first + WIDTH), WIDTH, first + WIDTH)


def together(numbers: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return ascending *numbers*, of which there is one at least, as a slice if they are one."""
    first, last = int(numbers[0]), int(numbers[-1])
    return slice(first, last + 1) if last - first == len(numbers) - 1 else numbers


next_serial = itertools.count(1).__next__
"""Gives the serials of segments, by which things are remembered without keeping these alive."""


class Segment(Protocol):
    """Rows of one stream that follow each other in time."""

    timestamps: NDArray[np.int64]
    """Milliseconds, strictly ascending, shape (T,)."""
    serial: int
    """No other segment's; a new one as soon as some of the samples cannot be read any more."""

    def masks(self, groups: Groups) -> Masks:
        """Return what is known of these groups."""

    def read(self, part: Part, index: Index) -> Floats:
        """Return the cells of these rows and columns, shape (len, columns). Not to be changed."""

    def intact(self, part: Part) -> bool:
        """Return whether all samples of *part* can be read; looks at most once."""

    def stretches(self, part: Part, *, markers: bool) -> Stretches | None:
        """Return where the columns of *part* have samples; None where that is not worth it.

        *markers*: staleness markers are taken for samples.
        """

    def falls(self, part: Part) -> Falls | None:
        """Return where the columns of *part* fall; None where that is not worth it."""


def read_page(page: DecodedPage, columns: NDArray[np.intp], index: Index) -> Floats:
    """Return these rows of *columns* of a group from its *page*; ABSENT where it has none."""
    has = page.header.columns
    if len(has) == WIDTH:
        return page.rows(index, None if len(columns) == WIDTH else together(columns))
    if len(has) == len(columns) and (has == columns).all():
        return page.rows(index)
    at = np.minimum(has.searchsorted(columns), len(has) - 1)
    missing = has[at] != columns
    if not missing.any():
        return page.rows(index, together(at))
    values = page.rows(index, at)
    values.view(np.int64)[:, missing] = ABSENT_BITS
    return values


def read_members(
    part: Part, index: Index, rows: int, page_of: Callable[[int], DecodedPage | None]
) -> Floats:
    """Return the cells of *part* from the pages of its groups, each of so many *rows*."""
    found = [
        absent(index, rows, len(member.columns))
        if page is None
        else read_page(page, member.columns, index)
        for member in part.members
        for page in [page_of(member.group)]
    ]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


def stretches_of_members(
    part: Part, page_of: Callable[[int], DecodedPage | None], *, markers: bool
) -> Stretches | None:
    """Return where the columns of *part* have samples, from the pages of its groups."""
    found = []
    for page, number in _numbered(part, page_of):
        stretches = page.stretches(markers=markers)
        if stretches is None:
            return None
        found.append(stretches.renumbered(number))
    return Stretches.beside(found or [Stretches.none()])


def falls_of_members(part: Part, page_of: Callable[[int], DecodedPage | None]) -> Falls | None:
    """Return where the columns of *part* fall, from the pages of its groups."""
    found = []
    for page, number in _numbered(part, page_of):
        falls = page.falls()
        if falls is None:
            return None
        found.append(falls.renumbered(number))
    return Falls.together(found or [Falls.none()])


def _numbered(
    part: Part, page_of: Callable[[int], DecodedPage | None]
) -> Iterator[tuple[DecodedPage, Rows]]:
    """Yield the page of each group, and which column of *part* each of its columns is, or -1."""
    first = 0
    for member in part.members:
        page = page_of(member.group)
        if page is not None:
            number = np.full(WIDTH, -1)
            number[member.columns] = np.arange(first, first + len(member.columns))
            yield page, number[page.header.columns]
        first += len(member.columns)


def absent(index: Index, rows: int, columns: int) -> Floats:
    """Return ABSENT cells for *index* into so many rows."""
    length = len(range(*index.indices(rows))) if isinstance(index, slice) else len(index)
    return np.full((length, columns), ABSENT_BITS, dtype=np.int64).view(np.float64)


def columns_that_fall(values: Floats) -> NDArray[np.bool_]:
    """Return which columns of *values*, shape (T, S), fall somewhere or have a NaN."""
    falls = (~(values[1:] >= values[:-1])).any(axis=0) | np.isnan(values).any(axis=0)
    return np.asarray(falls)
