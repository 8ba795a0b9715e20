"""Answer queries on a data folder without a Hub: the same HTTP API, nothing is scraped.

Whoever reaches the port gets in, without a token; so it is this machine's only, unless --host says
otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .demo import port_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder with the store (series.sqlite)",
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=9090,
        help="where it listens (default 9090, as Prometheus; 0: any free port)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address where it listens (default 127.0.0.1: this machine only)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    from ..service.standalone import serve  # noqa: PLC0415 -- other verbs must not pay for it

    return serve(args.data_dir, args.host, args.port)
