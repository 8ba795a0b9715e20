"""Keeps the store open: opens it as often as it takes, looks after it, closes it.

Whatever is wrong with the folder or the file is a fault with a health code, never an exception, and
is tried again: another process may end, a disk may be mounted, an operator may make room.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..errors import StoreError, StoreLocked
from ..health.codes import DATA_FOLDER, STORE_CLOSED, STORE_DAMAGED, STORE_FULL
from ..metrics import service_catalogue as m
from ..store.settings import StoreSettings
from ..store.store import Store, StoreStats
from .faults import Faults

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
"""How long another process may have the folder before that is a fault: an old service that ends."""

MAINTAIN_SECONDS = 60.0
FLUSH_SECONDS = 5.0
LOOK_SECONDS = 15.0

T = TypeVar("T")


class StoreKeeper:
    """The store in *folder*. `store` is None while it is not open; *faults* then say why."""

    def __init__(self, folder: Path, settings: StoreSettings, faults: Faults) -> None:
        self.folder, self._settings, self._faults = folder, settings, faults
        self._waiting_for_lock = 0.0
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        """The one thread that writes what is scraped."""
        self._maintainer = ThreadPoolExecutor(1, thread_name_prefix="store-maintenance")
        """Seals and drops, for seconds at times, while scrapes are written."""
        self.store: Store | None = None
        self.stats: StoreStats | None = None

    async def run(self, opened: Callable[[Store], Awaitable[None]]) -> None:
        """Open the store if it is not open, call *opened* with it, then look after it."""
        if self.store is None:
            self.store = await self._open()
        store = self.store
        await self._look(store)
        await opened(store)
        await asyncio.gather(
            self._every(MAINTAIN_SECONDS, lambda: self._in(self._maintainer, store.maintain)),
            self._every(FLUSH_SECONDS, lambda: self._in_writer(store.flush_waiting)),
            self._every(LOOK_SECONDS, lambda: self._look(store)),
        )

    async def _open(self) -> Store:
        while True:
            try:
                store = await self._in_writer(self._open_now)
            except StoreLocked as error:
                self._tell_of_lock(error)
            except StoreError as error:
                self._faults.put(STORE_CLOSED, str(error))
            except OSError as error:
                self._faults.put(
                    DATA_FOLDER,
                    f"the data folder {self.folder} cannot be used: {error.strerror or error}."
                    f" It is tried again every {RETRY_SECONDS:g} s.",
                )
            except Exception as error:
                log.exception("The store cannot be opened")
                self._faults.put(
                    STORE_CLOSED,
                    f"the store in {self.folder} cannot be opened ({type(error).__name__}:"
                    f" {error}). It is tried again every {RETRY_SECONDS:g} s.",
                )
            else:
                self._faults.put(DATA_FOLDER, None)
                self._faults.put(STORE_CLOSED, None)
                return store
            await asyncio.sleep(RETRY_SECONDS)

    def _open_now(self) -> Store:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        return Store.open(self.folder, self._settings)

    def _tell_of_lock(self, error: StoreLocked) -> None:
        self._waiting_for_lock = self._waiting_for_lock or time.monotonic()
        if time.monotonic() - self._waiting_for_lock >= PATIENCE_SECONDS:
            self._faults.put(DATA_FOLDER, str(error))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* again and again; what fails is told, and done again the next time."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                log.exception("Looking after the store failed")

    async def _look(self, store: Store) -> None:
        """Take figures and faults from the store."""
        self.stats = stats = await self._in_writer(store.stats)
        damage = await self._in_writer(store.damage)
        m.STORE_SERIES.set(stats.series)
        m.STORE_BYTES.set(stats.bytes)
        m.STORE_LIMIT_BYTES.set(self._settings.retention_bytes)
        m.STORE_WAITING.set(stats.waiting_bytes)
        m.STORE_DAMAGED.set(stats.damaged)
        if stats.oldest_ms is not None:
            m.STORE_OLDEST.set(stats.oldest_ms / 1000)
        self._faults.put(
            STORE_DAMAGED,
            f"{len(damage)} parts of the store are damaged and were set aside, the first is"
            f" {damage[0]}. Everything else is served."
            if damage
            else None,
        )
        self._faults.put(
            STORE_FULL,
            f"the disk takes no writes; {stats.waiting_bytes:,} bytes of scrapes wait in memory."
            f" Make room on the disk of {self.folder}."
            if stats.waiting_bytes
            else None,
        )

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await self._in(self.writer, work)

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    async def close(self) -> None:
        """Close the store after what is being written now."""
        store, self.store = self.store, None
        if store is not None:
            await self._in_writer(store.close)
        for thread in (self._maintainer, self.writer):
            thread.shutdown(wait=False, cancel_futures=True)
