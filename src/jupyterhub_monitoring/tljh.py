"""For The Littlest JupyterHub: installed with `--plugin jupyterhub-monitoring`, its Hub is watched.

TLJH installs its plugins into the Hub's environment, finds them by the entry point `tljh`, and
calls their hooks with pluggy, which it brings.
"""

from __future__ import annotations

from typing import Any

from pluggy import HookimplMarker

from .hub.setup import setup

hookimpl = HookimplMarker("tljh")


@hookimpl
def tljh_custom_jupyterhub_config(c: Any) -> None:
    """Do what the one line in `jupyterhub_config.py` does elsewhere."""
    setup(c)
