"""Pages about one server, one user, and oneself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tornado.web import HTTPError

from ..activity import Exit, Session, Spawn
from ..dashboards import Unit, board
from ..errors import MonitoringError
from ..usage.snapshot import Home
from .handler import PageHandler
from .navigation import Audience
from .panel_view import panel_views
from .period import Period
from .server_rows import ServerRow, server_rows, total
from .subject import Subject, subject

T = TypeVar("T")

SHOWN = 50
MAX_OWN_PANELS = 3


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of somebody's servers in a period, the latest first.

    *count* is how many sessions there are, *seconds* what those of the period add up to.
    *problem* says why nothing is known, empty where it is.
    """

    sessions: list[Session]
    spawns: list[Spawn]
    exits: list[Exit]
    count: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def failures(self) -> list[Spawn]:
        """The starts that failed."""
        return [spawn for spawn in self.spawns if spawn.outcome == "failure"]


class PersonPage(PageHandler):
    """What these pages have in common."""

    async def past(self, about: Subject, period: Period, *, server: str | None = None) -> Past:
        """Return what happened to the servers of *about*, or to that called *server*."""
        activity = self.sources.context.activity
        if activity is None:
            return Past([], [], [], problem="what happened is not kept (or not readable now)")
        if not about.user_label:
            return Past([], [], [], problem="names are left out (c.Monitoring.usernames)")
        names, start, end = {about.user_label}, period.start, self.began

        def read() -> Past:
            known = activity.user_activity(start, end, names)
            sessions = activity.sessions(start, end, names, server=server, limit=SHOWN)
            return Past(
                sessions,
                _only(activity.spawns(start, end, names, SHOWN), server),
                _only(activity.exits(start, end, names, SHOWN), server),
                activity.session_count(start, end, names, server=server),
                sum(user.session_seconds for user in known),
            )

        try:
            return await asyncio.to_thread(read)
        except MonitoringError as error:
            return Past([], [], [], problem=str(error))

    def servers_of(self, user: str) -> list[ServerRow]:
        """Return the running servers of *user*, as shown."""
        snapshot = self.sources.snapshots() if self.sources.snapshots else None
        rows = server_rows(snapshot, self.viewer, self.began)
        return sorted((row for row in rows if row.user == user), key=lambda row: row.server)

    def home_of(self, user: str) -> Home | None:
        """Return the home of *user*, as shown; None where it is not known."""
        snapshot = self.sources.snapshots() if self.sources.snapshots else None
        homes = snapshot.homes.items() if snapshot else ()
        label: Callable[[str], str] = self.viewer.label
        return next((home for name, home in homes if label(name) == user), None)


def _only(rows: list[T], server: str | None) -> list[T]:
    return [row for row in rows if server is None or getattr(row, "server_name", "") == server]


class ServerPage(PersonPage):
    """`server?user=ana&name=gpu`: one server, now and before."""

    page = "users"
    audience = Audience.ALL

    async def get(self) -> None:
        """Show it; a server that does not run has a past all the same."""
        about = subject(
            self.viewer, self.get_query_argument("user"), self.get_query_argument("name", "")
        )
        period = self.period
        now = next((r for r in self.servers_of(about.user) if r.server == about.server), None)
        self.show(
            "server.html",
            period=period,
            about=about,
            row=now,
            sentence=server_sentence(now, about),
            past=await self.past(about, period, server=about.server_label),
            panels=panel_views(board("server").panels, period, self.viewer, about),
        )


class UserPage(PersonPage):
    """`user?user=ana`: somebody's servers, hours and sessions."""

    page = "users"
    audience = Audience.ALL
    default_range = "7d"

    async def get(self) -> None:
        """Show what is known of the user."""
        about = subject(self.viewer, self.get_query_argument("user"))
        if not about.user:
            raise HTTPError(
                404, "names are left out (c.Monitoring.usernames), so nobody has a page"
            )
        period = self.period
        rows = self.servers_of(about.user)
        self.show(
            "user.html",
            period=period,
            about=about,
            rows=rows,
            home=self.home_of(about.user),
            groups=sorted({group for row in rows for group in row.groups}),
            past=await self.past(about, period),
            panels=panel_views(board("user").panels, period, self.viewer, about),
        )


class MyPage(PersonPage):
    """`me`: what everybody sees of the own servers."""

    page = "me"
    audience = Audience.ALL

    async def get(self) -> None:
        """Show the own servers now and over time, and how the last ones ended."""
        if self.viewer.name is None:
            raise HTTPError(404, "a service has no servers of its own")
        about, period = subject(self.viewer, self.viewer.name), self.period
        rows = self.servers_of(about.user)
        shown = rows[:MAX_OWN_PANELS]
        boards = [
            (row, panel_views(board("server").panels[:2], period, self.viewer, own))
            for row in shown
            for own in [subject(self.viewer, about.user, row.server)]
        ]
        past = await self.past(about, period)
        self.show(
            "me.html",
            period=period,
            about=about,
            rows=rows,
            boards=boards,
            sentence=own_sentence(rows),
            ended=[each for each in past.exits if each.out_of_memory or each.cause == "died"][:5],
            home=self.home_of(about.user),
            past=past,
        )


def server_sentence(row: ServerRow | None, about: Subject) -> str:
    """Say what the server does now."""
    name = f"{about.user}/{about.server}" if about.server else f"The server of {about.user}"
    if row is None:
        return f"{name} does not run now."
    return f"{name} {_uses(row)}."


def own_sentence(rows: list[ServerRow]) -> str:
    """Say to somebody what the own servers use."""
    if not rows:
        return "You have no server that runs."
    if len(rows) == 1:
        return f"Your server {_uses(rows[0])}."
    memory = Unit.BYTES.text(total(row.memory for row in rows))
    cpu = Unit.CORES.text(total(row.cpu for row in rows))
    return f"Your {len(rows)} servers use {memory} of memory and {cpu}."


def _uses(row: ServerRow) -> str:
    if not row.ready:
        return "is starting"
    if row.memory is None and row.cpu is None:
        return f"runs; what it uses is not known ({row.gap or 'not looked at yet'})"
    limit = f" of {Unit.BYTES.text(row.memory_limit)}" if row.memory_limit else ""
    told = f"uses {Unit.BYTES.text(row.memory)}{limit} memory"
    if row.cpu is not None:
        told += f" and {Unit.CORES.text(round(row.cpu, 2))}"
    if (row.idle or 0) >= 300:
        told += f"; it has been idle for {Unit.SECONDS.text(row.idle)}"
    return told
