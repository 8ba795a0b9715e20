"""`jupyterhub-monitoring serve`: the pages and the API on a data folder, without a Hub."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from ..activity import database as activity
from ..api import handlers
from ..errors import CannotStart, StoreError
from ..pages.sources import Sources
from ..store.store import FILE, Store
from . import settings as service_settings
from .activity_part import ActivityPart
from .application import Host
from .context import make_registry
from .hub_pages import last_open_route, open_routes
from .request_log import DiscreetApplication
from .signals import end_at_once_until_ready

KEEPS_ALL = '{"MonitoringStore": {"retention_days": 1e6, "retention_bytes": 1152921504606846976}}'
"""Who serves an old copy of a folder wants to look at it, not to have it emptied: no retention."""


def serve(folder: Path, host: str, port: int) -> int:
    """Serve until a signal; return the exit status. Raises `CannotStart`."""
    end_at_once_until_ready()
    os.umask(0o077)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="[%(levelname).1s %(asctime)s] %(message)s"
    )
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    _check_address(host, port)
    served = Host(folder, service_settings.read(KEEPS_ALL), make_registry())
    store = _open(served, folder)
    try:
        asyncio.run(_run(served, store, (host, port)))
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    # Everything is written. Threads of queries that do not notice the end must not delay it.
    os._exit(0)


async def _run(host: Host, store: Store, address: tuple[str, int]) -> None:
    host.keeper.store = store
    if (host.folder / activity.FILE).exists():
        host.parts.append(ActivityPart(host, None))
    sources = Sources(
        host.context,
        "/",
        folder=str(host.folder),
        interval=host.settings.scrape.interval_seconds,
        store_stats=lambda: host.keeper.stats,
    )
    routes = [
        *open_routes(host.context, sources),
        *handlers(host.context),
        last_open_route(sources),
    ]
    await host.run(DiscreetApplication(routes), address)


def _open(host: Host, folder: Path) -> Store:
    if not (folder / FILE).is_file():
        raise CannotStart(
            f"{folder} holds no store ({FILE});"
            " name the service's data folder, or `import` something into a new one"
        )
    try:
        return Store.open(folder, host.settings.store.limits())
    except StoreError as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        raise CannotStart(f"{folder} cannot be used: {error.strerror or error}") from None


def _check_address(host: str, port: int) -> None:
    """Refuse an address where nobody can listen, before anything is opened."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
