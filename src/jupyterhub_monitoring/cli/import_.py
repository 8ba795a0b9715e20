"""Bring samples into a store: from OpenMetrics text with timestamps, or from a Prometheus.

The value StaleNaN is a staleness marker. Killed, the same command goes on where it was. The
service must not be running on the folder meanwhile.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from ..errors import CannotStart
from ..store.selection import Appended
from ..transfer.importer import hand_over, identity, lay_down_file
from ..transfer.prometheus_source import PrometheusSource
from ..transfer.spill import Spill
from .counted import counted
from .data_folder import Bar, add_data_dir, moment, opened, selected

TOKEN_VARIABLE = "PROMETHEUS_TOKEN"  # noqa: S105 -- the name of a variable, not a token
DEFAULT_MS = 15 * 86_400_000  # as long as a Prometheus keeps samples unless told otherwise
SPILL = "import"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_data_dir(parser)
    parser.add_argument(
        "source",
        metavar="FILE_OR_URL",
        help="a file of OpenMetrics text, or the address of a Prometheus (http:// or https://)",
    )
    parser.add_argument(
        "--selector",
        default="",
        metavar="{...}",
        help="of a Prometheus: only these series (default: all)",
    )
    parser.add_argument(
        "--start", type=moment, metavar="TIME", help="of a Prometheus: from (default: 15 days ago)"
    )
    parser.add_argument(
        "--end", type=moment, metavar="TIME", help="of a Prometheus: until (default: now)"
    )
    parser.add_argument(
        "--token",
        help=f"for a Prometheus that asks for a bearer token (default: the variable"
        f" {TOKEN_VARIABLE}, which other users of the machine cannot see)",
    )


def run(args: argparse.Namespace) -> int:
    """Import, and say what became of the samples."""
    folder: Path = args.data_dir
    what: PrometheusSource | Path
    if args.source.startswith(("http://", "https://")):
        what = _prometheus(args)
        name = f"{args.source} {what.matchers} {args.start} {args.end}"
    else:
        _whole(args)
        what = Path(args.source)
        name = identity(what)
    bar = Bar()
    with opened(folder, read_only=False) as store:
        spill = Spill(folder / SPILL, name)
        if not spill.journal.complete:
            _lay_down(what, spill, bar)
        counts = hand_over(spill, store, bar)
        spill.remove()
    print(_summary(counts))
    return 0


def _whole(args: argparse.Namespace) -> None:
    for option in ("selector", "start", "end", "token"):
        if getattr(args, option):
            raise CannotStart(
                f"--{option} is for the import from a Prometheus; a file is imported whole"
            )


def _lay_down(what: PrometheusSource | Path, spill: Spill, bar: Bar) -> None:
    if isinstance(what, PrometheusSource):
        what.lay_down(spill, bar)
        return
    try:
        lay_down_file(what, spill, bar)
    except CannotStart:
        spill.remove()  # the file has to be mended, so what was read of it is of no use
        raise


def _prometheus(args: argparse.Namespace) -> PrometheusSource:
    end = args.end if args.end is not None else round(time.time()) * 1000
    start = args.start if args.start is not None else end - DEFAULT_MS
    if start >= end:
        raise CannotStart("--start is not before --end")
    matchers = ",".join(map(str, selected(args.selector)))
    token = args.token or os.environ.get(TOKEN_VARIABLE, "")
    return PrometheusSource(args.source, start, end, token, matchers)


def _summary(counts: Appended) -> str:
    text = f"{counted(counts.stored, 'sample')} imported"
    for count, one, many, what in (
        (counts.repeated, "was", "were", "there already"),
        (counts.duplicate, "has", "have", "another value than the one that is there, which stays"),
        (counts.too_old, "is", "are", "older than what can still be taken"),
        (counts.no_space, "found", "found", "no room on the disk"),
    ):
        if count:
            text += f"; {count:,} {one if count == 1 else many} {what}"
    return text
