"""Groups: what the people of each use together."""

from __future__ import annotations

from dataclasses import dataclass

from ..dashboards import board
from ..usage.snapshot import ServerUsage, UsageSnapshot
from .handler import PageHandler
from .panel_view import panel_views
from .server_rows import total


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: people with a server that runs, servers, and what is known of their use."""

    name: str
    users: int
    servers: int
    cpu: float | None
    memory: float | None


class GroupsPage(PageHandler):
    """`groups`: a row for each group that is watched."""

    page = "users"

    async def get(self) -> None:
        """Show the groups of which somebody has a server now."""
        snapshot = self.sources.snapshots() if self.sources.snapshots else None
        period = self.period
        self.show(
            "groups.html",
            period=period,
            rows=group_rows(snapshot),
            panels=panel_views(board("groups").panels, period, self.viewer),
        )


def group_rows(snapshot: UsageSnapshot | None) -> list[GroupRow]:
    """Return the groups, the largest use of memory first. Who is in several counts in each."""
    members: dict[str, list[ServerUsage]] = {}
    for found in snapshot.servers if snapshot else ():
        for group in found.server.groups:
            members.setdefault(group, []).append(found)
    rows = [
        GroupRow(
            name,
            len({found.server.key.username for found in own}),
            len(own),
            total(found.cpu_cores for found in own),
            total(found.usage.memory_bytes for found in own),
        )
        for name, own in members.items()
    ]
    return sorted(rows, key=lambda row: (-(row.memory or 0.0), row.name))
