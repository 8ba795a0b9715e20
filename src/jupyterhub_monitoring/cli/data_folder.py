"""What the commands on a data folder share: the folder, times, selectors, a progress bar."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from ..errors import BadData, CannotStart, StoreError
from ..promql.parser import parse_selector
from ..store.database import FILE
from ..store.matcher import Matcher
from ..store.store import Store

REDRAW_SECONDS = 0.2
LINE_SECONDS = 5.0
WIDTH = 30


def add_data_dir(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare `--data-dir`."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        required=required,
        metavar="DIR",
        help="the folder with the store (series.sqlite)",
    )


def existing(folder: Path) -> Path:
    """Return *folder* if a store is in it; else say what is wrong."""
    if not folder.is_dir():
        raise CannotStart(f"there is no folder {folder}; name the service's data folder")
    if not (folder / FILE).is_file():
        raise CannotStart(f"{folder} holds no store ({FILE}); name the service's data folder")
    return folder


@contextmanager
def opened(folder: Path, *, read_only: bool) -> Iterator[Store]:
    """Open the store, close it in the end; what goes wrong is a `CannotStart`."""
    try:
        store = Store.open(folder, read_only=read_only)
        try:
            yield store
        finally:
            store.close()
    except (StoreError, sqlite3.Error) as error:
        raise CannotStart(f"{folder}: {error}") from None
    except OSError as error:
        raise CannotStart(f"{error.filename or folder}: {error.strerror or error}") from None


def moment(text: str) -> int:
    """Return the milliseconds of `2026-11-23`, `2026-11-23T14:05:00Z` or Unix seconds."""
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-11-23, 2026-11-23T14:05:00Z or Unix seconds"
        ) from None
    return round(at.replace(tzinfo=at.tzinfo or timezone.utc).timestamp() * 1000)


def selected(selector: str) -> tuple[Matcher, ...]:
    """Return the matchers of `--selector`; none of them for an empty one."""
    try:
        return parse_selector(selector) if selector else ()
    except BadData as error:
        raise CannotStart(f"--selector {selector!r}: {error}") from None


class Bar:
    """Says how far something is: a bar on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()

    def __call__(self, doing: str, done: float) -> None:
        """Show that *done*, 0 to 1, of what is being done is done."""
        now = time.monotonic()
        if self._terminal:
            if done >= 1 or now - self._last >= REDRAW_SECONDS:
                self._last = now
                full = round(min(done, 1.0) * WIDTH)
                line = f"\r{doing} [{'#' * full}{'.' * (WIDTH - full)}] {done:4.0%} "
                print(line, end="\n" if done >= 1 else "", file=sys.stderr, flush=True)
        elif now - self._last >= LINE_SECONDS:
            self._last = now
            print(f"{doing}: {done:.0%}", file=sys.stderr, flush=True)
