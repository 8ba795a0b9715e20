"""Stores that a test sends from, and what a receiver must have of them in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.alerting.receivers.http_options import HttpOptions
from jupyterhub_monitoring.remote_write.receiver import ReceiverSettings
from jupyterhub_monitoring.remote_write.sender import Rhythm, Sender
from jupyterhub_monitoring.store.selection import ABSENT_BITS, STALE, Row
from jupyterhub_monitoring.store.store import Store
from support.stores import START, STEP, series
from support.write_receiver import Labels, Samples

EXTERNAL = {"hub": "physics"}


def everything(store: Store, external: dict[str, str] | None = None) -> dict[Labels, Samples]:
    """All samples of *store*, as bits, with staleness markers, by the labels that leave."""
    selection = store.select([], 0, 1 << 60)
    sets = selection.labels.rows()
    found: dict[Labels, Samples] = {}
    for tile in selection.tiles:
        bits = tile.rows(slice(None)).view(np.int64)
        for column, position in enumerate(tile.positions.tolist()):
            mine = bits[:, column] != ABSENT_BITS
            labels = {**(EXTERNAL if external is None else external), **sets[position]}
            times, values = tile.timestamps[mine].tolist(), bits[mine, column].tolist()
            if times:
                found[tuple(sorted(labels.items()))] = list(zip(times, values, strict=True))
    return found


def once(kept: dict[Labels, Samples]) -> dict[Labels, Samples]:
    """What a receiver has that takes the same sample twice for one."""
    return {labels: sorted(set(samples)) for labels, samples in kept.items()}


def doubled(kept: dict[Labels, Samples]) -> int:
    """How many samples came more than once."""
    return sum(n - 1 for samples in kept.values() for n in Counter(samples).values())


def rounds(store: Store, first: int, last: int, targets: str = "ab", width: int = 10) -> None:
    """Scrape *targets*, a minute apart; each tenth round some series end, and later go on."""
    for number in range(first, last):
        for target in targets:
            ids = store.series_ids([series("m", target, n=str(n)) for n in range(width)])
            values = np.arange(width) + float(number)
            values[:3] = STALE if number % 10 == 9 else values[:3]
            store.append([Row(START + number * STEP, ids, values)])


@dataclass
class Waits:
    """A `sleep` that takes no time but a turn of the event loop, and remembers what was asked."""

    asked: list[float]

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0.002)


def settings(url: str, timeout_seconds: float = 20.0, **options: object) -> ReceiverSettings:
    """A receiver called `far`."""
    return ReceiverSettings("far", "far", url, HttpOptions(**options), timeout_seconds)  # type: ignore[arg-type]


@asynccontextmanager
async def sending(
    store: Store, folder: Path, url: str, waits: Waits | None = None, timeout_seconds: float = 20.0
) -> AsyncIterator[Sender]:
    """Send what *store* has to *url*; time passes at once."""
    waits = waits or Waits([])
    rhythm = Rhythm(most_per_second=1e9, sleep=waits, clock_ms=lambda: START)
    sender = Sender(settings(url, timeout_seconds), store, folder, EXTERNAL, rhythm)
    sender.start()
    try:
        await until(lambda: sender._outbox is not None)
        yield sender
    finally:
        await sender.stop()


async def until(holds: Callable[[], bool], within_seconds: float = 60.0) -> None:
    """Return once *holds*; fail if it does not in time."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "not in time"
        await asyncio.sleep(0.01)
