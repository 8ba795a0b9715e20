"""How full the file system of the homes is: one look a minute, in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ..metrics.catalogue import DISK_FREE_BYTES, DISK_SIZE_BYTES
from ..metrics.spec import MetricSpec

LOOK_SECONDS = 60.0
KEEP_SECONDS = 5 * LOOK_SECONDS
"""A file server that does not answer holds the thread; what it said before is then unknown."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a user may still write, and what there is; as `df` has it, without what root keeps."""

    free_bytes: float
    size_bytes: float


def homes_folder(homes: str) -> str | None:
    """Return the folder that all homes of the template *homes* are in; None for a function."""
    if not homes.startswith("/"):
        return None
    return homes.partition("{")[0].rpartition("/")[0] or "/"


def room_in(folder: str) -> Room | None:
    """Ask the file system; None where it cannot be asked. Blocks as long as that takes."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    free = stat.f_bavail * stat.f_frsize
    return Room(free, (stat.f_blocks - stat.f_bfree) * stat.f_frsize + free)


class HomesDisk(Collector):
    """Shows the room in *folder* as `disk_free_bytes` and `disk_size_bytes`, once `start`ed."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: tuple[float, Room | None] = (0.0, None)
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="usage-homes-disk", daemon=True).start()

    def close(self) -> None:
        """Look no more; what hangs in a file system is left alone."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            room = room_in(self._folder)
            self._seen = time.monotonic(), room
            self._ended.wait(LOOK_SECONDS)

    def describe(self) -> Iterable[Metric]:
        """Return the names, so that registering looks at nothing."""
        return [_family(spec) for spec in (DISK_FREE_BYTES.spec, DISK_SIZE_BYTES.spec)]

    def collect(self) -> Iterator[Metric]:
        """Yield what was seen last; nothing where that is unknown, or too long ago."""
        at, room = self._seen
        if room is None or time.monotonic() - at > KEEP_SECONDS:
            return
        for spec, value in (
            (DISK_FREE_BYTES.spec, room.free_bytes),
            (DISK_SIZE_BYTES.spec, room.size_bytes),
        ):
            family = _family(spec)
            family.add_sample(spec.full_name, {"path": self._folder}, value)
            yield family


def _family(spec: MetricSpec) -> Metric:
    return Metric(spec.full_name, spec.help, spec.kind.value)
