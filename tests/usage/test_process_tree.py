"""Which processes are counted for which server. Each process has a number of pages of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.usage import process_orphans
from jupyterhub_monitoring.usage.model import Gap, GapReason, RunningServer, ServerKey, Usage
from jupyterhub_monitoring.usage.process import ProcessSampler
from jupyterhub_monitoring.usage.process_table import PAGE_BYTES
from support.fake_proc import UPTIME, FakeProc, FakeProcess, server_of

ANN = {"JUPYTERHUB_USER": "ann", "JUPYTERHUB_SERVER_NAME": "", "JUPYTERHUB_API_TOKEN": "t1"}
BOB = {"JUPYTERHUB_USER": "bob", "JUPYTERHUB_SERVER_NAME": "", "JUPYTERHUB_API_TOKEN": "t2"}


class House:
    """A Hub below init, with two servers of one process each: ann's has 1 page, bob's 2."""

    def __init__(self, folder: Path) -> None:
        self.proc = proc = FakeProc(folder)
        self.sampler = ProcessSampler(proc=str(proc))
        self.hub = proc.new(session=0, uid=0, started=500, pages=1 << 10)
        self.hub = proc.change(self.hub, session=self.hub.pid, group=self.hub.pid)
        self.ann = self.leader(parent=self.hub.pid, environ=ANN)
        self.bob = self.leader(parent=self.hub.pid, environ=BOB, uid=1001, pages=2)
        self.servers = [server_of(self.ann, "ann"), server_of(self.bob, "bob")]

    def leader(self, **fields: Any) -> FakeProcess:
        """Add a process that has a session of its own, as the Hub and Jupyter start theirs."""
        made = self.proc.new(**fields)
        return self.proc.change(made, session=made.pid, group=made.pid)

    def child(self, of: FakeProcess, **fields: Any) -> FakeProcess:
        """Add a child that inherits what a child inherits."""
        inherited = {
            name: getattr(of, name) for name in ("session", "group", "uid", "cgroup", "environ")
        }
        return self.proc.new(**{"parent": of.pid, **inherited, **fields})

    def pages(self) -> list[int]:
        """Look, and return the pages of both servers."""
        looks = self.sampler.sample(self.servers)
        return [int(looks[server.key].memory_bytes / PAGE_BYTES) for server in self.servers]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "proc")


def test_children_and_their_children_belong_to_the_server(house: House) -> None:
    """Kernels, terminals and what they start are the server's, in sessions of their own or not."""
    kernel = house.leader(parent=house.ann.pid, pages=4)
    house.child(house.child(kernel, pages=8), pages=16)
    house.child(house.bob, pages=32)
    assert house.pages() == [1 + 4 + 8 + 16, 2 + 32]


def test_the_hub_and_its_other_children_belong_to_nobody(house: House) -> None:
    """The proxy and services are children of the Hub as servers are, and are not counted."""
    house.child(house.hub, pages=64)
    house.child(house.hub, pages=128, environ={}, uid=house.ann.uid)
    assert house.pages() == [1, 2]


def test_what_was_seen_once_stays_whatever_its_parent(house: House) -> None:
    """A process that we saw below the server is the server's until it ends."""
    shell = house.leader(parent=house.ann.pid, environ={})
    daemon = house.leader(parent=shell.pid, pages=4, environ={})
    house.pages()
    house.proc.end(shell)
    house.proc.change(daemon, parent=1)
    house.child(daemon, pages=8)
    assert house.pages() == [1 + 4 + 8, 2]


Adoption = Callable[[House], object]

# Orphans that were never seen with a parent of the server; each has 4 pages if it is the only one.
ANNS_ORPHANS: dict[str, Adoption] = {
    "nohup: the shell's session": lambda h: h.child(h.ann, parent=1, pages=4, environ={}),
    "nohup in a terminal that runs on": lambda h: h.child(
        h.leader(parent=h.ann.pid, pages=3, environ={}), parent=1, pages=1, environ={}
    ),
    "double fork with setsid: the environment": lambda h: h.proc.new(
        session=77, group=77, pages=4, environ=ANN
    ),
    "below a subreaper, which is above the Hub or the Hub": lambda h: h.proc.new(
        parent=h.hub.pid, session=77, group=77, pages=4, environ=ANN
    ),
    "with a child of its own": lambda h: h.child(
        h.leader(pages=1, environ=ANN), pages=3, environ={}
    ),
    "with a name that looks like fields": lambda h: h.leader(
        name=") S 1 1 1 (", pages=4, environ=ANN
    ),
}


@pytest.mark.parametrize("orphan", ANNS_ORPHANS.values(), ids=ANNS_ORPHANS)
def test_orphans_are_found(house: House, orphan: Adoption) -> None:
    """Who leaves the tree before we look still belongs to the server."""
    orphan(house)
    assert house.pages() == [1 + 4, 2]
    assert house.pages() == [1 + 4, 2]


STRANGERS: dict[str, Adoption] = {
    "another user's process with ann's environment": lambda h: h.leader(
        pages=4, environ=ANN, uid=1002
    ),
    "bob's process with ann's environment": lambda h: h.leader(pages=4, environ=ANN, uid=h.bob.uid),
    "of another Hub, where ann has another token": lambda h: h.leader(
        pages=4, environ={**ANN, "JUPYTERHUB_API_TOKEN": "t9"}
    ),
    "another server of ann's": lambda h: h.leader(
        pages=4, environ={**ANN, "JUPYTERHUB_SERVER_NAME": "gpu"}
    ),
    "ann's own login by ssh": lambda h: h.leader(pages=4, environ={"HOME": "/"}),
    "left by a life of the server before this one": lambda h: h.leader(
        pages=4, environ=ANN, started=900
    ),
    "older than its parent, whose pid was reused": lambda h: h.proc.new(
        parent=h.child(h.ann, pages=0, started=2000).pid, pages=4, session=7, group=7
    ),
    "in the Hub's session": lambda h: h.child(h.hub, parent=1, pages=4),
    "in the Hub's cgroup, with ann's uid": lambda h: h.leader(pages=4, cgroup="0::/hub.service"),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_what_is_not_the_servers_is_not_counted(house: House, stranger: Adoption) -> None:
    """A server is not charged for what only looks as if it were its own."""
    stranger(house)
    assert house.pages() == [1, 2]
    assert house.pages() == [1, 2]


def test_a_cgroup_that_only_the_server_has_finds_its_orphans(house: House) -> None:
    """Where the spawner gives each server a cgroup, orphans stay in it whatever they do."""
    house.proc.change(house.ann, cgroup="0::/jupyter/a", environ={})
    house.proc.change(house.bob, cgroup="0::/jupyter/b", environ={})
    house.leader(pages=4, cgroup="0::/jupyter/b", uid=house.bob.uid)
    house.leader(pages=8, cgroup="0::/jupyter/c", uid=house.bob.uid)
    assert house.pages() == [1, 2 + 4]


def test_a_cgroup_that_servers_share_finds_nothing(house: House) -> None:
    """One cgroup for all servers says nothing about whose an orphan is."""
    for root in (house.ann, house.bob):
        house.proc.change(root, cgroup="0::/jupyter", environ={}, uid=1000)
    house.leader(pages=4, cgroup="0::/jupyter")
    assert house.pages() == [1, 2]


def test_below_sudo_the_child_has_the_users_id(house: House) -> None:
    """The recorded process may be a wrapper that runs as root; orphans are the user's."""
    house.proc.change(house.ann, uid=0)
    house.child(house.ann, pages=4, uid=1000)
    house.leader(pages=8, environ=ANN, uid=1000)
    assert house.pages() == [1 + 4 + 8, 2]


def test_a_root_that_leads_no_session_does_not_own_the_hubs(house: House) -> None:
    """A spawner that starts servers in the Hub's session: the proxy there is not a server's."""
    house.proc.change(house.ann, session=house.hub.pid, group=house.hub.pid)
    house.proc.change(house.hub, started=500)
    house.proc.new(session=house.hub.pid, group=house.hub.pid, pages=4, started=2000)
    assert house.pages() == [1, 2]


def test_a_session_is_known_after_its_leader_has_ended(house: House) -> None:
    """The shell of a closed terminal is gone; what it left behind with nohup is the server's."""
    shell = house.leader(parent=house.ann.pid, environ={}, pages=4)
    assert house.pages() == [5, 2]
    house.proc.end(shell)
    house.child(shell, parent=1, pages=8)
    assert house.pages() == [1 + 8, 2]


def test_the_session_of_a_hub_that_ended_is_not_a_servers(house: House) -> None:
    """The Hub was started again; a server and the proxy are left in the session of the old one."""
    house.proc.change(house.ann, parent=1, session=house.hub.pid, group=house.hub.pid)
    house.proc.end(house.hub)
    house.child(house.hub, parent=1, pages=4, started=2000)
    assert house.pages() == [1, 2]


def test_a_session_that_ended_is_not_the_next_one_of_its_number(house: House) -> None:
    """The pid of a shell that has ended is given to somebody's login, with a session of its own."""
    shell = house.leader(parent=house.ann.pid, environ={}, pages=4)
    assert house.pages() == [5, 2]
    house.proc.change(shell, parent=1, started=5000, uid=4711, pages=8)
    assert house.pages() == [1, 2]


def test_the_environment_of_a_stranger_is_read_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other people's environments hold secrets: what need not be read is not."""
    read: list[str] = []
    read_file = process_orphans.read_file

    def noting(path: str) -> bytes:
        read.append(path.removeprefix(f"{house.proc}/"))
        return read_file(path)

    monkeypatch.setattr(process_orphans, "read_file", noting)
    login = house.leader(environ={"SECRET": "x"})
    other = house.leader(environ={"SECRET": "x"}, uid=4711)
    for _ in range(3):
        house.pages()
    environs = sorted(path for path in read if path.endswith("/environ"))
    assert environs == sorted(f"{p.pid}/environ" for p in (house.ann, house.bob, login))
    assert f"{other.pid}/status" in read


def test_nothing_of_an_environment_is_kept(house: House) -> None:
    """No token and no username of an environment stays in the sampler."""
    house.leader(pages=4, environ=ANN)
    house.servers = [server_of(house.ann, "x"), server_of(house.bob, "y")]
    assert house.pages() == [1 + 4, 2]
    kept = repr([vars(house.sampler._orphans), vars(house.sampler)])
    # With what stands around them: digests hold any two characters.
    assert not [found for found in ("=t1", "'t1'", "=ann", "'ann'") if found in kept]


GONE_STATES: dict[str, Callable[[House], object]] = {
    "it is not there": lambda h: h.proc.end(h.ann),
    "it ended, and the Hub has not waited for it": lambda h: h.proc.change(h.ann, state="Z"),
    "its pid is another process's": lambda h: h.proc.change(h.ann, started=9000),
}


@pytest.mark.parametrize("change", GONE_STATES.values(), ids=GONE_STATES)
def test_a_server_whose_process_ended_is_gone(
    house: House, change: Callable[[House], object]
) -> None:
    """Its children may run on; the server does not, and another process is not taken for it."""
    house.child(house.ann, pages=4)
    assert house.pages() == [5, 2]
    change(house)
    for _ in range(2):
        ann, bob = (house.sampler.sample(house.servers)[s.key] for s in house.servers)
        assert isinstance(ann, Gap)
        assert ann.reason is GapReason.GONE
        assert isinstance(bob, Usage)


START = {
    "at the time that the Hub says": (0, True),
    "after a slow hook": (1800, True),
    "a little before, by a clock that was set": (-30, True),
    "hours later: the pid was given to another": (3 * 3600, False),
    "hours before: the pid is of another machine": (-3 * 3600, False),
}


@pytest.mark.parametrize(("late", "ours"), START.values(), ids=START)
def test_a_pid_that_was_reused_is_not_the_server(house: House, late: float, ours: bool) -> None:
    """When we first look, only the time of its start tells whose the recorded pid is."""
    began = time.time() - UPTIME + house.ann.started / 100
    server = server_of(house.ann, started=began - late)
    assert isinstance(house.sampler.sample([server])[server.key], Usage if ours else Gap)


def test_a_server_that_was_started_again_begins_anew(house: House) -> None:
    """A new life has a new process; nothing of the old one is counted in it."""
    house.proc.change(house.ann, user=500)
    house.pages()
    house.proc.end(house.ann)
    again = house.leader(parent=house.hub.pid, user=7, started=9000)
    server = server_of(again, "ann")
    assert house.sampler.sample([server])[server.key].cpu_seconds == 0.07


def test_of_two_servers_with_one_pid_the_later_one_has_it(house: House) -> None:
    """The Hub may still name a server that ended, and whose pid the next one was given."""
    began = time.time() - UPTIME
    old, new = (server_of(house.ann, n, started=began + at) for n, at in (("old", 1), ("new", 2)))
    for servers in ([old, new], [new, old]):
        looks = ProcessSampler(proc=str(house.proc)).sample(servers)
        assert isinstance(looks[new.key], Usage)
        assert isinstance(looks[old.key], Gap)


def test_a_server_inside_of_another_is_counted_once(house: House) -> None:
    """A Hub that runs inside of a user's server has servers of its own."""
    inner = house.leader(parent=house.ann.pid, pages=4)
    house.child(inner, pages=8)
    house.servers.append(server_of(inner, "cy"))
    assert house.pages() == [1, 2, 4 + 8]


CLAIMS: dict[str, tuple[dict[str, Any], bool]] = {
    "LocalProcessSpawner": ({"pid": 12}, True),
    "in a wrapper": ({"child_state": {"pid": 12}}, True),
    "stopped": ({"pid": 0}, False),
    "no number": ({"pid": "12"}, False),
    "more than Linux gives": ({"pid": 1 << 23}, False),
    "SSHSpawner, on another machine": ({"pid": 12, "remote_ip": "10.0.0.7"}, False),
    "not seen": ({}, False),
}


@pytest.mark.parametrize(("state", "claimed"), CLAIMS.values(), ids=CLAIMS)
def test_a_pid_of_this_machine_is_claimed(state: dict[str, Any], claimed: bool) -> None:
    """Only what may lead to a process here is looked for here."""
    server = RunningServer(ServerKey("ann", ""), state)
    assert ProcessSampler().claims(server) is claimed


def test_a_thousand_processes_of_one_server(house: House) -> None:
    """A long chain of parents costs no more than its length."""
    parent = house.ann
    for _ in range(1000):
        parent = house.child(parent, pages=1)
    began = time.process_time()
    assert house.pages() == [1001, 2]
    assert time.process_time() - began < 0.5
