"""Run the monitoring service. The Hub does that by itself; see `c.Monitoring.service`.

It takes no arguments: the Hub says by environment variables where it listens and what it may use.
"""

from __future__ import annotations

import argparse
import os

from ..errors import CannotStart


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes: nothing."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 -- every verb gets them
    """Run until the Hub ends it, or is gone."""
    if "JUPYTERHUB_SERVICE_PREFIX" not in os.environ:
        raise CannotStart(
            "the Hub starts this by itself, once setup(c) is in its configuration;"
            " `jupyterhub-monitoring serve` shows a store without a Hub"
        )
    from ..service.main import main  # noqa: PLC0415 -- other verbs must not pay for it

    return main()
