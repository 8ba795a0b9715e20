"""Where the service begins. Nothing that can be broken is imported before there is a way out."""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import stand_in
from .signals import end_at_once_until_ready
from .surroundings import Surroundings


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run the service that *environ*, made by the Hub, describes; return the exit status."""
    end_at_once_until_ready()
    surroundings = Surroundings.of_hub(environ)
    try:
        # Whatever is wrong with the installation shows here.
        from .in_hub import run  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001
        stand_in.serve(environ, error)
        return 1
    run(surroundings)
    # Everything is written. Threads of queries that do not notice the end must not delay it.
    os._exit(0)
