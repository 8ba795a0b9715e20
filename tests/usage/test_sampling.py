"""Which backend looks at which server, and what its looks become."""

from __future__ import annotations

import logging

import pytest

from jupyterhub_monitoring.usage.model import Backend, Gap, GapReason, RunningServer, Usage
from jupyterhub_monitoring.usage.sampling import Sampling
from support.usage_fakes import FakeSampler, HandClock, server

POD = {"pod_name": "jupyter-ana"}


def kubernetes(**looks: Usage) -> FakeSampler:
    return FakeSampler(Backend.KUBERNETES, "pod_name", dict(looks))


def test_each_server_is_looked_at_by_the_first_that_claims_it():
    """Several backends work side by side on one Hub; nobody is looked at twice."""
    pods, processes = kubernetes(ana=Usage(cpu_seconds=1)), FakeSampler(looks={"bob": Usage()})
    ana, bob = server("ana", state={**POD, "pid": 1}), server("bob")
    found = Sampling([pods, processes]).look([ana, bob])
    assert [one.backend for one in found] == [Backend.KUBERNETES, Backend.PROCESS]
    assert (pods.asked, processes.asked) == ([(ana.key,)], [(bob.key,)])


def test_a_forced_backend_looks_alone():
    """What it finds no way to is a gap, also where another backend would."""
    pods, processes = kubernetes(ana=Usage(cpu_seconds=1)), FakeSampler(looks={"bob": Usage()})
    sampling = Sampling([pods, processes], forced="kubernetes")
    found = sampling.look([server("ana", state=POD), server("bob")])
    assert [one.gap for one in found] == [None, Gap(GapReason.NO_STATE)]
    assert processes.asked == []


def test_a_server_without_a_way_to_it_is_a_gap():
    """Nothing recorded, or we may not see it: unknown, never zero."""
    (found,) = Sampling([FakeSampler()]).look([server(state={})])
    assert (found.backend, found.look, found.cpu_cores) == (None, Gap(GapReason.NO_STATE), None)


def test_a_backend_without_servers_hears_of_it():
    """So it forgets those that are gone."""
    processes = FakeSampler()
    sampling = Sampling([processes])
    sampling.look([server()])
    sampling.look([])
    assert processes.asked[-1] == ()


def test_one_backend_that_raises_is_gaps_of_its_own(caplog):
    """The others go on, the log says it once, and holds no username."""
    broken = kubernetes()
    broken.looks["ana"] = KeyError("secret-ana")  # type: ignore[assignment]
    processes = FakeSampler(looks={"bob": Usage(memory_bytes=5)})
    sampling = Sampling([broken, processes])
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            ana, bob = sampling.look([server("ana", state=POD), server("bob")])
    assert ana.gap is not None
    assert ana.gap.reason is GapReason.FAILED
    assert bob.usage.memory_bytes == 5
    assert len(caplog.records) == 1
    assert "secret-ana" not in caplog.text
    assert "usage_fakes.py:" in caplog.text


def test_a_backend_that_leaves_one_out_leaves_a_gap(monkeypatch):
    """An incomplete answer is no reason to lose a server."""
    processes = FakeSampler()
    monkeypatch.setattr(processes, "sample", lambda servers: {})
    (found,) = Sampling([processes]).look([server()])
    assert found.gap == Gap(GapReason.FAILED, "the backend raised, or left the server out")


ONE, NEXT = server(started=100.0), server(started=200.0)
FIVE = Usage(cpu_seconds=5)


@pytest.mark.parametrize(
    ("looks", "cores"),
    [
        ([(ONE, 0, Usage(cpu_seconds=5))], None),
        ([(ONE, 0, Usage(cpu_seconds=5)), (ONE, 10, Usage(cpu_seconds=25))], 2.0),
        ([(ONE, 0, Usage(cpu_seconds=5)), (ONE, 10, Usage(cpu_seconds=5))], 0.0),
        ([(ONE, 0, Usage(cpu_seconds=5)), (NEXT, 10, Usage(cpu_seconds=25))], None),
        ([(ONE, 0, Usage(cpu_seconds=5)), (ONE, 10, Usage(cpu_seconds=4))], None),
        ([(ONE, 0, Usage(cpu_seconds=5)), (ONE, 10, Gap(GapReason.TIMEOUT))], None),
        (
            [
                (ONE, 0, Usage(cpu_seconds=5)),
                (ONE, 10, Gap(GapReason.TIMEOUT)),
                (ONE, 20, Usage(cpu_seconds=25)),
            ],
            1.0,
        ),
        (
            [(ONE, 0, Usage(cpu_seconds=5)), (None, 10, Usage()), (ONE, 20, Usage(cpu_seconds=9))],
            None,
        ),
        (
            [
                (ONE, 0, Usage(cpu_seconds=0)),
                (ONE, 10, Usage(cpu_seconds=5)),
                (ONE, 10.1, Usage(cpu_seconds=6)),
            ],
            0.5,
        ),
        ([(ONE, 0, Usage(cpu_cores=0.25))], 0.25),
        ([(ONE, 0, Usage()), (ONE, 10, Usage())], None),
    ],
    ids=[
        "first look",
        "two cores",
        "idle",
        "started again",
        "back in time",
        "a gap",
        "over a gap",
        "away in between",
        "too soon after the last",
        "known as a rate",
        "not known",
    ],
)
def test_cpu_in_cores(
    looks: list[tuple[RunningServer | None, float, Usage | Gap]], cores: float | None
):
    """It is the mean between two looks at the same life of a server, else unknown."""
    clock, processes = HandClock(0), FakeSampler()
    sampling = Sampling([processes], clock=clock)
    for one, clock.now, look in looks:
        processes.looks["ana"] = look
        found = sampling.look([one] if one else [])
    assert found[0].cpu_cores == cores


def test_gpus_are_added_to_what_another_backend_knows():
    """They say nothing of memory and CPU; a server without GPUs stays as it is."""
    gpu = FakeSampler(
        Backend.GPU, "pid", {"ana": Usage(gpu_memory_bytes=9, memory_bytes=1, node="x")}
    )
    processes = FakeSampler(looks={"ana": Usage(memory_bytes=5), "bob": Usage(memory_bytes=6)})
    ana, bob = Sampling([processes], extras=[gpu]).look([server("ana"), server("bob")])
    assert (ana.usage.memory_bytes, ana.usage.gpu_memory_bytes) == (5, 9)
    assert (bob.usage.memory_bytes, bob.usage.gpu_memory_bytes) == (6, None)


def test_closing_closes_all(monkeypatch):
    """Also when one of them cannot be closed."""
    first, second = FakeSampler(), kubernetes()

    def fail() -> None:
        raise OSError("closed already")

    monkeypatch.setattr(second, "close", fail)
    with pytest.raises(OSError, match="closed already"):
        Sampling([first, second]).close()
    assert first.closed
