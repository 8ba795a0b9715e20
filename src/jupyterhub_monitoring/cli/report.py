"""Report what the Hub was used for in a month or a term: people, hours, peaks, starts, uptime.

From the service of a Hub that runs (--url), or straight from its data folder (--data-dir). Small
groups are merged; the definitions of all figures are on the report.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..capacity import Format
from . import hub_request
from .hub_request import TOKEN_VARIABLE
from .report_source import from_folder, from_service

FORMATS = [how.value for how in Format]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="the service's data folder, on this machine; the service may run",
    )
    source.add_argument(
        "--url",
        default="http://127.0.0.1:8000",
        help="the address of the Hub, with its base URL if it has one, or of the monitoring service"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        help="an API token with the scopes read:metrics and access:services!service=monitoring, as"
        f" admins have (default: the variable {TOKEN_VARIABLE}, which other users of the machine"
        " cannot see)",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the token")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--month", metavar="YYYY-MM", help="that month (default: this month)")
    when.add_argument(
        "--term", metavar="NAME", help="a term of c.MonitoringReports.terms; see --config"
    )
    when.add_argument(
        "--from",
        dest="begin",
        metavar="TIME",
        help="from this day or moment on: 2026-10-01 or 2026-10-01T14:00",
    )
    parser.add_argument(
        "--to",
        metavar="TIME",
        help="... to this moment, or to the end of this day (default: now)",
    )
    parser.add_argument(
        "--by", choices=["user", "group", "profile", "day"], help="a row for each of them, too"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="show groups and profiles of fewer than five people, too, instead of merging them",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="with --data-dir and --term: the jupyterhub_config.py that has the terms",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="text", help="of the report (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there")
    hub_request.add_arguments(parser)
    parser.set_defaults(timeout=120.0)


def run(args: argparse.Namespace) -> int:
    """Write the report. Raises `CannotStart` where there is none."""
    how = Format(args.format)
    words = {
        "month": args.month or "",
        "term": args.term or "",
        "from": args.begin or "",
        "to": args.to or "",
        "by": args.by or "",
        "all": "1" if args.all else "",
    }
    if args.data_dir is not None:
        text = from_folder(args.data_dir, words, how, args.config)
    else:
        token = hub_request.token(args.token, args.token_file)
        text = from_service(args, words, how, token)
    return _written(text, args.output)


def _written(text: str, output: Path | None) -> int:
    """Write *text* to a file that only its owner can read, or print it."""
    if output is not None:
        return _to_file(text, output)
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads it may stop at any line
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _to_file(text: str, output: Path) -> int:
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(output, flags, 0o600), "wb") as out:  # names may be in it
            out.write(text.encode())
    except OSError as error:
        print(f"{output}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
