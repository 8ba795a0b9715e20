"""What `/api/usage` makes of a snapshot: rows, order, pages, sums, and what it keeps to itself."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.usage.model import (
    Backend,
    Gap,
    GapReason,
    RunningServer,
    ServerKey,
    Usage,
)
from jupyterhub_monitoring.usage.snapshot import Home, ServerUsage, UsageSnapshot
from jupyterhub_monitoring.usage.view import Page, Sort, view
from jupyterhub_monitoring.usage.viewer import Viewer

NAMED = Usernames(UsernameMode.NAME)
HASHED = Usernames(UsernameMode.HASH, b"key")
ADMIN = Viewer("admin", full=True)


def found(
    name: str, cores: float | None = None, server: str = "", *, started: float = 0.0, **usage: Any
) -> ServerUsage:
    running = RunningServer(
        ServerKey(name, server), {"pid": 4711}, started=started, last_activity=started
    )
    return ServerUsage(running, Backend.PROCESS, Usage(**usage), cores)


SNAPSHOT = UsageSnapshot(
    at=1000.0,
    interval_seconds=15.0,
    servers=(
        found("ana", 0.5, memory_bytes=100.0, started=30.0),
        found("ana", 1.0, "gpu", memory_bytes=50.0, started=20.0),
        found("ben", None, memory_bytes=200.0, started=10.0),
        ServerUsage(RunningServer(ServerKey("cleo", "")), None, Gap(GapReason.GONE, "pid 4711")),
    ),
    homes={"ana": Home(bytes=7.0, limit_bytes=8.0), "dora": Home(bytes=9.0)},
    problem="the Hub does not answer",
)


def rows(answer: Any, kind: str = "servers") -> list[str]:
    return [f"{row['username']}/{row.get('server_name', '')}" for row in answer[kind]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.CPU, ["ana/gpu", "ana/", "ben/", "cleo/"]),
        (Sort.MEMORY, ["ben/", "ana/", "ana/gpu", "cleo/"]),
        (Sort.AGE, ["ben/", "ana/gpu", "ana/", "cleo/"]),
        (Sort.IDLE, ["ben/", "ana/gpu", "ana/", "cleo/"]),
        (Sort.USER, ["ana/", "ana/gpu", "ben/", "cleo/"]),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
def test_order(sort: Sort, order: list[str]):
    """The largest, oldest, most idle first; what is not known last."""
    answer: Any = view(SNAPSHOT, ADMIN, NAMED, Page(sort))
    assert rows(answer) == order
    second: Any = view(SNAPSHOT, ADMIN, NAMED, Page(sort, offset=1, limit=2))
    assert rows(second) == order[1:3]
    assert second["totals"] == answer["totals"]


def test_sums():
    """Of what is known; a user whose server is not known has none, and a home without a server."""
    answer: Any = view(SNAPSHOT, ADMIN, NAMED, Page(Sort.USER))
    assert answer["totals"] == {
        "servers": 4, "users": 3, "cpu_cores": 1.5, "memory_bytes": 350.0, "gaps": 1,
    }  # fmt: skip
    users = {user["username"]: user for user in answer["users"]}
    assert (users["ana"]["servers"], users["ana"]["cpu_cores"]) == (2, 1.5)
    assert (users["ana"]["memory_bytes"], users["ana"]["home_bytes"]) == (150.0, 7.0)
    assert (users["cleo"]["memory_bytes"], users["dora"]["home_bytes"]) == (None, 9.0)
    assert [users[name]["home_limit_bytes"] for name in ("ana", "dora")] == [8.0, None]


def test_a_gap_has_its_reason_and_nothing_more():
    """Details may tell of the machine; so may what the spawner recorded."""
    answer: Any = view(SNAPSHOT, ADMIN, NAMED, Page(Sort.USER))
    cleo = answer["servers"][-1]
    assert (cleo["gap"], cleo["memory_bytes"], cleo["backend"]) == ({"reason": "gone"}, None, None)
    assert "4711" not in json.dumps(answer)


@pytest.mark.parametrize("sort", Sort)
def test_the_order_tells_nothing_of_hashed_names(sort: Sort):
    """Equal rows are in the order of the hashes; that of the names would tell who is who."""
    names = [f"user-{n:02}" for n in range(40)]
    snapshot = UsageSnapshot(1.0, 1.0, tuple(found(name, 1.0) for name in names))
    answer: Any = view(snapshot, ADMIN, HASHED, Page(sort))
    shown = [row["username"] for row in answer["servers"]]
    assert shown == sorted(map(HASHED.label, names))


@pytest.mark.parametrize("names", [NAMED, HASHED, Usernames(UsernameMode.NONE)])
def test_ones_own(names: Usernames):
    """One's own servers, home and sums, by name in each mode; nothing of others or of the Hub."""
    answer: Any = view(SNAPSHOT, Viewer("ana", full=False), names, Page(Sort.USER))
    assert rows(answer) == ["ana/", "ana/gpu"]
    assert rows(answer, "users") == ["ana/"]
    assert answer["users"][0]["home_limit_bytes"] == 8.0
    others: Any = view(SNAPSHOT, Viewer("ben", full=False), names, Page(Sort.USER))
    assert [user["home_limit_bytes"] for user in others["users"]] == [None]
    assert (answer["totals"]["servers"], answer["totals"]["gaps"]) == (2, 0)
    assert answer["problem"] is None


@pytest.mark.parametrize("mode", UsernameMode)
def test_a_groups_admin(mode: UsernameMode):
    """The own and the group's count in each mode; names are as ever: the own plain, others' not."""
    names = Usernames(mode, b"key")
    teacher = Viewer("ana", full=False, others=frozenset({"ben", "dora"}))
    answer: Any = view(SNAPSHOT, teacher, names, Page(Sort.USER))
    none = mode is UsernameMode.NONE
    assert set(rows(answer)) == {"ana/", "ana/gpu", *([] if none else [f"{names.label('ben')}/"])}
    assert len(answer["users"]) == (1 if none else 3)
    assert (answer["totals"]["servers"], answer["totals"]["users"]) == (3, 2)
    assert (answer["full"], answer["others"], answer["problem"]) == (False, True, None)


@pytest.mark.parametrize("username", ["", "eva"])
def test_who_has_nothing(username: str):
    """A user without servers gets empty lists and no sums."""
    answer: Any = view(SNAPSHOT, Viewer(username, full=False), NAMED, Page())
    assert (answer["servers"], answer["users"]) == ([], [])
    assert answer["totals"]["memory_bytes"] is None


def test_only_json():
    """What is no number becomes null, so that every reader of JSON can read it."""
    odd = [math.nan, math.inf, -math.inf]
    snapshot = UsageSnapshot(
        1.0,
        1.0,
        tuple(found(f"u{n}", value, memory_bytes=value) for n, value in enumerate(odd)),
        {"u0": Home(bytes=math.nan)},
    )
    answer = json.loads(json.dumps(view(snapshot, ADMIN, NAMED, Page()), allow_nan=False))
    assert {row["cpu_cores"] for row in answer["servers"]} == {None}
    assert answer["users"][0]["home_bytes"] is None
    assert answer["totals"]["cpu_cores"] is None
