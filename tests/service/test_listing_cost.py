"""What the Hub is asked for usage: one listing in pages each interval, and nothing else."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from support.service_hub import ServiceHub, eventually

INTERVAL_SECONDS = 2.0
CONFIG = f"""
c.MonitoringUsage.interval_seconds = {INTERVAL_SECONDS}
c.MonitoringUsage.page_size = 3
"""
USERS = ("ana", "ben", "cleo", "dora", "eva")

ASKED = re.compile(
    r"^\[\w (\S+ \S+) JupyterHub log:\d+\] \d+ GET (\S+) \(monitoring@", re.MULTILINE
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    hub = ServiceHub(tmp_path_factory.mktemp("hub"), config=CONFIG)
    try:
        hub.start()
        for name in USERS:
            hub.post(f"hub/api/users/{name}")
            hub.post(f"hub/api/users/{name}/server")
        for name in USERS:
            hub.wait_ready(name)
        yield hub
    finally:
        hub.kill()


def asked(hub: ServiceHub) -> list[tuple[float, str]]:
    """When the service asked the Hub for what, by the Hub's own log."""
    return [(datetime.fromisoformat(at).timestamp(), path) for at, path in ASKED.findall(hub.log)]


def test_one_listing_per_interval(hub: ServiceHub):
    """However many pages it takes, and however many people look at the numbers meanwhile."""
    eventually(lambda: hub.ask("api/usage").json["totals"]["servers"] == len(USERS))
    before = len(asked(hub))

    def listings() -> list[list[tuple[float, str]]]:
        """Each with its pages; the last one may not be whole."""
        hub.ask("api/usage")
        hub.ask("metrics")
        found: list[list[tuple[float, str]]] = []
        for at, path in asked(hub)[before:]:
            if "offset=0" in path:
                found.append([])
            if found and "/users?" in path:
                found[-1].append((at, path))
        return found

    found = eventually(lambda: (seen := listings()) and len(seen) > 4 and seen)[:-1]
    begins = [pages[0][0] for pages in found]
    pauses = [later - earlier for earlier, later in itertools.pairwise(begins)]
    assert min(pauses) > 0.5 * INTERVAL_SECONDS
    assert sum(pauses) >= (len(pauses) - 0.5) * INTERVAL_SECONDS
    assert {len(pages) for pages in found} == {3}  # each page begins within the one before
    assert all("&include_stopped_servers=false&limit=3&" in pages[0][1] for pages in found)


def test_nothing_else_is_asked(hub: ServiceHub):
    """No request per user, and none for people whose servers do not run."""
    eventually(lambda: len(asked(hub)) > 5)
    paths = {path.partition("?")[0] for _, path in asked(hub)}
    assert paths == {"/hub/api/metrics", "/hub/api/users", "/hub/health/ready"}
