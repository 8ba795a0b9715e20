"""What the demo says when it is ready."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .config import DemoHub

TEXT = """
  A monitored JupyterHub is running. Only this machine can reach it.

    open       {url}
    log in     any name, or "admin" who sees the admin pages
    password   {password}

    metrics    curl -H 'Authorization: token {token}' {url}hub/metrics
    pages      {url}services/monitoring/ as "admin" for all; others see their own
    history    curl -H 'Authorization: token {token}' \\
                 '{url}services/monitoring/api/v1/query?query=jupyterhub_running_servers'
    health     curl {url}hub/health/ready
               {program} health --url {url} --token {token}
    usage      {program} top --url {url} --token {token}
    alerts     {url}services/monitoring/alerts (nobody is told: c.Monitoring.notify is empty)

    log        {log}
    data       {folder} ({fate})

  Ctrl-C stops everything.
"""


def banner(hub: DemoHub, log: Path, *, kept: bool) -> str:
    """Return the text, for a Hub that answers at its URL."""
    return TEXT.format(
        url=hub.url,
        password=hub.password,
        token=hub.token,
        log=log,
        program=program(),
        folder=hub.folder,
        fate="kept" if kept else "removed at the end; --data-dir DIR keeps it",
    )


def program() -> str:
    """Return what to type for our own command: its name, or its path where PATH has it not."""
    name = "jupyterhub-monitoring"
    return name if shutil.which(name) else str(Path(sys.executable).with_name(name))
