"""A service that takes rounds in and sends them, in a process that a test may kill.

    python tests/support/write_process.py FOLDER URL START_MS FIRST LAST RATE

It appends the rounds FIRST to LAST and says `appended`, then `sent N` as RATE samples a second go
out, and `done` when nothing is owed; then it waits to be killed.
"""

# ruff: noqa: T201 -- a test reads it
from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.alerting.receivers.http_options import HttpOptions
from jupyterhub_monitoring.remote_write.receiver import ReceiverSettings
from jupyterhub_monitoring.remote_write.sender import Rhythm, Sender
from jupyterhub_monitoring.store.selection import STALE, Row
from jupyterhub_monitoring.store.store import Store

STEP = 15_000
WIDTH = 50
EXTERNAL = {"hub": "physics"}


def append(store: Store, start: int, number: int) -> None:
    """One round of two targets; sometimes ten series end, and go on a round later."""
    for target in "ab":
        names = [
            tuple(sorted({"__name__": "m", "instance": target, "job": "hub", "n": str(n)}.items()))
            for n in range(WIDTH)
        ]
        values = np.arange(WIDTH) * 0.5 + number
        if number % 20 == 19:
            values[:10] = STALE
        store.append([Row(start + number * STEP, store.series_ids(names), values)])


async def main(folder: Path, url: str, start: int, first: int, *others: int) -> None:
    last, rate = others
    store = Store.open(folder)
    receiver = ReceiverSettings("far", "far", url, HttpOptions(), 20.0)
    rhythm = Rhythm(note_seconds=0.1, most_per_second=rate)
    sender = Sender(receiver, store, folder / "remote-write", EXTERNAL, rhythm)
    sender.start()
    while sender._outbox is None:  # noqa: ASYNC110 -- a test's
        await asyncio.sleep(0.01)
    for number in range(first, last):
        append(store, start, number)
        await asyncio.sleep(0)
    newest = store.following().newest()
    while sender._outbox._owed.noted < newest:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print("appended", flush=True)
    sent = 0
    while sender.state().oldest_ms is not None:
        if sender.state().sent > sent:
            sent = sender.state().sent
            print(f"sent {sent}", flush=True)
        await asyncio.sleep(0.01)
    print(f"done {sender.state()}", flush=True)
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])))
