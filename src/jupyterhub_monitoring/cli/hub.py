"""Run a monitored Hub: `jupyterhub` with the monitoring in it, without a line of configuration.

All arguments go to JupyterHub as they are, `--help`, `--version`, `-f FILE` and its subcommands
`token` and `upgrade-db` too.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes."""
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="…",
        help="any argument of `jupyterhub`",
    )


def run(args: argparse.Namespace) -> int:
    """Run until the Hub ends. It ends the process with its own status where it fails."""
    # Imported late: other verbs must not pay for, or fail on, a Hub.
    from ..hub.app import MonitoredJupyterHub  # noqa: PLC0415

    MonitoredJupyterHub.launch_instance(args.arguments)
    return 0
