"""What holds for every sampler, whatever it looks at. A new one joins by a line in `RIGS`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.usage.model import Gap, GapReason, Look, RunningServer, ServerKey, Usage
from support.cgroup_rig import cgroup_v1, cgroup_v2
from support.docker_stand_in import docker
from support.kubernetes_rig import kubernetes
from support.process_rig import process_rig
from support.sampler_rig import MakeRig, SamplerRig

RIGS: dict[str, MakeRig] = {
    "cgroup v1": cgroup_v1,
    "cgroup v2": cgroup_v2,
    "docker": docker,
    "kubernetes": kubernetes,
    "process": process_rig,
}

ODD_STATES: dict[str, Any] = {
    "nothing recorded": {},
    "a pid that is text": {"pid": "x"},
    "a pid below one": {"pid": -1},
    "a pid that is true": {"pid": True},
    "a pid too large": {"pid": 10**30},
    "ids that are numbers": {"object_id": 5, "job_id": 7.5, "unit_name": 3, "pod_name": 9},
    "ids that are lists": {"object_id": [], "unit_name": {}, "pod_name": [], "namespace": None},
    "ids that are empty": {"object_id": "", "unit_name": "", "job_id": "", "pod_name": ""},
    "ids that lead elsewhere": {
        "object_id": "../../../../etc",
        "unit_name": "../../..",
        "job_id": "../..",
        "pod_name": "../secrets",
        "namespace": "a/b?c=d",
    },
    "ids with a NUL": {"object_id": "a\0b", "unit_name": "a\0b", "pod_name": "\0"},
    "ids with a line end": {"object_id": "a\r\nHost: b", "unit_name": "a\n", "pod_name": "a\r\nb"},
    "a child that is no mapping": {"child_state": 3},
    "a child that holds nothing": {"child_state": {"child_state": {}}},
}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SamplerRig]:
    with RIGS[request.param](tmp_path) as made:
        yield made
        made.sampler.close()


def look(rig: SamplerRig, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
    looks = rig.sampler.sample(servers)
    assert set(looks) == {server.key for server in servers}
    for found in looks.values():
        assert isinstance(found, (Usage, Gap))
        assert not isinstance(found, Gap) or "secret" not in found.detail
    return looks


def usage(rig: SamplerRig, server: RunningServer) -> Usage:
    found = look(rig, [server])[server.key]
    assert isinstance(found, Usage), found
    return found


def gap(rig: SamplerRig, server: RunningServer) -> GapReason:
    found = look(rig, [server])[server.key]
    assert isinstance(found, Gap), found
    return found.reason


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def descriptors_fall_to(most: int) -> bool:
    """Wait a little: the other side of a connection may be in this process too."""
    for _ in range(1000):
        if descriptors() <= most:
            return True
        time.sleep(0.02)
    return False


def test_a_running_server_is_claimed_and_seen(rig: SamplerRig) -> None:
    """What the spawner recorded leads to the server, and its numbers are known."""
    server = rig.start("secret-ann")
    assert rig.sampler.claims(server)
    found = usage(rig, server)
    assert found.memory_bytes
    assert found.cpu_seconds or found.cpu_cores


def test_each_server_has_its_own_entry(rig: SamplerRig) -> None:
    """One that is there, one that ended, one of which nothing is known: three answers."""
    there, ended = rig.start("secret-ann"), rig.start("secret-bob")
    unknown = RunningServer(ServerKey("secret-cy", "lab"))
    rig.end(ended)
    looks = look(rig, [there, ended, unknown])
    assert isinstance(looks[there.key], Usage)
    assert [getattr(looks[key.key], "reason", None) for key in (ended, unknown)] == [
        GapReason.GONE,
        GapReason.NO_STATE,
    ]


def test_no_servers_are_no_entries(rig: SamplerRig) -> None:
    """A Hub without running servers is asked about nothing."""
    assert look(rig, []) == {}


@pytest.mark.parametrize("state", ODD_STATES.values(), ids=ODD_STATES)
def test_an_odd_state_is_a_gap(rig: SamplerRig, state: dict[str, Any]) -> None:
    """A state that leads nowhere gives a reason, whatever a spawner wrote into it."""
    server = RunningServer(ServerKey("secret-ann", ""), state)
    assert not rig.sampler.claims(server)
    assert gap(rig, server) in {GapReason.NO_STATE, GapReason.GONE}


def test_what_ended_is_gone_and_never_zero(rig: SamplerRig) -> None:
    """A server that ended between two looks has a gap, not a last value and not a zero."""
    server = rig.start("secret-ann")
    usage(rig, server)
    rig.end(server)
    assert gap(rig, server) is GapReason.GONE
    assert gap(rig, server) is GapReason.GONE


def test_counters_never_go_backwards(rig: SamplerRig) -> None:
    """CPU seconds and OOM kills only grow, also where what is counted starts anew."""
    server = rig.start("secret-ann")
    before = usage(rig, server)
    for change in (rig.use, rig.restart, rig.use):
        change(server)
        after = usage(rig, server)
        for was, now in (
            (before.cpu_seconds, after.cpu_seconds),
            (before.cpu_throttled_seconds, after.cpu_throttled_seconds),
            (before.oom_kills, after.oom_kills),
        ):
            assert was is None or (now is not None and now >= was)
        before = after


def test_use_is_counted(rig: SamplerRig) -> None:
    """A server that used CPU has more CPU seconds than before."""
    server = rig.start("secret-ann")
    before = usage(rig, server)
    rig.use(server)
    after = usage(rig, server)
    if before.cpu_seconds is None:  # a backend that tells a rate only
        assert after.cpu_cores
    else:
        assert after.cpu_seconds is not None
        assert after.cpu_seconds > before.cpu_seconds


def test_what_is_gone_is_forgotten(rig: SamplerRig) -> None:
    """Servers that come and go leave no descriptors, and closing leaves none at all."""
    at_first = descriptors()
    kept = 0
    for round_ in range(3):
        servers = [rig.start(f"secret-{round_}-{number}") for number in range(10)]
        look(rig, servers)
        for server in servers:
            rig.end(server)
        look(rig, [])
        kept = kept or descriptors()
        assert descriptors_fall_to(kept)
    rig.sampler.close()
    assert descriptors_fall_to(at_first)


def test_nonsense_is_never_a_number(rig: SamplerRig) -> None:
    """Where everything that is read has become nonsense, nothing is known."""
    servers = [rig.start("secret-ann"), rig.start("secret-bob")]
    look(rig, servers)
    rig.garble()
    assert {getattr(found, "reason", None) for found in look(rig, servers).values()} == {
        GapReason.PROTOCOL
    }


def test_it_returns_in_time_when_everything_hangs(rig: SamplerRig) -> None:
    """One look at all servers ends within its time limit; what it did not reach timed out."""
    servers = [rig.start(f"secret-{number}") for number in range(20)]
    rig.hang()
    begun = time.monotonic()
    looks = look(rig, servers)
    assert time.monotonic() - begun < rig.time_limit_seconds + 10
    reasons = [found.reason for found in looks.values() if isinstance(found, Gap)]
    assert len(reasons) >= len(servers) - 1
    assert set(reasons) == {GapReason.TIMEOUT}


def test_it_can_be_closed_twice(rig: SamplerRig) -> None:
    """Whoever stops the service need not know what was stopped before."""
    usage(rig, rig.start("secret-ann"))
    rig.sampler.close()
    rig.sampler.close()
