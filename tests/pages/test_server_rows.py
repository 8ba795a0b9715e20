"""The table of servers: who may be in it, in which order, and what stands out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tornado.web import HTTPError

from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.pages.near_limits import near_limits
from jupyterhub_monitoring.pages.server_rows import ServerRow, Wanted, server_rows, table
from jupyterhub_monitoring.pages.subject import subject
from jupyterhub_monitoring.pages.users import users_sentence
from jupyterhub_monitoring.usage.model import (
    Backend,
    Gap,
    GapReason,
    RunningServer,
    ServerKey,
    Usage,
)
from jupyterhub_monitoring.usage.snapshot import ServerUsage, UsageSnapshot
from jupyterhub_monitoring.usage.viewer import Viewer

NOW = 1_795_600_000.0
GIB = 2**30
ADMIN = Viewer("root", full=True)
TEACHER = Viewer("teacher", full=False, others=frozenset({"ana", "bo"}))
ANA = Viewer("ana", full=False)
HASHED = Usernames(UsernameMode.HASH, b"key")


def server(user: str, memory: float | None, name: str = "", **more: float) -> ServerUsage:
    known = Usage(memory_bytes=memory, memory_limit_bytes=2 * GIB) if memory is not None else None
    running = RunningServer(
        ServerKey(user, name),
        started=NOW - more.get("age", 60),
        last_activity=NOW - more.get("idle", 5),
    )
    look = known or Gap(GapReason.PERMISSION, "secret detail")
    return ServerUsage(running, Backend.CGROUP, look, more.get("cpu"))


SNAPSHOT = UsageSnapshot(
    NOW,
    15,
    (
        server("ana", 1.9 * GIB, cpu=0.5),
        server("ana", 0.2 * GIB, "gpu", idle=90_000),
        server("bo", 1.0 * GIB, cpu=2.0, age=8 * 86_400),
        server("carl", None),
    ),
)


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> Iterator[Usernames]:
    before = usernames.policy()
    usernames.use(request.param)
    yield request.param
    usernames.use(before)


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        (ADMIN, ["ana/", "bo/", "ana/gpu", "carl/"]),
        (TEACHER, ["ana/", "bo/", "ana/gpu"]),
        (ANA, ["ana/", "ana/gpu"]),
        (Viewer("zoe", full=False), []),
        (Viewer(None, full=False), []),
    ],
    ids=["admin", "who looks after a group", "a user", "a user without a server", "nobody"],
)
def test_who_is_in_it(viewer: Viewer, seen: list[str]):
    """Only whom the viewer may see; the largest memory first, unknown ones last."""
    rows = table(server_rows(SNAPSHOT, viewer, NOW), Wanted()).rows
    assert [f"{row.user}/{row.server}" for row in rows] == seen


@pytest.mark.parametrize("mode", [HASHED], indirect=True)
def test_hashes_stand_in_for_names(mode: Usernames):
    """A teacher sees hashes of others, and ana her own name; a link leads to the same person."""
    others = table(server_rows(SNAPSHOT, TEACHER, NOW), Wanted()).rows
    assert {row.user for row in others} == {mode.label("ana"), mode.label("bo")}
    assert "gpu" not in {row.server for row in others}
    own = table(server_rows(SNAPSHOT, ANA, NOW), Wanted()).rows
    assert {(row.user, row.server) for row in own} == {("ana", ""), ("ana", "gpu")}
    assert subject(TEACHER, mode.label("bo")).user_label == mode.label("bo")
    assert subject(ANA, "ana", "gpu").server_label == mode.label("gpu")


@pytest.mark.parametrize("mode", [Usernames(UsernameMode.NONE)], indirect=True)
def test_without_names_others_are_counted(mode: Usernames):
    """Nobody is listed but oneself; how many there are is said."""
    found = table(server_rows(SNAPSHOT, ADMIN, NOW), Wanted())
    assert (found.rows, found.all, found.hidden) == ((), 4, 4)
    assert len(table(server_rows(SNAPSHOT, ANA, NOW), Wanted()).rows) == 2


@pytest.mark.parametrize(
    ("viewer", "user", "allowed"),
    [
        (ADMIN, "carl", True),
        (TEACHER, "bo", True),
        (TEACHER, "carl", False),
        (TEACHER, "", False),
        (ANA, "ana", True),
        (ANA, "bo", False),
        (Viewer(None, full=False), "ana", False),
    ],
    ids=[
        "an admin",
        "of the group",
        "of another group",
        "of nobody",
        "oneself",
        "another",
        "a service",
    ],
)
def test_whose_page_may_be_opened(viewer: Viewer, user: str, *, allowed: bool):
    """A name in an address opens nothing that its viewer may not see."""
    if allowed:
        assert subject(viewer, user).user == user
        return
    with pytest.raises(HTTPError, match="403"):
        subject(viewer, user)


def test_a_name_cannot_leave_its_quotes():
    """A user called `"} or vector(1)` is a name in PromQL, too."""
    places = subject(ADMIN, 'x"} or vector(1) #', "a\\b\n").places
    assert places == {"username": 'x\\"} or vector(1) #', "server_name": "a\\\\b\\n"}


@pytest.mark.parametrize(
    ("sort", "first"),
    [("memory", "ana/"), ("cpu", "bo/"), ("idle", "ana/gpu"), ("age", "bo/"), ("share", "ana/")],
)
def test_it_is_sorted_by_what_was_asked_for(sort: str, first: str):
    """From the largest; what is not known comes last."""
    row = table(server_rows(SNAPSHOT, ADMIN, NOW), Wanted(sort)).rows[0]
    assert f"{row.user}/{row.server}" == first


@pytest.mark.parametrize(("text", "found"), [("ANA", 2), ("gpu", 1), ("nobody", 0), ("", 4)])
def test_it_is_filtered(text: str, found: int):
    """By any part of a name, in small letters or large ones."""
    assert table(server_rows(SNAPSHOT, ADMIN, NOW), Wanted(search=text)).found == found


def test_it_is_paged():
    """The second page begins where the first ends; beyond the last there is nothing."""
    rows = server_rows(SNAPSHOT, ADMIN, NOW)
    pages = [table(rows, Wanted(offset=offset, limit=3)).rows for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 1, 0]
    assert len({(row.user, row.server) for page in pages for row in page}) == 4


def test_what_stands_out():
    """Near the limit wants a person; old and idle are told in passing; a gap has a reason."""
    rows = {f"{row.user}/{row.server}": row for row in server_rows(SNAPSHOT, ADMIN, NOW)}
    assert [name for name, row in rows.items() if row.near_limit] == ["ana/"]
    assert rows["ana/gpu"].remarks == ["idle for long"]
    assert rows["bo/"].remarks == ["old"]
    carl: ServerRow = rows["carl/"]
    assert (carl.memory, carl.share, carl.gap) == (None, None, "permission")
    assert "secret detail" not in str(rows)
    (near,) = near_limits(SNAPSHOT, ADMIN, NOW)
    assert (near.user, near.what) == ("ana", "1.9 GiB of 2.0 GiB memory")
    assert near_limits(SNAPSHOT, Viewer("zoe", full=False), NOW) == []


def test_the_sentence_adds_up_what_is_known():
    """People, servers, and what they use together."""
    said = users_sentence(server_rows(SNAPSHOT, ADMIN, NOW))
    assert said == (
        "3 people have 4 servers, which use 3.1 GiB of memory and 2.5 cores."
        " 1 of them is near its memory limit."
    )
    assert users_sentence([]) == "No server runs."
