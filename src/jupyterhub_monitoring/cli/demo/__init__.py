"""Start a whole monitored Hub to look around in: JupyterLab, a proxy, any name may log in.

On loopback only, with a generated password. Ctrl-C ends all of it. Without --data-dir nothing is
kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .banner import banner
from .config import DemoHub
from .folder import demo_folder
from .preflight import check_packages, choose_ports
from .processes import HubProcess

__all__ = ["add_arguments", "run"]


def port_number(text: str) -> int:
    """Return the port that *text* says; 0 means any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to 65535")
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes."""
    parser.add_argument(
        "--port",
        type=port_number,
        default=8000,
        help="where the Hub listens on 127.0.0.1 (default 8000; 0: any free port)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep users, notebooks and logs in DIR, for the next time"
        " (default: a temporary folder that is removed at the end)",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show the Hub's whole log, with debug messages"
    )


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C, SIGTERM or the end of the terminal; leave no process behind."""
    check_packages()
    public, internal, api = choose_ports(args.port)
    with demo_folder(args.data_dir) as folder:
        hub = DemoHub(folder.path, public, internal, api)
        process = HubProcess(hub.write(), folder.path / "hub.log", debug=args.debug)
        return process.run(hub.health_urls, banner(hub, process.log_file, kept=folder.kept))
