"""Sessions: each server once, from its start to its end, whatever fails meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.activity.listed import ListedServer, listed
from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.usage.model import (
    Backend,
    Gap,
    GapReason,
    RunningServer,
    ServerKey,
    Usage,
)
from jupyterhub_monitoring.usage.snapshot import ServerUsage, UsageSnapshot
from support.spooled import HubLife, Service

START = 1000.25  # with a fraction, as the Hub's own times have


@pytest.fixture
def hub(tmp_path: Path) -> HubLife:
    return HubLife(tmp_path)


@pytest.fixture
def service(tmp_path: Path, hub: HubLife) -> Service:
    return Service(tmp_path)


def server(username: str = "ann", started: float = START, **fields) -> ListedServer:
    return ListedServer(username, fields.pop("server_name", ""), started, **fields)


# --- Events alone ----------------------------------------------------------------------------


def test_from_spawn_to_exit(hub: HubLife, service: Service):
    """It begins when the Hub began to start it, with all that the spawn told."""
    hub.spawn(1003, "ann", START, profile="gpu", spawner_class="KubeSpawner", waited_seconds=2.5)
    service.read()
    (session,) = service.activity.sessions(0, 9999)
    assert (session.start, session.end, session.cause) == (START, None, "")
    assert (session.profile, session.spawner_class) == ("gpu", "KubeSpawner")
    assert session.waited_seconds == 2.5
    hub.exit(1500, "ann", START, cause="service")
    service.read()
    assert service.sessions() == [("ann", START, 1500, "service")]


def test_what_is_no_session(hub: HubLife, service: Service):
    """A spawn that failed or was refused opens none."""
    hub.spawn(1003, "ann", START, outcome="failure", reason="timeout")
    hub.spawn(1004, "ann", None, outcome="refused", reason="throttled")
    service.read()
    assert service.sessions() == []
    assert len(service.activity.spawns(0, 9999)) == 2


def test_two_servers_of_one_user(hub: HubLife, service: Service):
    """Names of servers tell them apart."""
    hub.spawn(1003, "ann", START)
    hub.spawn(1004, "ann", START + 1, servername="gpu")
    hub.exit(1100, "ann", START + 1, servername="gpu")
    service.read()
    assert service.sessions() == [("ann", START, None, ""), ("ann", START + 1, 1100, "user")]


def test_an_exit_of_a_server_that_nobody_knew(hub: HubLife, service: Service):
    """Its spawn was told to nobody, yet how long it ran is known."""
    hub.exit(1500, "ann", START, cause="died")
    service.read()
    assert service.sessions() == [("ann", START, 1500, "died")]


def test_an_exit_without_a_start(hub: HubLife, service: Service):
    """It ends the one that runs; where none does there is no session of unknown length."""
    hub.spawn(1003, "ann", START)
    hub.exit(1500, "ann", None)
    hub.exit(1600, "ann", None)
    service.read()
    assert service.sessions() == [("ann", START, 1500, "user")]
    assert len(service.activity.exits(0, 9999)) == 2


def test_a_spawn_without_a_start(hub: HubLife, service: Service):
    """It began as long ago as its user waited."""
    hub.spawn(1003, "ann", None, waited_seconds=2.5)
    service.read()
    assert service.sessions() == [("ann", 1000.5, None, "")]


def test_the_next_one_ends_the_one_before(hub: HubLife, service: Service):
    """The Hub was killed and the server died with it: nobody told, but there cannot be two."""
    hub.spawn(1003, "ann", START)
    hub.spawn(2003, "ann", 2000.5)
    service.read()
    assert service.sessions() == [
        ("ann", START, START + 2, "unknown"),  # it was seen last when it was ready
        ("ann", 2000.5, None, ""),
    ]


def test_many_that_begin_at_once(hub: HubLife, service: Service):
    """A class begins: servers within one second are each one's own."""
    for n in range(200):
        hub.spawn(1003 + n / 100, f"u{n}", 1000 + n / 1000)
    service.read()
    service.see(1010, *[server(f"u{n}", 1000 + n / 1000) for n in range(200)])
    assert [name for name, *_ in service.sessions()] == [f"u{n}" for n in range(200)]


def test_a_clock_that_jumps_back(hub: HubLife, service: Service):
    """Nothing ends before it began."""
    hub.spawn(1003, "ann", START)
    hub.exit(900, "ann", START)
    service.read()
    assert service.sessions() == [("ann", START, START, "user")]


# --- The listing -----------------------------------------------------------------------------


def test_a_listing_opens_what_nobody_told_of(service: Service):
    """The service was away, or has just been installed on a Hub with servers."""
    service.see(5000, server(profile="gpu"), server("bob", 4000.5, ready=False))
    assert service.sessions() == [("ann", START, None, "")]
    (session,) = service.activity.sessions(0, 9999)
    assert (session.profile, session.waited_seconds) == ("gpu", None)


@pytest.mark.parametrize("first", ["event", "listing"])
def test_who_tells_first_does_not_matter(first: str, hub: HubLife, service: Service):
    """A spawn that both tell of is one session, with what each of them knows."""
    hub.spawn(1003, "ann", START, profile="gpu")
    for turn in (first, "listing" if first == "event" else "event"):
        service.read() if turn == "event" else service.see(1004, server())
    assert service.sessions() == [("ann", START, None, "")]
    assert service.activity.sessions(0, 9999)[0].waited_seconds == 2.0


def test_what_is_listed_no_more_has_ended(hub: HubLife, service: Service):
    """Seen missing twice: it ended when it was seen last, and why is not known."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    service.see(1115)
    assert service.sessions() == [("ann", START, None, "")], "an exit may be on its way"
    service.see(1130)
    assert service.sessions() == [("ann", START, 1100, "unknown")]


def test_a_listing_that_lost_one(hub: HubLife, service: Service):
    """Once between two pages is no end."""
    hub.spawn(1003, "ann", START)
    service.read()
    for at in (1100, 1130, 1160):
        service.see(at, server())
        service.see(at + 15)
    service.see(1200, server())
    assert service.sessions() == [("ann", START, None, "")]


def test_a_listing_that_is_used_again(hub: HubLife, service: Service):
    """A large Hub is asked more seldom than servers are looked at: that is one listing."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    for at in (1115, 1130, 1145):
        service.see(at, listed_at=1110)
    assert service.sessions() == [("ann", START, None, "")]


def test_a_listing_from_before_the_spawn(hub: HubLife, service: Service):
    """It cannot know the server."""
    hub.spawn(1003, "ann", START, waited_seconds=60.0)
    service.read()
    for listed_at in (1001, 1030, 1050):
        service.see(1060, listed_at=listed_at)
    assert service.sessions() == [("ann", START, None, "")]


def test_the_exit_knows_better(hub: HubLife, service: Service):
    """It comes late, when the listing has ended the session already."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    service.see(1115)
    service.see(1130)
    hub.exit(1110, "ann", START, cause="service")
    service.read()
    assert service.sessions() == [("ann", START, 1110, "service")]


def test_a_listing_from_before_the_exit(hub: HubLife, service: Service):
    """It does not bring back a session that has ended."""
    hub.spawn(1003, "ann", START)
    hub.exit(1110, "ann", START)
    service.read()
    service.see(1112, server(), listed_at=1109)
    assert service.sessions() == [("ann", START, 1110, "user")]


def test_what_comes_back_had_not_ended(hub: HubLife, service: Service):
    """The listing was wrong for a while, as one without a scope is: it is the same session."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    service.see(1115)
    service.see(1130)
    service.see(1145, server())
    assert service.sessions() == [("ann", START, None, "")]


# --- The Hub and the service are killed ------------------------------------------------------


def test_a_hub_that_restarts(tmp_path: Path, hub: HubLife, service: Service):
    """Servers survive it, and so do their sessions; another life of the Hub tells of the end."""
    hub.tell(900, "hub_start")
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    again = HubLife(tmp_path, began=2, life="b")
    again.tell(1200, "hub_start")
    service.read()
    service.see(1210, server())
    again.exit(1300, "ann", START, cause="died")
    service.read()
    assert service.sessions() == [("ann", START, 1300, "died")]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param({"spawn"}, id="before the spawn is read"),
        pytest.param({"see"}, id="while it runs"),
        pytest.param({"exit"}, id="before the exit is read"),
        pytest.param({"missed"}, id="between two listings without it"),
        pytest.param({"spawn", "see", "exit", "missed"}, id="again and again"),
    ],
)
def test_a_service_that_is_killed(kills: set[str], hub: HubLife, service: Service):
    """Nothing is lost or doubled by it."""

    def at(point: str) -> None:
        if point in kills:
            service.begin()

    hub.spawn(1003, "ann", START)
    hub.spawn(1004, "bob", START + 1)
    at("spawn")
    service.read()
    at("see")
    service.see(1100, server(), server("bob", START + 1))
    hub.exit(1110, "ann", START)
    at("exit")
    service.read()
    service.see(1115)
    at("missed")
    service.see(1130)
    service.see(1145)
    assert service.sessions() == [
        ("ann", START, 1110, "user"),
        ("bob", START + 1, 1115 if "missed" in kills else 1100, "unknown"),
    ]


def test_a_service_that_was_away_for_long(hub: HubLife, service: Service):
    """What began and ended meanwhile is told by the spool; what still runs by the listing too."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server())
    hub.exit(2000, "ann", START)
    hub.spawn(3003, "ann", 3000.5)
    hub.spawn(3103, "bob", 3100.5)
    hub.exit(3500, "bob", 3100.5)
    service.begin()
    service.read()
    service.see(9000, server(started=3000.5))
    assert service.sessions() == [
        ("ann", START, 2000, "user"),
        ("ann", 3000.5, None, ""),
        ("bob", 3100.5, 3500, "user"),
    ]


def test_a_spool_that_was_lost(hub: HubLife, service: Service):
    """The listing alone puts right what it can."""
    hub.spawn(1003, "ann", START)
    hub.spawn(1004, "bob", START + 1)
    service.read()
    service.see(1100, server(), server("bob", START + 1))
    hub.path.unlink()
    service.begin()
    for at in (9000, 9015):
        service.see(at, server(), server("bob", 8000.5))
    assert service.sessions() == [
        ("ann", START, None, ""),
        ("bob", START + 1, 1100, "unknown"),
        ("bob", 8000.5, None, ""),
    ]


def test_a_database_that_keeps_whole_seconds(hub: HubLife, service: Service):
    """After a restart of the Hub the same server has begun a moment beside; its exit, too."""
    hub.spawn(1003, "ann", 1000.6)
    hub.spawn(1003, "bob", 1001.4)
    service.read()
    service.see(1100, server("ann", 1001.0), server("bob", 1001.0))
    assert service.sessions() == [("ann", 1001.0, None, ""), ("bob", 1001.0, None, "")]
    hub.exit(1200, "bob", 1001.0)
    service.read()
    assert [row[2] for row in service.sessions()] == [None, 1200]
    hub.spawn(1203, "cat", 1001.0)
    service.read()
    assert len(service.sessions()) == 3, "the same whole second is not the same server"


# --- Out of memory ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "exit_at", "cause", "exit_oom", "session_oom"),
    [
        pytest.param([0, 0], 1120, "died", False, False, id="nothing was killed"),
        pytest.param([None, None], 1120, "died", False, False, id="nobody knows"),
        pytest.param([0, 1], 1120, "died", True, True, id="killed, then dead"),
        pytest.param([0, 1], 1300, "died", False, True, id="killed, and dead much later"),
        pytest.param([0, 1], 1120, "user", False, True, id="a kernel, then stopped"),
        pytest.param([2, 2], 1120, "died", False, True, id="killed before anybody looked"),
        pytest.param([2, 3], 1120, "died", True, True, id="once more"),
    ],
)
def test_out_of_memory(  # noqa: PLR0917 -- a column each
    counts: list[float | None],
    exit_at: float,
    cause: str,
    exit_oom: bool,
    session_oom: bool,
    tmp_path: Path,
):
    """A death right after something was killed for want of memory is said to be so."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    hub.spawn(1003, "ann", START)
    service.see(1090, server(oom_kills=counts[0]))
    service.read()
    for at, count in zip((1100, 1115), counts, strict=True):
        service.see(at, server(oom_kills=count))
    hub.exit(exit_at, "ann", START, cause=cause, exit_status=-9)
    service.read()
    (ended,) = service.activity.exits(0, 9999)
    assert (ended.out_of_memory, ended.exit_status) == (exit_oom, -9)
    assert service.activity.sessions(0, 9999)[0].out_of_memory is session_oom


def test_out_of_memory_seen_late(hub: HubLife, service: Service):
    """The look that saw it came in after the Hub had told of the end."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server(oom_kills=0))
    hub.exit(1110, "ann", START, cause="died")
    service.read()
    service.see(1112, server(oom_kills=1), listed_at=1105)
    assert service.activity.exits(0, 9999)[0].out_of_memory
    assert service.sessions() == [("ann", START, 1110, "died")]


def test_kills_while_nobody_looked(hub: HubLife, service: Service):
    """The service was away: when something was killed is not known, so no death is blamed on it."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server(oom_kills=0))
    service.begin()
    service.see(9000, server(oom_kills=1))
    hub.exit(9010, "ann", START, cause="died")
    service.read()
    assert not service.activity.exits(0, 9999)[0].out_of_memory
    assert service.activity.sessions(0, 9999)[0].out_of_memory


# --- Names -----------------------------------------------------------------------------------


def test_a_user_who_is_renamed(hub: HubLife, service: Service):
    """The past goes on under the new name, and the server that runs is the same session."""
    hub.tell(900, "login", "ann", outcome="success")
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server("zoe"))  # the listing is quicker
    hub.tell(1050, "user_renamed", "zoe", by="ann")
    service.read()
    service.see(1115, server("zoe"))
    assert service.sessions() == [("zoe", START, None, "")]
    assert service.activity.logins(0, 9999, ["ann"]) == []
    assert len(service.activity.logins(0, 9999, ["zoe"])) == 1
    (zoe,) = service.activity.user_activity(0, 9999)
    assert (zoe.username, zoe.first_seen) == ("zoe", 900)


def test_a_deleted_user(hub: HubLife, service: Service):
    """What was, was; it goes with its age."""
    hub.spawn(1003, "ann", START)
    hub.exit(1100, "ann", START)
    hub.tell(1200, "user_deleted", "ann")
    service.read()
    assert service.sessions() == [("ann", START, 1100, "user")]
    assert [c.change for c in service.activity.user_changes(0, 9999)] == ["deleted"]


def test_names_that_are_left_out(hub: HubLife, service: Service):
    """Each server is a session still, told apart by when it began."""
    for n in range(5):
        hub.spawn(1003 + n, "", 1000.1 + n / 10)
    service.read()
    listing = [server("", 1000.1 + n / 10) for n in range(5)]
    service.see(1100, *listing)
    assert len(service.sessions()) == 5
    hub.exit(1200, "", 1000.1 + 3 / 10)
    service.read()
    service.see(1210, *(s for s in listing if s.started != 1000.1 + 3 / 10))
    assert [row[2] for row in service.sessions()] == [None, None, None, 1200, None]


def test_names_that_are_shown_in_another_way(hub: HubLife, service: Service):
    """The mode was changed while a server ran: it goes on under its label of now."""
    hub.spawn(1003, "ann", START)
    service.read()
    service.see(1100, server("c0ffee"))
    hub.exit(1200, "c0ffee", START)
    service.read()
    assert service.sessions() == [("c0ffee", START, 1200, "user")]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param("ann", "ann", id="somebody who has a server"),
        pytest.param("bob", "bob", id="somebody who was added"),
        pytest.param("hunter2", "", id="a password in the wrong field"),
    ],
)
def test_a_name_that_was_typed_and_denied(typed: str, kept: str, hub: HubLife, service: Service):
    """It is kept only where somebody has it."""
    hub.spawn(1003, "ann", START)
    hub.tell(1004, "user_added", "bob")
    hub.tell(1005, "login", typed, outcome="denied")
    service.read()
    assert [login.username for login in service.activity.logins(0, 9999)] == [kept]
    assert b"hunter2" not in service.database.path.read_bytes()


# --- What the look at usage says -------------------------------------------------------------

RUNS = RunningServer(ServerKey("ann", "gpu"), {"pid": 7}, True, START, 1.0, "large")
USES = ServerUsage(RUNS, Backend.CGROUP, Usage(oom_kills=2.0))


def test_a_snapshot_as_a_listing():
    """Labels as they are shown, the start, and what was killed."""
    before = usernames.policy()
    usernames.use(policy := Usernames(UsernameMode.HASH, b"key"))
    try:
        found = listed(UsageSnapshot(20.0, 15.0, (USES,), listed_at=10.0))
    finally:
        usernames.use(before)
    assert found is not None
    assert (found.at, found.listed_at) == (20.0, 10.0)
    names = (policy.label("ann"), policy.label("gpu"))
    assert found.servers == (ListedServer(*names, START, True, "large", 2.0),)


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(None, id="nobody has looked"),
        pytest.param(UsageSnapshot(1.0, 1.0, listed_at=1.0, problem="the Hub"), id="a problem"),
        pytest.param(UsageSnapshot(1.0, 1.0), id="never listed"),
    ],
)
def test_a_snapshot_that_knows_nothing(snapshot: UsageSnapshot | None):
    """No session ends because of it."""
    assert listed(snapshot) is None


def test_a_server_that_cannot_be_looked_at():
    """It runs all the same."""
    gap = ServerUsage(RUNS, None, Gap(GapReason.NO_STATE))
    found = listed(UsageSnapshot(1.0, 1.0, (gap,), listed_at=1.0))
    assert found is not None
    assert [s.oom_kills for s in found.servers] == [None]
