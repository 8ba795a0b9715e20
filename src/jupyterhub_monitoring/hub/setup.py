"""`setup(c)`: the one line in `jupyterhub_config.py`."""

from __future__ import annotations

import logging
from typing import Any

from jupyterhub.app import JupyterHub, NewToken

from ..configuration import is_only_read
from .monitor import attach
from .service import keep_role
from .taps import tap

log = logging.getLogger(__name__)


def setup(c: Any) -> None:  # noqa: ARG001 -- read when the whole file has been; see below
    """Monitor the Hub whose configuration this is.

    Where in the file the line stands does not matter, and a second one changes nothing: *c* is
    not touched, and what it says is read when the Hub has read all of it.
    """
    if is_only_read():
        return
    if JupyterHub.initialized():
        attach(JupyterHub.instance())
    elif NewToken.initialized():  # `jupyterhub token` makes a Hub that is nobody's instance
        tap(JupyterHub, "init_role_creation", keep_role)
    else:
        log.warning("jupyterhub_monitoring.setup(c): no JupyterHub is starting here; nothing done")
