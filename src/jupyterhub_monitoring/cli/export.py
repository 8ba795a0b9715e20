"""Write samples of a store, or files for Prometheus, Grafana, Kubernetes and so on.

With --data-dir, samples go out as OpenMetrics text, which `import` reads back, or as Parquet. With
the name of a tool, such as `export prometheus --output DIR`, files for it are made of the settings:
the same rules and dashboards as here, ready for that tool.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from ..errors import CannotStart
from ..transfer.exporter import Export, write_openmetrics
from . import export_tools
from .counted import counted
from .data_folder import Bar, add_data_dir, existing, moment, opened, selected

FOREVER_MS = 1 << 52


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: those for samples, and a word for each tool with its own."""
    uses = ("--data-dir DIR [OPTION ...]", "TOOL --output DIR [OPTION ...]")
    parser.usage = "\n       ".join(f"{parser.prog} {use}" for use in uses)
    add_data_dir(parser, required=False)
    parser.add_argument(
        "--selector",
        default="",
        metavar="{...}",
        help='only these series, as in PromQL: up or {job="hub"} (default: all)',
    )
    parser.add_argument("--start", type=moment, default=0, metavar="TIME", help="from")
    parser.add_argument("--end", type=moment, default=FOREVER_MS, metavar="TIME", help="until")
    parser.add_argument(
        "--format",
        choices=("openmetrics", "parquet"),
        default="openmetrics",
        help="default: %(default)s; parquet needs the extra jupyterhub-monitoring[parquet]",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: the standard output (text only)"
    )
    parser.set_defaults(refuse=parser.error)
    tools = parser.add_subparsers(
        dest="tool", metavar="TOOL", title="files for another tool", prog=parser.prog
    )
    export_tools.add_tools(tools)


def run(args: argparse.Namespace) -> int:
    """Export samples, or files for a tool."""
    if args.tool is None:
        if args.data_dir is None:
            args.refuse(
                "say what: --data-dir DIR for samples, or one of"
                f" {', '.join(export_tools.TOOLS)} for files for that"
            )
        return _samples(args)
    if args.data_dir is not None:
        args.refuse(f"--data-dir is for samples; leave it out, or {args.tool}")
    return export_tools.run(args)


def _samples(args: argparse.Namespace) -> int:
    """Export samples; the count goes to the terminal."""
    bar = Bar()
    if args.output is None and args.format == "parquet":
        raise CannotStart("a Parquet file is binary; say where with --output FILE")
    if args.start > args.end:
        raise CannotStart("--start is after --end")
    with opened(existing(args.data_dir), read_only=True) as store:
        export = Export(store, selected(args.selector), args.start, args.end)

        def progress(done: float) -> None:
            bar("exporting", done)

        if args.format == "parquet":
            count = _parquet(export, args.output, progress)
        else:
            to = args.output.open("w") if args.output else nullcontext(sys.stdout)
            with to as out:
                count = write_openmetrics(export, store.metadata(), out, progress)
    print(f"{counted(count, 'sample')} exported", file=sys.stderr)
    return 0


def _parquet(export: Export, output: Path, progress: Callable[[float], None]) -> int:
    try:
        from ..transfer.parquet import write_parquet  # noqa: PLC0415 -- pyarrow is an extra
    except ImportError:
        raise CannotStart(
            "Parquet needs pyarrow: pip install 'jupyterhub-monitoring[parquet]'"
        ) from None
    return write_parquet(export, output, progress)
