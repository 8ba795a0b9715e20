"""Which panels there are, and which of them a page shows."""

from __future__ import annotations

from dataclasses import dataclass

from . import hub_panels as hub
from . import server_panels as servers
from . import service_panels as service
from .panel import Panel


@dataclass(frozen=True, slots=True)
class Board:
    """A page's panels, in their order."""

    id: str
    title: str
    panels: tuple[Panel, ...]


BOARDS = (
    Board(
        "overview",
        "Overview",
        (
            hub.SERVERS,
            hub.SPAWN_DURATIONS,
            hub.MEMORY,
            hub.REQUESTS,
            hub.SPAWN_OUTCOMES,
            hub.CPU,
            hub.LOOP,
            hub.DISK,
        ),
    ),
    Board("users", "Users & servers", (servers.ALL_MEMORY, servers.ALL_CPU, servers.MEMORY_SPREAD)),
    Board(
        "server", "Server", (servers.SERVER_MEMORY, servers.SERVER_CPU, servers.SERVER_PROCESSES)
    ),
    Board("user", "User", (servers.USER_MEMORY, servers.USER_CPU, servers.USER_HOME)),
    Board("groups", "Groups", (servers.GROUP_MEMORY,)),
    Board(
        "activity",
        "Activity",
        (
            hub.ACTIVE_USERS,
            hub.LOGINS,
            hub.SPAWN_DURATIONS,
            hub.SPAWN_PHASES,
            hub.SPAWN_OUTCOMES,
            hub.EXITS,
        ),
    ),
    Board("health", "Health", (service.HEALTH_DURATION, hub.RESPONSE_TIME, hub.LOOP)),
    Board(
        "status",
        "Status",
        (
            service.STORE_SIZE,
            service.STORE_SERIES,
            service.SAMPLES,
            service.SCRAPE_DURATION,
            service.QUERIES,
            service.RULES,
            service.NOTIFICATIONS,
            service.OWN_MEMORY,
        ),
    ),
)

PANELS = {panel.id: panel for board in BOARDS for panel in board.panels}
"""Every panel by its id."""

_BY_ID = {board.id: board for board in BOARDS}


def board(name: str) -> Board:
    """Return the board called *name*. KeyError where there is none."""
    return _BY_ID[name]


def panel(name: str) -> Panel:
    """Return the panel called *name*. KeyError where there is none."""
    return PANELS[name]
