"""Failed spawns, counted over restarts of the Hub, which ends itself after some in a row.

Two seconds after the last of them the Hub is gone, and a counter that then begins at 0 tells
nothing of failures since the last scrape: an outage would end before anybody saw it. So what
`spawn_failure_total` counts is kept in a small file, and the next process goes on from there.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..metrics.catalogue import SPAWN_FAILURE

log = logging.getLogger(__name__)

FILE = "spawn-failures.json"
MAX_BYTES, MAX_ENTRIES, MAX_LABEL = 1 << 20, 1000, 200
"""More than that is no file of ours."""

Count = tuple[str, str, float]
"""The original name of the spawner's class, the type of error, and how often."""


class KeptFailures:
    """The counts in the file in *folder*, which is made if need be. Never raises.

    Where the file cannot be read, counting begins at 0; where it cannot be written, that is logged
    once. Writing is a thread's affair: a disk that hangs holds up nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting: list[Count] | None = None
        self._writing = False
        self._told = False

    def restore(self) -> list[str]:
        """Let the counter go on from what was kept; return the types of error in it."""
        counts = read(self._folder / FILE)
        for spawner_class, error_type, count in counts:
            SPAWN_FAILURE.labels(spawner_class, error_type).inc(count)
        return [error_type for _, error_type, _ in counts]

    def keep(self) -> None:
        """Write what the counter holds now, soon; at once where nothing is being written."""
        with self._lock:
            self._waiting = list(_counts())
            if self._writing:
                return
            self._writing = True
        threading.Thread(target=self._write_all, name="kept-failures", daemon=True).start()

    def _write_all(self) -> None:
        while True:
            with self._lock:
                counts, self._waiting = self._waiting, None
                if counts is None:
                    self._writing = False
                    return
            try:
                write(self._folder, counts)
            except OSError as error:
                self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "Failed spawns cannot be kept in %s (%s): after a restart of the Hub they are"
                " counted from 0. Let its user write there, or set c.Monitoring.data_dir.",
                self._folder,
                error.strerror or error,
            )


def read(path: Path) -> list[Count]:
    """Return what `write` wrote; nothing where there is no such file, or one that is not ours."""
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return []
    if not isinstance(rows, list) or len(rows) > MAX_ENTRIES or not all(map(_is_count, rows)):
        return []
    return [(row[0], row[1], float(row[2])) for row in rows]


def _is_count(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 3:
        return False
    *labels, count = row
    named = all(isinstance(label, str) and 0 < len(label) <= MAX_LABEL for label in labels)
    return named and isinstance(count, int | float) and 0 <= count < math.inf


def write(folder: Path, counts: list[Count]) -> None:
    """Put *counts* in place of what the file in *folder* holds, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"{FILE}.new"
    new.write_text(json.dumps(counts), encoding="utf-8")
    new.replace(folder / FILE)


def _counts() -> Iterator[Count]:
    for family in SPAWN_FAILURE.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.value:
                labels = sample.labels
                yield labels["spawner_class"], labels["error_type"], sample.value
