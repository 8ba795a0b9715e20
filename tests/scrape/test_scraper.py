"""The loop at work: real servers, real clocks, targets that misbehave beside others that do not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server

from jupyterhub_monitoring.metrics.service_catalogue import SCRAPE_TARGETS, SCRAPES, SCRAPES_LATE
from jupyterhub_monitoring.scrape import Health, Limits, Scraper, Target
from support.memory_appendable import MemoryAppendable
from support.odd_server import OddServer, answer, gzip_bomb, hangs, sends, trickles


@pytest.fixture
def writer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "writer") as executor:
        yield executor


@pytest.fixture
def serve() -> Iterator[Callable[..., OddServer]]:
    made: list[OddServer] = []

    def make(behave) -> OddServer:
        made.append(OddServer(behave))
        return made[-1]

    yield make
    for server in made:
        server.close()


class SlowStore(MemoryAppendable):
    """A store whose disk takes its time."""

    seconds = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def append(self, rows):
        self.threads.add(threading.current_thread().name.partition("_")[0])
        time.sleep(self.seconds)
        return super().append(rows)


def target(url: str, job: str = "j", **more: object) -> Target:
    return Target(url, job, **{"interval_seconds": 0.4, "timeout_seconds": 0.4, **more})


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come to be"
        await asyncio.sleep(0.01)


async def run(scraper: Scraper, seconds: float) -> None:
    await scraper.start()
    await asyncio.sleep(seconds)
    await scraper.stop()


@pytest.mark.parametrize("accept_openmetrics", [True, False])
async def test_a_real_program(writer, accept_openmetrics, monkeypatch):
    """What a program counts with prometheus_client is in the store, with help and type."""
    if not accept_openmetrics:
        monkeypatch.setattr("jupyterhub_monitoring.scrape.http_get.ACCEPT", "text/plain")
    registry = CollectorRegistry()
    cups = Counter("cups", "Cups of tea.", ["kind"], registry=registry)
    cups.labels("Earl Grey").inc(3)
    server, _ = start_http_server(0, "127.0.0.1", registry=registry)
    store = MemoryAppendable()
    scraper = Scraper(
        store, [target(f"http://127.0.0.1:{server.server_port}/metrics")], writer=writer
    )
    try:
        await scraper.start()
        await until(lambda: scraper.targets()[0].health is Health.UP)
        cups.labels("Earl Grey").inc()
        await until(lambda: store.last("cups_total", kind="Earl Grey") == 4)
    finally:
        await scraper.stop()
        server.shutdown()
        server.server_close()
    assert store.last("up") == 1
    family = "cups" if accept_openmetrics else "cups_total"
    assert store.metadata[family] == ("counter", "Cups of tea.", "")
    (state,) = scraper.targets()
    assert state.metadata == store.metadata
    assert (state.samples, state.last_error) == (2, "")
    assert state.last_scrape_ms == max(store.series("up"))


async def test_slow_targets_delay_nobody(writer, serve):
    """Beside targets that hang, trickle and bomb, a good one keeps its rhythm."""
    bomb = answer(gzip_bomb(30), Content_Encoding="gzip")
    fast = {"interval_seconds": 0.25, "timeout_seconds": 0.2}
    few = Limits(body_bytes=200_000)
    slow = [
        target(serve(behave).url, "slow", limits=few, **fast)
        for behave in (hangs, hangs, hangs, trickles)
    ]
    bombs = [target(serve(sends(bomb)).url, "bomb", limits=few) for _ in range(2)]
    good = target(serve(sends(answer("a 1\n"))).url, "good", **fast)

    async def trial() -> str:
        """Return what was not as it should be, which may be for others who use this machine."""
        store = MemoryAppendable()
        scraper = Scraper(store, [*slow, *bombs, good], writer=writer)
        await run(scraper, 2)
        times = sorted(store.series("up", job="good"))
        if not kept(times, 250) or set(store.values("up", job="good")) != {1}:
            return f"no steady rhythm: {times}"
        why = {state.target.instance: state.last_error for state in scraper.targets()}
        wrong = [one for one in slow if "no complete answer" not in why[one.instance]]
        wrong += [one for one in bombs if "more than 200,000 bytes" not in why[one.instance]]
        return f"these are not refused for what they are: {wrong}" if wrong else ""

    trials = []
    while len(trials) < 12 and "" not in trials:
        trials.append(await trial())
    assert "" in trials


def kept(times: list[int], interval: int) -> bool:
    """Whether no beat was left out, and none came late, in two seconds."""
    if len(times) < 7 or max(b - a for a, b in pairwise(times)) >= 350:
        return False
    return abs((times[-1] - times[0]) - interval * (len(times) - 1)) < 60


async def test_the_loop_is_never_blocked(writer):
    """While large expositions are read and a disk is slow, the event loop answers others."""
    body = "".join(f'm{i % 50}{{a="{i}",handler="x.y.Z"}} {i}\n' for i in range(20_000)).encode()
    store = SlowStore()
    store.seconds = 0.1
    self_target = target("http://self/", read=lambda: (body, "text/plain"), interval_seconds=0.4)
    scraper = Scraper(store, [self_target], writer=writer)
    worst = 0.0
    await scraper.start()
    while len(store.appends) < 3:
        began, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.002)
        worst = max(worst, min(time.perf_counter() - began, time.thread_time() - cpu))
    await scraper.stop()
    assert store.last("scrape_samples_scraped") == 20_000
    assert worst < 0.02
    assert store.threads == {"writer"}


async def test_late_scrapes_are_counted(writer, serve):
    """When the disk holds scrapes up, beats are left out and counted; none is made up for."""
    store = SlowStore()
    store.seconds = 1.5
    before = SCRAPES_LATE._value.get()
    url = serve(sends(answer("a 1\n"))).url
    scraper = Scraper(store, [target(url)], writer=writer)
    await scraper.start()
    await until(lambda: SCRAPES_LATE._value.get() - before >= 2)
    await scraper.stop()
    assert len(store.series("up")) <= 3


async def test_never_two_at_a_time(writer, serve):
    """A target that takes nearly its interval is never asked while it still answers."""
    most = 0

    def slow(connection, _request):
        nonlocal most
        most = max(most, server.open)
        time.sleep(0.25)
        connection.sendall(answer("a 1\n"))

    server = serve(slow)
    patient = target(server.url, interval_seconds=0.4, timeout_seconds=0.4)
    scraper = Scraper(MemoryAppendable(), [patient], writer=writer)
    await scraper.start()
    await until(lambda: len(server.requests) >= 3)
    await scraper.stop()
    assert most == 1


async def test_target_that_comes_back(writer, serve):
    """A target that fails and returns: `up` says so, its series end and begin again."""
    server, store = serve(sends(answer("a_total 100\n"))), MemoryAppendable()
    scraper = Scraper(store, [target(server.url)], writer=writer)
    await scraper.start()
    await until(lambda: scraper.targets()[0].health is Health.UP)
    server.behave = sends(answer("oh", status="503 Service Unavailable"))
    await until(lambda: scraper.targets()[0].health is Health.DOWN)
    assert "status 503" in scraper.targets()[0].last_error
    server.behave = sends(answer("a_total 2\n"))
    await until(lambda: store.last("a_total") == 2)
    await scraper.stop()
    values = [value for value in store.values("a_total") if value != 100]
    assert (values[0], set(values[1:])) == (None, {2})
    assert {0, 1} == set(store.values("up"))


async def test_removed_and_added_targets(writer, serve):
    """A target that is taken away ends; one that is added begins; the others do not notice."""
    store, server = MemoryAppendable(), serve(sends(answer("a 1\n")))
    stays, goes, comes = (target(server.url, job) for job in ("stays", "goes", "comes"))
    scraper = Scraper(store, [stays, goes], writer=writer)
    await scraper.start()
    await until(lambda: all(state.health is Health.UP for state in scraper.targets()))
    await scraper.update([stays, comes])
    await until(lambda: all(state.health is Health.UP for state in scraper.targets()))
    await scraper.stop()
    assert [state.target.job for state in scraper.targets()] == ["comes", "stays"]
    assert store.last("a", job="goes") is None
    assert store.last("up", job="goes") is None
    assert None not in store.values("a", job="stays")
    assert store.last("a", job="comes") == 1


async def test_stopping_leaves_series_open(writer, serve):
    """The service stops and is back soon: no series ends, and nothing comes afterwards."""
    store = MemoryAppendable()
    servers = [serve(sends(answer("a 1\n"))), serve(hangs)]
    patient = {"interval_seconds": 3, "timeout_seconds": 3}
    targets = [target(servers[0].url), target(servers[1].url, **patient)]
    scraper = Scraper(store, targets, writer=writer)
    await scraper.start()
    await until(lambda: store.appends and servers[1].open)
    began = time.monotonic()
    await scraper.stop()
    assert time.monotonic() - began < 2  # nobody waits for the answer
    count = len(store.appends)
    await asyncio.sleep(0.5)
    assert len(store.appends) == count
    assert None not in store.values("a")
    await until(lambda: servers[1].open == 0)


async def test_a_store_that_fails(writer, serve, caplog):
    """When the store refuses, scraping goes on, says so once, and beside the target."""
    store = MemoryAppendable()
    store.fails = OSError("no more room")
    scraper = Scraper(store, [target(serve(sends(answer("a 1\n"))).url)], writer=writer)
    await scraper.start()
    await until(lambda: scraper.targets()[0].last_error)
    await asyncio.sleep(0.6)
    assert "could not be kept: no more room" in scraper.targets()[0].last_error
    assert len(caplog.records) == 1
    store.fails = None
    await until(lambda: scraper.targets()[0].health is Health.UP)
    await scraper.stop()
    assert scraper.targets()[0].last_error == ""


async def test_own_metrics(writer, serve):
    """How scrapes end, and how many targets are well, can be watched."""

    def counted() -> dict[str, float]:
        names = SCRAPES.spec.labels[0].values
        return {name: SCRAPES.labels(name)._value.get() for name in names}

    before = counted()
    bodies = {"good": "a 1\n", "bad": "a is\n", "much": "a 1\nb 1\n"}
    targets = [
        target(serve(sends(answer(body))).url, job, limits=Limits(samples=1))
        for job, body in bodies.items()
    ]
    scraper = Scraper(MemoryAppendable(), [*targets, target("http://127.0.0.1:1/")], writer=writer)
    await scraper.start()
    await until(lambda: all(counted()[name] > before[name] for name in before))
    await until(lambda: all(s.health is not Health.UNKNOWN for s in scraper.targets()))
    await scraper.stop()
    assert SCRAPE_TARGETS.labels("1")._value.get() == 1
    assert SCRAPE_TARGETS.labels("0")._value.get() == 3
