"""Show who uses what now, as `top` does for processes: each server's CPU, memory, age, idleness.

Keys: c, m, a, i, u sort by CPU, memory, age, idle time, user; the arrows scroll; q ends it. Where
the output is no terminal, it is written once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

from . import hub_request, usage_question
from .hub_request import TOKEN_VARIABLE, Question
from .usage_page import View, page
from .usage_table import Line, Order

ROWS = 1000
UNCUT = 10_000  # columns, where no terminal has to hold them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--url",
        default="http://127.0.0.1:8000",
        help="the address of the Hub, with its base URL if it has one, or of the monitoring service"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        help="an API token; with the scopes read:metrics and access:services!service=monitoring,"
        " as admins have, it shows all servers, any other user's shows their own (default:"
        f" the variable {TOKEN_VARIABLE}, which other users of the machine cannot see)",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file with the token")
    parser.add_argument(
        "--sort",
        choices=[order.value for order in Order],
        default=Order.CPU.value,
        help="the largest, oldest or most idle first (default: %(default)s)",
    )
    parser.add_argument(
        "--limit",
        type=_rows,
        default=ROWS,
        metavar="N",
        help=f"servers at most, {usage_question.MAX_ROWS:,} or fewer (default: %(default)s)",
    )
    parser.add_argument(
        "--interval",
        type=hub_request.seconds,
        metavar="SECONDS",
        help="between two looks (default: as often as the service looks)",
    )
    parser.add_argument("--once", action="store_true", help="write the table once and end")
    parser.add_argument("--json", action="store_true", help="write the service's answer and end")
    hub_request.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show it. Raises `CannotStart` where nothing can be shown."""
    order = Order(args.sort)
    token = hub_request.token(args.token, args.token_file)

    def question(order: Order) -> Question:
        url = usage_question.usage_url(args.url, sort=order.value, limit=args.limit)
        return Question(url, token, args.timeout, not args.insecure)

    answer = usage_question.ask(question(order))
    view = View(answer, hub_request.place(question(order).url), order)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # names that the terminal's encoding lacks
    if args.json:
        return _written(json.dumps(answer, indent=2))
    if args.once or not _is_terminal(sys.stdout):
        columns = shutil.get_terminal_size((UNCUT, 0)).columns
        return _written("\n".join(map(_plain, page(view, columns))))
    # Terminals are known on Unix only.
    from .live_table import LiveTable  # noqa: PLC0415

    colours = not os.environ.get("NO_COLOR")
    LiveTable(view, question, args.interval).run(sys.stdout, sys.stdin, colours=colours)
    return 0


def _rows(text: str) -> int:
    value = int(text)
    if not 0 < value <= usage_question.MAX_ROWS:
        raise argparse.ArgumentTypeError(f"from 1 to {usage_question.MAX_ROWS}")
    return value


def _is_terminal(stream: TextIO) -> bool:
    """Whether a live table can be drawn on *stream*."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def _plain(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


def _written(text: str) -> int:
    """Print *text*; whoever reads it may stop at any line."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
