"""The service's table of routes, and a path for each pattern in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyterhub_monitoring.pages.sources import Sources
from jupyterhub_monitoring.service import settings
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.context import make_registry
from jupyterhub_monitoring.service.in_hub import routes
from jupyterhub_monitoring.service.route import Route


@contextmanager
def route_table(folder: Path, prefix: str) -> Iterator[list[Route]]:
    """Give every route that the service has behind a Hub; its store is not open."""
    host = Host(folder, settings.read("{}"), make_registry())
    try:
        yield routes(host, Sources(host.context, prefix, "/hub/", snapshots=lambda: None))
    finally:
        host.context.queries.close()
        host.keeper.writer.shutdown()


def path_of(pattern: str) -> str:
    """Return a path that *pattern* matches."""
    path = pattern.removesuffix("$").replace("([^/]+)", "username").replace("(?:/.*)?", "/x")
    path = path.replace("([a-z-]+)", "panel").replace(r"(\.csv)?", "")
    path = path.replace("(txt|csv|json|html)", "csv")
    path = re.sub(r"[()\\]", "", path.replace(".*", "x")).replace("/?", "/")
    assert re.fullmatch(pattern, path), f"teach this function a path for {pattern}"
    return path
