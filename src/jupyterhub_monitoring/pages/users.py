"""Users and servers: who runs what now."""

from __future__ import annotations

from ..dashboards import Unit, board
from ..errors import BadData
from .handler import PageHandler
from .navigation import Audience
from .panel_view import panel_views
from .server_rows import SORTS, ServerRow, Wanted, server_rows, table, total

MAX_SEARCH = 200


class UsersPage(PageHandler):
    """`users?sort=memory&q=ana&offset=100`."""

    page = "users"
    audience = Audience.SOME

    async def get(self) -> None:
        """Show the running servers that the viewer may see."""
        sources = self.sources
        snapshot = sources.snapshots() if sources.snapshots else None
        rows = server_rows(snapshot, self.viewer, self.began)
        wanted = self._wanted()
        panels = board("users").panels if self.viewer.full else ()
        self.show(
            "users.html",
            period=self.period,
            sampled=sources.snapshots is not None,
            snapshot=snapshot,
            sentence=users_sentence(rows),
            table=table(rows, wanted),
            wanted=wanted,
            panels=panel_views(panels, self.period, self.viewer),
        )

    def _wanted(self) -> Wanted:
        """Return which rows are asked for. Raises `BadData`."""
        sort = self.get_query_argument("sort", "memory")
        offset = self.get_query_argument("offset", "0")
        if sort not in SORTS:
            raise BadData(f"sort must be one of {', '.join(SORTS)}")
        if not offset.isascii() or not offset.isdigit() or len(offset) > 7:
            raise BadData("offset must be a whole number")
        return Wanted(sort, self.get_query_argument("q", "")[:MAX_SEARCH], int(offset))


def users_sentence(rows: list[ServerRow]) -> str:
    """Say who is on and what they use."""
    if not rows:
        return "No server runs."
    people = len({row.user for row in rows})
    memory, cpu = total(row.memory for row in rows), total(row.cpu for row in rows)
    near = sum(row.near_limit for row in rows)
    told = f"{people:,} {'person has' if people == 1 else 'people have'} {len(rows):,} "
    told += "server" if len(rows) == 1 else "servers"
    if memory is not None:
        told += f", which use {Unit.BYTES.text(memory)} of memory"
    if cpu is not None:
        told += f" and {Unit.CORES.text(cpu)}"
    return told + (
        f". {near:,} of them {'is near its' if near == 1 else 'are near their'} memory limit."
        if near
        else "."
    )
