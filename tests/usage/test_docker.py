"""Containers by the Engine API: what its answers mean, and every way in which it can go wrong."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.usage.docker import DockerSampler
from jupyterhub_monitoring.usage.docker_connection import BODY_BYTES
from jupyterhub_monitoring.usage.model import Gap, GapReason, Look, RunningServer, ServerKey, Usage
from support.docker_stand_in import MB, Container, DockerStandIn, Fault, Request, hangs, trickles

ID = "4cc1" * 16
ANN = RunningServer(ServerKey("ann", ""), {"object_id": ID, "object_name": "jupyter-ann"})
PLENTY_SECONDS = 20.0
LITTLE_SECONDS = 0.6


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerStandIn]:
    made = DockerStandIn(tmp_path / "docker.sock")
    made.containers[ID] = Container()
    yield made
    made.close()


@pytest.fixture
def sampler(engine: DockerStandIn) -> Iterator[DockerSampler]:
    made = DockerSampler(str(engine.path), timeout_seconds=PLENTY_SECONDS)
    yield made
    made.close()


def look(sampler: DockerSampler, server: RunningServer = ANN) -> Look:
    return sampler.sample([server])[server.key]


def usage(sampler: DockerSampler) -> Usage:
    found = look(sampler)
    assert isinstance(found, Usage), found
    return found


def reason(sampler: DockerSampler) -> GapReason:
    found = look(sampler)
    assert isinstance(found, Gap), found
    return found.reason


KNOWN = {
    2: Usage(
        cpu_seconds=2.5,
        cpu_throttled_seconds=0.25,
        memory_bytes=200 * MB,
        oom_kills=0,
        image="quay.io/jupyter/base-notebook:latest",
    ),
    1: Usage(
        cpu_seconds=2.5,
        cpu_throttled_seconds=0.25,
        memory_bytes=200 * MB,
        memory_peak_bytes=350 * MB,
        oom_kills=0,
        image="quay.io/jupyter/base-notebook:latest",
    ),
}


@pytest.mark.parametrize("cgroup", [1, 2], ids=["v1", "v2"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with a length"])
@pytest.mark.parametrize("closes", [True, False], ids=["closing", "kept alive"])
def test_a_container_is_read_as_the_engine_tells_it(
    engine: DockerStandIn, sampler: DockerSampler, cgroup: int, chunked: bool, closes: bool
) -> None:
    """Nanoseconds; memory without the cache; threads (`pids_stats`) are no processes."""
    engine.cgroup, engine.chunked, engine.closes = cgroup, chunked, closes
    assert [usage(sampler), usage(sampler)] == [KNOWN[cgroup]] * 2


LIMITS: dict[str, tuple[dict[str, int], tuple[float | None, float | None]]] = {
    "none, though the machine's memory is told": ({}, (None, None)),
    "memory": ({"memory_limit": 500 * MB}, (500 * MB, None)),
    "cpus": ({"nano_cpus": 1_500_000_000}, (None, 1.5)),
    "a quota": ({"cpu_quota": 150_000, "cpu_period": 50_000}, (None, 3.0)),
    "a quota in the usual period": ({"cpu_quota": 50_000}, (None, 0.5)),
    "a quota of -1": ({"cpu_quota": -1, "cpu_period": 100_000}, (None, None)),
}


@pytest.mark.parametrize(("settings", "limits"), LIMITS.values(), ids=LIMITS)
def test_limits_are_those_that_were_set(
    engine: DockerStandIn,
    sampler: DockerSampler,
    settings: dict[str, int],
    limits: tuple[float | None, float | None],
) -> None:
    """By whatever option of `docker run`."""
    engine.containers[ID] = Container(**settings)
    found = usage(sampler)
    assert (found.memory_limit_bytes, found.cpu_limit_cores) == limits


def test_a_kill_for_memory_is_counted_once_for_each_start(
    engine: DockerStandIn,
) -> None:
    """The engine tells only whether there was one since the container started."""
    now = 0.0
    sampler = DockerSampler(str(engine.path), clock=lambda: now)
    counts = []
    for killed in (False, True, True, False, True):
        engine.containers[ID].oom_killed = killed
        counts.append(usage(sampler).oom_kills)
        now += 61
    sampler.close()
    assert counts == [0, 1, 1, 1, 2]


def test_what_changes_seldom_is_asked_seldom(engine: DockerStandIn, sampler: DockerSampler) -> None:
    """One question for each container and look, not two."""
    for _ in range(3):
        usage(sampler)
    kinds = [path.rpartition("/")[2].partition("?")[0] for path in engine.requests]
    assert kinds == ["version", "stats", "json", "version", "stats", "version", "stats"]


def test_the_connection_is_kept(engine: DockerStandIn, sampler: DockerSampler) -> None:
    """Questions after each other go over one connection, also in the next look."""
    for _ in range(5):
        usage(sampler)
    assert engine.connections == 1


def test_an_engine_that_was_started_again_is_found_again(
    engine: DockerStandIn, sampler: DockerSampler
) -> None:
    """The connection that was kept is dead; another one is made without a gap."""
    usage(sampler)
    engine.fault = _drop_once()
    usage(sampler)
    assert engine.connections == 2


def _drop_once() -> Fault:
    dropped: list[bool] = []

    def drop(request: Request) -> bool:
        if dropped:
            return False
        dropped.append(True)
        request.close_connection = True
        return True

    return drop


def test_a_container_that_stopped_is_gone_though_the_engine_says_zero(
    engine: DockerStandIn, sampler: DockerSampler
) -> None:
    """The statistics of a container that does not run are zeros."""
    engine.containers[ID].running = False
    assert reason(sampler) is GapReason.GONE


VERSIONS = {
    # name: (oldest and newest of the engine, what is asked)
    "as new as ours": (((1, 24), (1, 44)), "/v1.44/"),
    "newer": (((1, 24), (1, 51)), "/v1.44/"),
    "older": (((1, 12), (1, 40)), "/v1.40/"),
    "so new that it has left ours behind": (((1, 50), (2, 3)), "/v1.50/"),
}


@pytest.mark.parametrize(("versions", "asked"), VERSIONS.values(), ids=VERSIONS)
def test_the_version_is_one_that_both_sides_know(
    engine: DockerStandIn,
    sampler: DockerSampler,
    versions: tuple[tuple[int, int], tuple[int, int]],
    asked: str,
) -> None:
    """The engine refuses versions beyond its own, and later ones those that are old."""
    engine.oldest, engine.newest = versions
    usage(sampler)
    assert all(path.startswith(asked) for path in engine.requests if path != "/version")


def status(code: int) -> Fault:
    def fault(request: Request) -> bool:
        if request.path == "/version":
            return False
        request.send_json(code, {"message": "no"})
        return True

    return fault


def sends(data: bytes, *, of: str = "stats") -> Fault:
    def fault(request: Request) -> bool:
        if of not in request.path:
            return False
        request.wfile.write(data)
        request.close_connection = True
        return True

    return fault


def body(data: bytes) -> Fault:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n"
    return sends(head.encode() + data)


def but_for_the_version(fault: Fault) -> Fault:
    return lambda request: request.path != "/version" and fault(request)


FAULTS: dict[str, tuple[Fault, GapReason]] = {
    "401": (status(401), GapReason.PERMISSION),
    "403, of a proxy before the socket": (status(403), GapReason.PERMISSION),
    "404": (status(404), GapReason.GONE),
    "409": (status(409), GapReason.GONE),
    "500": (status(500), GapReason.PROTOCOL),
    "a status that nobody knows": (
        sends(b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\n{}"),
        GapReason.PROTOCOL,
    ),
    "no HTTP": (sends(b"hello\r\n\r\n"), GapReason.PROTOCOL),
    "nothing": (sends(b""), GapReason.UNREACHABLE),
    "cut off in the head": (sends(b"HTTP/1.1 200 OK\r\nContent-Le"), GapReason.PROTOCOL),
    "cut off in the body": (
        sends(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"read"'),
        GapReason.PROTOCOL,
    ),
    "cut off in a chunk": (
        sends(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"read"'),
        GapReason.PROTOCOL,
    ),
    "a chunk of no length": (
        sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}"),
        GapReason.PROTOCOL,
    ),
    "no JSON": (body(b"<html>"), GapReason.PROTOCOL),
    "no text": (body(b"\xff\xfe{}"), GapReason.PROTOCOL),
    "JSON that is no object": (body(b"[]"), GapReason.PROTOCOL),
    "an empty object": (body(b"{}"), GapReason.PROTOCOL),
    "numbers that are texts": (
        body(b'{"cpu_stats": {"cpu_usage": {"total_usage": "5"}}}'),
        GapReason.PROTOCOL,
    ),
    "numbers that no counter reaches": (
        body(
            b'{"cpu_stats": {"cpu_usage": {"total_usage": 1e999}}, "memory_stats": {"usage": -1}}'
        ),
        GapReason.PROTOCOL,
    ),
    "JSON so deep that parsing it fails": (body(b"[" * 500_000), GapReason.PROTOCOL),
    "more than we read": (
        body(json.dumps(Container().stats(ID, 2)).encode() + b" " * BODY_BYTES),
        GapReason.PROTOCOL,
    ),
    "too many headers": (
        sends(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 + b"\r\n"),
        GapReason.PROTOCOL,
    ),
    "no version": (
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", of="version"),
        GapReason.PROTOCOL,
    ),
    "another service": (
        sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", of="version"),
        GapReason.PROTOCOL,
    ),
}


@pytest.mark.parametrize(("fault", "why"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_a_gap_with_its_reason_and_ends_with_it(
    engine: DockerStandIn, sampler: DockerSampler, fault: Fault, why: GapReason
) -> None:
    """Whatever the engine does: a reason, and numbers again when it is well."""
    engine.fault = fault
    assert reason(sampler) is why
    engine.fault = None
    assert usage(sampler).cpu_seconds == 2.5


SLOWNESS = {
    "it hangs": hangs,
    "it hangs after the version": but_for_the_version(hangs),
    "it trickles": trickles,
    "it trickles after the version": but_for_the_version(trickles),
}


@pytest.mark.parametrize("fault", SLOWNESS.values(), ids=SLOWNESS)
def test_an_engine_that_does_not_answer_is_left_in_time(
    engine: DockerStandIn, fault: Fault
) -> None:
    """Also where something comes all the time, but never an answer."""
    sampler = DockerSampler(str(engine.path), timeout_seconds=LITTLE_SECONDS)
    engine.fault = fault
    begun = time.monotonic()
    assert reason(sampler) is GapReason.TIMEOUT
    assert time.monotonic() - begun < LITTLE_SECONDS + 10
    sampler.close()


def test_details_that_cannot_be_had_cost_nothing_else(
    engine: DockerStandIn, sampler: DockerSampler
) -> None:
    """A proxy that lets only statistics through: CPU and memory are known, limits are not."""
    engine.containers[ID].memory_limit = 500 * MB
    engine.fault = lambda request: request.path.endswith("/json") and status(403)(request)
    found = usage(sampler)
    assert (found.cpu_seconds, found.memory_limit_bytes, found.image) == (2.5, None, "")


def test_podman_has_taken_the_cache_off(engine: DockerStandIn, sampler: DockerSampler) -> None:
    """Its answers tell of no cache, no peak and no throttling: two of them by a zero."""
    stats = Container().stats(ID, 2)
    stats["memory_stats"] = {"usage": 200 * MB, "max_usage": 0, "stats": None, "failcnt": 0}
    stats["cpu_stats"]["throttling_data"] = dict.fromkeys(
        ("periods", "throttled_periods", "throttled_time"), 0
    )

    def podman(request: Request) -> bool:
        if "stats" in request.path:
            request.send_json(200, stats)
        return "stats" in request.path

    engine.fault = podman
    found = usage(sampler)
    assert (found.memory_bytes, found.memory_peak_bytes) == (200 * MB, None)
    assert (found.cpu_seconds, found.cpu_throttled_seconds) == (2.5, None)


STOPPED_IN_PODMAN = {
    "an error": status(500),
    "an empty answer": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("fault", STOPPED_IN_PODMAN.values(), ids=STOPPED_IN_PODMAN)
def test_podman_has_no_statistics_of_what_stopped(
    engine: DockerStandIn, sampler: DockerSampler, fault: Fault
) -> None:
    """The container is gone; it is not the engine that is not understood."""
    engine.containers[ID].running = False
    engine.fault = lambda request: "stats" in request.path and fault(request)
    assert reason(sampler) is GapReason.GONE


def many(engine: DockerStandIn, count: int) -> list[RunningServer]:
    """Start *count* more containers."""
    for number in range(count):
        engine.containers[f"{number:064x}"] = Container()
    return [
        RunningServer(ServerKey(f"u{number}", ""), {"object_id": f"{number:064x}"})
        for number in range(count)
    ]


def test_one_slow_container_does_not_hold_up_the_others(engine: DockerStandIn) -> None:
    """Each has its own connection of a few; what is late is a gap, the rest is known."""
    servers = [ANN, *many(engine, 20)]
    engine.fault = lambda request: ID in request.path and hangs(request)
    sampler = DockerSampler(str(engine.path), timeout_seconds=4.0)
    looks = sampler.sample(servers)
    sampler.close()
    assert [key for key, each in looks.items() if isinstance(each, Gap)] == [ANN.key]
    assert engine.connections <= 8


def test_an_engine_that_is_too_slow_shows_each_in_its_turn(engine: DockerStandIn) -> None:
    """The next look begins with those that this one did not reach."""
    servers = many(engine, 24)

    def slow(request: Request) -> bool:
        if "stats" in request.path:
            time.sleep(0.2)
        return False

    engine.fault = slow
    sampler = DockerSampler(str(engine.path), timeout_seconds=0.5)
    seen: set[ServerKey] = set()
    for _ in range(60):
        looks = sampler.sample(servers)
        found = {key for key, each in looks.items() if isinstance(each, Usage)}
        assert len(found) < len(servers)
        seen |= found
        if len(seen) == len(servers):
            break
    sampler.close()
    assert len(seen) == len(servers)


def test_without_an_engine_it_is_unreachable(tmp_path: Path) -> None:
    """No socket, or one that nobody listens at."""
    assert reason(DockerSampler(str(tmp_path / "none.sock"))) is GapReason.UNREACHABLE
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    assert reason(DockerSampler(str(dead))) is GapReason.UNREACHABLE
    (tmp_path / "file").write_text("")
    assert reason(DockerSampler(str(tmp_path / "file"))) is GapReason.UNREACHABLE
    assert reason(DockerSampler(str(tmp_path / ("x" * 200)))) is GapReason.UNREACHABLE


def test_a_socket_that_is_not_open_to_us_is_a_permission(
    engine: DockerStandIn, sampler: DockerSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's user is not in the group `docker`: not an engine that is down."""

    class Refused(socket.socket):
        def connect(self, address: Any) -> None:
            raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("socket.socket", Refused)
    assert reason(sampler) is GapReason.PERMISSION


NOT_CLAIMED = {
    "nothing": {},
    "a swarm service": {"object_id": "pbaej4xl2j5b0iaxa4gxk5y8m", "object_name": "jupyter-ann"},
    "a name": {"object_id": "jupyter-ann"},
    "a pid": {"pid": 5},
}


@pytest.mark.parametrize("state", NOT_CLAIMED.values(), ids=NOT_CLAIMED)
def test_what_is_no_container_here_is_not_claimed(
    engine: DockerStandIn, sampler: DockerSampler, state: dict[str, Any]
) -> None:
    """And it is not asked for."""
    server = RunningServer(ServerKey("ann", ""), state)
    assert not sampler.claims(server)
    assert look(sampler, server) == Gap(GapReason.NO_STATE)
    assert engine.requests == []
