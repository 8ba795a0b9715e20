"""How the Hub's process hands to the service what happened: lines in files of the data folder.

    hub-events/ = file*
    file        = BEGAN-LIFE-NUMBER.jsonl   of one life of the Hub's process; sorted, in order
    line        = {"n": 1, "at": 1790553600.25, "event": "spawn", ...} newline

`n` counts the events of a life from 1 without a gap, so that whoever reads knows what was read
already and what was lost. The Hub writes, begins a new file at a size and drops the oldest beyond
a limit; the service reads and removes. Neither needs the other to run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "hub-events"
FILE_BYTES = 1 << 20
"""A file that is longer is followed by another."""

MOST_BYTES = 32 << 20
"""What all files may take, some 100,000 events: months without a service, on most Hubs."""

LINE_BYTES = 16 << 10
"""A line that is longer is none of ours."""

_NAME = re.compile(r"(\d{13})-([0-9a-f]{16})-(\d{6})\.jsonl")


@dataclass(frozen=True, slots=True, order=True)
class SpoolFile:
    """The name of a file; in their order, names are in the order of what happened."""

    began_ms: int
    life: str
    number: int

    @property
    def name(self) -> str:
        """As it is in the folder."""
        return f"{self.began_ms:013d}-{self.life}-{self.number:06d}.jsonl"

    @property
    def next(self) -> SpoolFile:
        """The one after it, of the same life."""
        return SpoolFile(self.began_ms, self.life, self.number + 1)


@dataclass(frozen=True, slots=True)
class SpooledEvent:
    """One line of life *life*: the *number*th, at Unix seconds *at*. *fields* may hold anything."""

    life: str
    number: int
    at: float
    event: str
    fields: Mapping[str, Any]


def files(folder: Path) -> list[SpoolFile]:
    """Return what *folder* has of ours, in order; nothing where there is no folder."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    found = (_NAME.fullmatch(name) for name in names)
    return sorted(SpoolFile(int(m[1]), m[2], int(m[3])) for m in found if m)


def line(number: int, at: float, event: str, fields: Mapping[str, Any]) -> bytes:
    """Return one line. Raises ValueError where it would be too long, TypeError for an odd value."""
    text = json.dumps({**fields, "n": number, "at": at, "event": event}).encode() + b"\n"
    if len(text) > LINE_BYTES:
        raise ValueError(f"an event of {len(text):,} bytes")
    return text


def event_of(text: bytes, life: str) -> SpooledEvent | None:
    """Return what `line` wrote, None of anything else."""
    try:
        fields = json.loads(text)
        number, at, event = fields.pop("n"), fields.pop("at"), fields.pop("event")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if type(number) is not int or not isinstance(at, int | float) or not isinstance(event, str):
        return None
    return SpooledEvent(life, number, float(at), event, fields)
