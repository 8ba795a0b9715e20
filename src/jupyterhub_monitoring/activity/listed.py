"""The servers that the Hub lists, as the sessions know them: by label and start."""

from __future__ import annotations

from dataclasses import dataclass

from ..metrics import usernames
from ..usage.snapshot import ServerUsage, UsageSnapshot


@dataclass(frozen=True, slots=True)
class ListedServer:
    """A server that runs. *oom_kills* counts what of it was killed for want of memory, if known."""

    username: str
    server_name: str
    started: float
    ready: bool = True
    profile: str = ""
    oom_kills: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """What was seen at *at*, of the servers that the Hub named when it was asked at *listed_at*."""

    at: float
    listed_at: float
    servers: tuple[ListedServer, ...]


def listed(snapshot: UsageSnapshot | None) -> Listed | None:
    """Return what *snapshot* says of sessions, None where it does not know which servers run."""
    if snapshot is None or snapshot.problem is not None or snapshot.listed_at is None:
        return None
    servers = (_server(found) for found in snapshot.servers)
    return Listed(
        snapshot.at, snapshot.listed_at, tuple(found for found in servers if found is not None)
    )


def _server(found: ServerUsage) -> ListedServer | None:
    policy, server = usernames.policy(), found.server
    if server.started is None:
        return None
    return ListedServer(
        policy.label(server.key.username),
        policy.chosen(server.key.server_name),
        server.started,
        server.ready,
        server.profile,
        found.usage.oom_kills,
    )
