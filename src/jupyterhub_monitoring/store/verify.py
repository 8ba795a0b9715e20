"""Verify: every byte that the store keeps is read and unpacked once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import StoreDamaged
from .database import Database
from .page import decode
from .row_codec import decode_integers, decode_values
from .timeline import decode_timeline

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is damaged, and what that means for who reads the store."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, by count, and what is damaged."""

    pages: int
    timelines: int
    head_rows: int
    findings: tuple[Finding, ...]


def verify(folder: Path, progress: Progress = lambda _done: None) -> Verified:
    """Return what is damaged in the store in *folder*; it may be in use meanwhile.

    Raises `StoreDamaged` where the file is no store at all.
    """
    database = Database(folder, read_only=True)
    try:
        with database.reading() as connection:
            connection.execute("BEGIN")  # one moment, whoever writes
            return _Verifier(connection, progress).verify()
    finally:
        database.close()


class _Verifier:
    def __init__(self, connection: sqlite3.Connection, progress: Progress) -> None:
        self._execute, self._progress = connection.execute, progress
        self._findings: list[Finding] = []
        self._lengths: dict[tuple[int, int], int | None] = {}  # of timelines, by block and stream
        self._layouts: dict[int, int | None] = {}

    def verify(self) -> Verified:
        self._read("series.sqlite", self._structure)
        timelines = self._read("the table of timelines", self._timelines)
        pages = self._read("the table of pages", self._pages)
        rows = self._read("the head", self._rows)
        return Verified(pages, timelines, rows, tuple(self._findings))

    def _read(self, place: str, read: Callable[[], Iterator[object]]) -> int:
        """Return how many things *read* could look at."""
        count = 0
        try:
            for _ in read():
                count += 1
        except sqlite3.DatabaseError as error:
            self._findings.append(Finding(place, str(error)))
        return count

    def _unpacked(self, place: str, unpack: Callable[[], int]) -> int | None:
        """Return the length that *unpack* finds; None, and a finding, where it cannot."""
        try:
            return unpack()
        except StoreDamaged as error:
            self._findings.append(Finding(place, str(error)))
            return None

    def _structure(self) -> Iterator[object]:
        """Look at what SQLite itself finds wrong."""
        for (text,) in self._execute("PRAGMA quick_check(20)"):
            if text != "ok":
                self._findings.append(Finding("series.sqlite", text))
            yield text

    def _timelines(self) -> Iterator[object]:
        for block, stream, body in self._execute("SELECT block, stream, body FROM timelines"):
            place = f"timeline of stream {stream}, block {block}"
            length = self._unpacked(place, partial(_timeline_length, body))
            self._lengths[block, stream] = length
            yield place

    def _pages(self) -> Iterator[object]:
        (total,) = self._execute("SELECT count(*) FROM pages").fetchone()
        rows = self._execute(
            "SELECT pages.block, series_group, stream, bodies.body FROM pages"
            " LEFT JOIN bodies ON bodies.id = pages.body ORDER BY pages.block, series_group"
        )
        for done, (block, group, stream, body) in enumerate(rows, 1):
            place = f"page of group {group}, block {block}"
            length = self._unpacked(place, partial(_page_length, body))
            wanted = self._lengths.get((block, stream))
            if length is not None and wanted is not None and length != wanted:
                self._findings.append(Finding(place, "it has another length than its timeline"))
            self._progress(done / total)
            yield place

    def _rows(self) -> Iterator[object]:
        for number, body in self._execute("SELECT id, ids FROM layouts"):
            place = f"layout {number} of the head"
            length = self._unpacked(place, partial(_layout_length, body))
            self._layouts[number] = length
        for number, layout, body in self._execute("SELECT id, layout, body FROM head"):
            place = f"row {number} of the head"
            length = self._unpacked(place, partial(_row_length, body))
            if length is not None and length != self._layouts.get(layout):
                self._findings.append(Finding(place, "it does not go with its layout"))
            yield place


def _page_length(body: bytes | None) -> int:
    if body is None:
        raise StoreDamaged("its bytes are not there")
    return decode(body).header.length


def _timeline_length(body: bytes) -> int:
    return len(decode_timeline(body))


def _layout_length(body: bytes) -> int:
    return len(decode_integers(body))


def _row_length(body: bytes) -> int:
    return len(decode_values(body))
