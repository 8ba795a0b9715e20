"""FORMAT.md is true: its dumps decode to what it says, its tables are those of the file."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import numpy as np
import zstandard

import jupyterhub_monitoring.store as room
from jupyterhub_monitoring.store.database import APPLICATION, SCHEMA
from jupyterhub_monitoring.store.page import HEADER, decode
from jupyterhub_monitoring.store.selection import ABSENT, STALE
from jupyterhub_monitoring.store.timeline import decode_timeline

TEXT = (Path(room.__file__).parent / "FORMAT.md").read_text()


def dump(name: str) -> bytes:
    """Return the bytes of a dump; the first 48 characters of a line, the rest explains them."""
    block = re.search(rf"```hex {name}\n(.*?)```", TEXT, re.DOTALL)[1]
    return bytes.fromhex("".join(line[:48] for line in block.splitlines()))


def test_the_page():
    """The page drawn decodes to the values that the text names, bit for bit."""
    page = decode(dump("page"))
    expected = [[10, 0.25, 1 / 3], [13, 0.25, 1 / 3], [16, 0.5, STALE], [21, 0.25, ABSENT]]
    bits = np.array(expected, dtype=np.float64).view(np.int64)
    assert page.rows(slice(None)).view(np.int64).tolist() == bits.tolist()
    assert page.header.columns.tolist() == [0, 1, 5]
    assert (page.header.full, page.header.ascending) == (False, False)


def test_the_body():
    """What is in the page's frame is drawn byte by byte."""
    assert zstandard.ZstdDecompressor().decompress(dump("page")[HEADER.size :]) == dump("body")


def test_the_timeline():
    """The timeline drawn decodes to the timestamps that the text names."""
    at = 1_700_000_000_000
    assert decode_timeline(dump("timeline")).tolist() == [at, at + 15_000, at + 30_001, at + 45_000]


def test_the_tables():
    """Every table of the file is drawn with its columns, and no other."""
    drawn = re.search(r"## Tables\n\n```text\n(.*?)```", TEXT, re.DOTALL)[1]
    drawn = re.sub(r"\n {11}(?=\w)", " ", drawn)  # a line that goes on
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    names = [name for name in names if not name.startswith("sqlite_")]
    lines = {line.split()[0]: line for line in drawn.splitlines() if line[:1].isalpha()}
    assert sorted(lines) == sorted(names)
    for name in names:
        for _, column, *_ in connection.execute(f"PRAGMA table_info({name})"):
            assert re.search(rf"\b{column}\b", lines[name]), (name, column)
    assert f"{APPLICATION:#X}".replace("X", "x") in TEXT
