"""A receiver gets all that the store takes in, whatever it answers and whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.remote_write import outbox
from jupyterhub_monitoring.store.head import Part
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from support.stores import BLOCK, HOUR, START, STEP, Clock, open_store, series
from support.write_receiver import Answer, Received, WriteReceiver, refuse
from support.writing import Waits, doubled, everything, once, rounds, sending, until


async def test_what_comes_in_goes_out(tmp_path: Path):
    """Each sample goes out once, with staleness markers and the Hub's labels; old ones stay."""
    store = open_store(tmp_path, Clock())
    rounds(store, -5, 0)
    old = everything(store)
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            store.describe({"m": ("gauge", "What it is.", "bytes")})
            for number in range(20):
                rounds(store, number, number + 1)
            await until(lambda: sender.state().sent == 20 * 20)
            await until(lambda: any(request.metadata for request in receiver.requests))
            assert sender.state().oldest_ms is None
    new = {
        labels: [s for s in all_ if s not in old[labels]]
        for labels, all_ in everything(store).items()
    }
    assert receiver.kept == new
    headers = receiver.requests[0].headers
    assert headers["Content-Encoding"] == "snappy"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert headers["Content-Type"] == "application/x-protobuf"
    described = [one for request in receiver.requests for one in request.metadata]
    assert {1: 2, 2: "m", 4: "What it is.", 5: "bytes"} in described
    store.close()


async def test_an_outage_of_hours(tmp_path: Path):
    """A receiver that was down for six hours gets them from pages, in order, and each once."""
    clock = Clock()
    store = open_store(tmp_path, clock)
    port = _closed_port()
    async with sending(store, tmp_path, f"http://127.0.0.1:{port}/") as sender:
        for hour in range(6):
            rounds(store, 60 * hour, 60 * (hour + 1))
            await until(lambda hour=hour: (sender.state().oldest_ms or 0) == START)
            clock.now = START + (hour + 1) * HOUR
            await until(lambda: bool(sender.state().failure))
            store.maintain()
        assert store.stats().oldest_ms == START
        with WriteReceiver(port=port) as receiver:
            await until(lambda: sender.state().sent == 6 * 60 * 20)
    assert receiver.kept == everything(store)
    assert all(len(request.body) < 200_000 for request in receiver.requests)
    store.close()


def _closed_port() -> int:
    with WriteReceiver() as receiver:
        return receiver.port


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403, 404, 302])
async def test_waits_and_tries_again(tmp_path: Path, status: int):
    """Nothing is lost where a receiver has no time, or does not know us yet."""
    store = open_store(tmp_path, Clock())
    waits = Waits([])
    with WriteReceiver(refuse(status, "not now", Retry_After="17"), refuse(status)) as receiver:
        async with sending(store, tmp_path, receiver.url, waits) as sender:
            rounds(store, 0, 3)
            await until(lambda: sender.state().sent == 60)
        assert receiver.kept == everything(store)
    asked = [seconds for seconds in waits.asked if seconds not in {5.0, 0.0} and seconds >= 1]
    assert asked == ([17.0, 2.0] if status in {429, 500, 503} else [1.0, 2.0])
    store.close()


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_what_is_refused_is_dropped_and_told(tmp_path: Path, status: int):
    """A request that nobody will ever take is left out, counted, and the next one goes."""
    store = open_store(tmp_path, Clock())
    with WriteReceiver(refuse(status, "bad labels")) as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            rounds(store, 0, 1, "a")
            await until(lambda: sender.state().refused is not None)
            rounds(store, 1, 2, "a")
            await until(lambda: sender.state().sent == 10)
            refused = sender.state().refused
    assert refused is not None
    assert refused.samples == 10
    assert "bad labels" in refused.why
    store.close()


@pytest.mark.parametrize(
    "lost",
    [Answer(cut=True), Answer(500, "later"), Answer(hang_seconds=3.0)],
    ids=["connection lost", "500 after it was taken", "no answer in time"],
)
async def test_an_answer_that_is_lost(tmp_path: Path, lost: Answer):
    """The very same request goes again, and "out of order" then means that it is there."""
    store = open_store(tmp_path, Clock())
    bodies: list[bytes] = []

    def like_prometheus(request: Received) -> Answer | None:
        bodies.append(request.body)
        return refuse(400, "out of order sample") if len(bodies) == 2 else None

    with WriteReceiver(lost) as receiver:
        receiver.judge = like_prometheus
        async with sending(store, tmp_path, receiver.url, timeout_seconds=1.5) as sender:
            rounds(store, 0, 3)
            await until(lambda: sender.state().sent == 60)
            assert sender.state().refused is None
    assert bodies[0] == bodies[1]
    assert receiver.kept == everything(store)
    store.close()


async def test_a_restart_sends_the_same_batch(tmp_path: Path):
    """What was out when we were killed goes out again as it was, not mixed with what is new."""
    store = open_store(tmp_path, Clock())
    with WriteReceiver(Answer(hang_seconds=2.0)) as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            rounds(store, 0, 3)
            await until(lambda: bool(receiver.requests))
            for task in sender._tasks:  # as a kill would
                task.cancel()
        rounds(store, 3, 30)
        async with sending(store, tmp_path, receiver.url) as sender:
            await until(lambda: sender.state().sent >= 27 * 20)
            await until(lambda: sender.state().oldest_ms is None)
    sent = [request.body for request in receiver.requests if request.series]
    assert sent[0] in sent[1:]
    assert once(receiver.kept) == everything(store)
    first = receiver.requests[0]
    assert doubled(receiver.kept) == sum(len(samples) for _, samples in first.series)
    store.close()


async def test_samples_that_come_late(tmp_path: Path):
    """A target's own timestamps that lie back are sent as well."""
    clock = Clock()
    store = open_store(tmp_path, clock)
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            ids = store.series_ids([series("late"), series("now")])
            for number in range(0, 150, 2):
                at = START + number * STEP
                store.append(
                    [Row(at, ids[1:], np.ones(1)), Row(at - 7 * STEP, ids[:1], np.ones(1))]
                )
            await until(lambda: sender.state().sent == 150)
        clock.now += 2 * BLOCK
        store.maintain()
    assert receiver.kept == everything(store)
    store.close()


async def test_what_came_while_nobody_sent(tmp_path: Path):
    """A service that ran without remote write for hours sends them when it has it again."""
    clock = Clock()
    store = open_store(tmp_path, clock)
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            rounds(store, 0, 10)
            await until(lambda: sender.state().sent == 200)
        rounds(store, 10, 400, "abc")  # c is new
        clock.now = START + 6 * BLOCK
        store.maintain()  # all of it is in pages, and the log is empty
        assert store.following().newest() == 0
        async with sending(store, tmp_path, receiver.url) as sender:
            await until(lambda: sender.state().sent == 390 * 30)
            rounds(store, 500, 510)
            await until(lambda: sender.state().sent == 390 * 30 + 200)
    assert receiver.kept == everything(store)
    store.close()


async def test_what_retention_dropped_is_told(tmp_path: Path):
    """A receiver that is away for longer than samples are kept gets the rest, and we say so."""
    clock = Clock()
    kept = StoreSettings(settle_seconds=0, retention_ms=BLOCK)
    store = open_store(tmp_path, clock, kept)
    port = _closed_port()
    async with sending(store, tmp_path, f"http://127.0.0.1:{port}/") as sender:
        rounds(store, 0, 600)
        await until(lambda: sender.state().oldest_ms == START)
    clock.now = START + 5 * BLOCK
    store.maintain()
    assert (oldest := store.stats().oldest_ms) is not None
    assert oldest > START
    with WriteReceiver(port=port) as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            await until(lambda: sender.state().sent > 0 and sender.state().oldest_ms is None)
            assert sender.state().lost_ms == oldest
    assert once(receiver.kept) == everything(store)
    store.close()


async def test_an_instant_that_is_too_much_for_a_request(tmp_path: Path, monkeypatch):
    """A scrape of more samples than a request has is several requests, none of them larger."""
    monkeypatch.setattr(outbox, "MOST_SAMPLES", 40)
    store = open_store(tmp_path, Clock())
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            rounds(store, 0, 3, "a", width=100)
            await until(lambda: sender.state().sent == 300)
    sizes = [sum(len(samples) for _, samples in request.series) for request in receiver.requests]
    assert max(sizes) <= 40
    assert receiver.kept == everything(store)
    store.close()


async def test_catching_up_is_bounded(tmp_path: Path):
    """After an outage no more than so many samples go out in a second."""
    store = open_store(tmp_path, Clock())
    waits = Waits([])
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url, waits) as sender:
            object.__setattr__(sender._rhythm, "most_per_second", 1.0)
            rounds(store, 0, 10, "a")
            await until(lambda: sender.state().sent == 100)
            await until(lambda: sum(s for s in waits.asked if s != 5.0) > 80)
    store.close()


async def test_a_file_that_is_damaged(tmp_path: Path):
    """It is told, and what comes from now on is sent."""
    store = open_store(tmp_path, Clock())
    (tmp_path / "far.json").write_text("{")
    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            rounds(store, 0, 1)
            await until(lambda: sender.state().sent == 20)
    assert receiver.kept == everything(store)
    store.close()


async def test_a_row_that_queries_do_not_see_yet(tmp_path: Path):
    """A row that is on disk a moment before it can be read is sent when it can be."""
    store = open_store(tmp_path, Clock())
    show, committed, go_on = store._head.put, threading.Event(), threading.Event()

    def slowly(parts: Sequence[Part]) -> None:
        committed.set()
        assert go_on.wait(60)
        show(parts)

    with WriteReceiver() as receiver:
        async with sending(store, tmp_path, receiver.url) as sender:
            store._head.put = slowly  # type: ignore[method-assign]
            writer = threading.Thread(target=rounds, args=(store, 0, 1, "a"))
            writer.start()
            await until(committed.is_set)
            await asyncio.sleep(0.2)  # many rounds of the sender
            go_on.set()
            await until(lambda: sender.state().sent == 10)
            await asyncio.to_thread(writer.join)
    assert receiver.kept == everything(store)
    store.close()
