"""What happened on the Hub, as a part of the service: kept up to date, looked after, closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..activity import Activity
from ..activity.database import FILE, ActivityDatabase
from ..activity.listed import listed
from ..activity.pruning import rows
from ..activity.recorder import Recorder
from ..activity.spool_reader import SpoolReader
from ..errors import StoreDamaged, StoreError
from ..health.codes import ACTIVITY_NOT_KEPT
from ..metrics import service_catalogue as m
from ..promql.engine import Engine
from ..store.store import Store
from ..usage.snapshot import UsageSnapshot
from .application import Host

log = logging.getLogger(__name__)

READ_SECONDS = 1.0
RETRY_SECONDS = 5.0
PRUNE_SECONDS = 600.0
DAY_SECONDS = 86_400.0
MOST_ROWS = 2_000_000
"""Of all kinds together, about 300 MB: five years of 500 people, half a year of 5,000."""

T = TypeVar("T")


class ActivityPart:
    """Keeps `activity.sqlite` in *host*'s folder; `Context.activity` is there once it is open.

    *snapshots* gives the last look at usage; None where nobody looks, and then sessions go by
    events alone.
    """

    def __init__(self, host: Host, snapshots: Callable[[], UsageSnapshot | None] | None) -> None:
        self._host, self._snapshots = host, snapshots or (lambda: None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="activity")
        self._database: ActivityDatabase | None = None
        self._recorder: Recorder | None = None
        self._seen: UsageSnapshot | None = None
        self._pruned = float("-inf")
        self._damaged = False

    async def start(self) -> None:
        """Begin to read what the Hub tells: that needs no store."""
        self._host.also(self._run())

    async def opened(self, store: Store, engine: Engine) -> None:
        """Nothing to do: the store is another file."""

    async def stop(self) -> None:
        """Close the file after what is being written now."""
        self._host.context.activity = None
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    # --- Work --------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Work until cancelled. What is wrong is told, and tried again."""
        while True:
            problem = await self._tried(self._work)
            self._host.context.faults.put(ACTIVITY_NOT_KEPT, problem or self._damage())
            await asyncio.sleep(READ_SECONDS if problem is None else RETRY_SECONDS)

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> str | None:
        """Do *work*; return what is wrong, None where nothing is."""
        try:
            await work()
        except StoreDamaged as error:
            self._damaged = True
            return f"{error}. The file is set aside, and another one begun in a moment."
        except StoreError as error:
            return f"{error}. It is tried again every {RETRY_SECONDS:g} s; nothing is lost yet."
        except OSError as error:
            return (
                f"what the Hub writes to {self._host.folder} cannot be read or kept:"
                f" {error.strerror or error}. It is tried again every {RETRY_SECONDS:g} s."
            )
        except Exception as error:
            log.exception("What happened on the Hub could not be taken in")
            return f"what happened on the Hub cannot be taken in ({type(error).__name__}: {error})."
        return None

    async def _work(self) -> None:
        if self._damaged and self._database is not None:
            await self._in_thread(self._database.begin_anew)
            self._damaged = False
        if self._recorder is None:
            self._recorder = await self._in_thread(self._open)
        recorder = self._recorder
        await self._in_thread(lambda: recorder.read(time.time()))
        snapshot = self._snapshots()
        if snapshot is not None and snapshot is not self._seen:
            found = await self._in_thread(lambda: listed(snapshot))
            if found is not None:
                await self._in_thread(lambda: recorder.see(found))
            self._seen = snapshot
        if time.monotonic() - self._pruned >= PRUNE_SECONDS:
            await self._in_thread(self._prune)
            self._pruned = time.monotonic()

    def _open(self) -> Recorder:
        folder = self._host.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = ActivityDatabase(folder)
        self._host.context.activity = Activity(self._database)
        return Recorder(self._database, SpoolReader(folder))

    def _prune(self) -> None:
        assert self._recorder is not None  # noqa: S101 -- `_work` has opened it
        assert self._database is not None  # noqa: S101
        oldest = time.time() - self._host.settings.store.retention_days * DAY_SECONDS
        self._recorder.prune(oldest, MOST_ROWS)
        with self._database.reading() as connection:
            m.ACTIVITY_ROWS.set(sum(rows(connection).values()))
        m.ACTIVITY_BYTES.set(self._database.bytes())

    def _damage(self) -> str | None:
        """Return what to say of a file that was set aside, until somebody has looked at it."""
        aside = self._database.set_aside if self._database is not None else None
        if aside is None or not aside.exists():
            return None
        return (
            f"{FILE} was damaged and is {aside} now; what it held is not shown, what happens now"
            " is kept. Remove that file when you have looked at it."
        )

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
