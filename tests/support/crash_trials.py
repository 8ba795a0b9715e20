"""Kills a process that writes to a store, at random moments, and looks at what it left.

    python tests/support/crash_trials.py 100

The writer appends rounds of two targets, seals, drops old blocks and imports, all much faster than
in life, and says on its standard output what the store has acknowledged.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.store.samples import Samples
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

START = 1_700_000_000_000
STEP = 250
SERIES = 150  # of each target
RETENTION_MS = 30_000
SETTINGS = StoreSettings(
    retention_ms=RETENTION_MS, seal_after_ms=1_000, settle_seconds=0, block_ms=4_000
)
TARGETS = ("a", "b", "imported")


def label_sets(instance: str) -> list[tuple[tuple[str, str], ...]]:
    """The series of one target, some metrics of which are large and some small."""
    return [
        (("__name__", f"m{n % 7}"), ("instance", instance), ("job", "trial"), ("n", str(n)))
        for n in range(SERIES)
    ]


def expected(timestamp: int) -> np.ndarray:
    """The values of the series of any target at one instant."""
    return float((timestamp - START) // STEP) + np.arange(SERIES) / 8


def write(folder: Path) -> None:
    """Write until killed; say each acknowledged round, as its timestamp."""
    now = [START]
    store = Store.open(folder, SETTINGS, now_ms=lambda: now[0])
    newest = store.stats().newest_ms
    now[0] = START if newest is None else newest + STEP
    ids = {instance: store.series_ids(label_sets(instance)) for instance in TARGETS}
    for turn in range(1_000_000):
        at = now[0]
        rows = [Row(at, ids[name], expected(at)) for name in ("a", "b")]
        kept = store.append(rows)
        assert kept.stored == 2 * SERIES, kept
        print("row", at, flush=True)  # noqa: T201
        if turn % 5 == 4:
            store.maintain()
        if turn % 11 == 10:
            import_round(store, ids["imported"], at - 6_000 - at % 4_000 + 4 * STEP)
        now[0] += STEP


def import_round(store: Store, ids: np.ndarray, at: int) -> None:
    """Import one instant of a block that is sealed, or older than all."""
    if at >= START:
        store.import_samples(Samples.sorted(ids, np.full(SERIES, at), expected(at)))
        print("import", at, flush=True)  # noqa: T201


@dataclass
class Trials:
    """What was acknowledged so far, and what was found wrong."""

    folder: Path
    acknowledged: dict[str, set[int]] = field(
        default_factory=lambda: {"row": set(), "import": set()}
    )
    problems: list[str] = field(default_factory=list)

    def run(self, seed: int) -> None:
        """Start a writer, kill it, look."""
        child = subprocess.Popen(
            [sys.executable, __file__, "--write", str(self.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.5))
        child.kill()
        for line in [first, *child.stdout.readlines()]:
            kind, _, at = line.partition(" ")
            if kind in self.acknowledged and at.endswith("\n"):
                self.acknowledged[kind].add(int(at))
        child.stdout.close()
        child.wait()
        self.look()

    def look(self) -> None:
        """Compare what the store has with what it acknowledged."""
        newest = max(self.acknowledged["row"])
        began = time.process_time()
        store = Store.open(self.folder, SETTINGS, now_ms=lambda: newest)
        took = time.process_time() - began
        if took > 1:
            self.problems.append(f"opening took {took:.2f} s of CPU")
        self.problems += [str(damage) for damage in store.damage()]
        kept = newest - RETENTION_MS
        for kind, instances in (("row", ("a", "b")), ("import", ("imported",))):
            wanted = {at for at in self.acknowledged[kind] if at >= kept}
            for instance in instances:
                found = self.rows(store, instance)
                missing = wanted - set(found)
                if missing:
                    self.problems.append(f"{instance}: {len(missing)} {kind}s lost")
        store.close()

    def rows(self, store: Store, instance: str) -> list[int]:
        """The instants of one target; each must be there once, whole and right."""
        selection = store.select([], 0, 1 << 60)
        names = selection.labels.rows()
        cells: dict[int, dict[str, float]] = {}
        for tile in selection.tiles:
            owner = [names[p] for p in tile.positions]
            if owner[0]["instance"] != instance:
                continue
            times = tile.timestamps.tolist()
            if any(b <= a for a, b in pairwise(times)):
                self.problems.append(f"{instance}: an instant is there twice")
            for at, row in zip(times, tile.rows(slice(None)), strict=True):
                cells.setdefault(at, {}).update(
                    (labels["n"], value) for labels, value in zip(owner, row, strict=True)
                )
        for at, row in cells.items():
            values = np.array([row.get(str(n), np.nan) for n in range(SERIES)])
            if not np.array_equal(values, expected(at)):
                self.problems.append(f"{instance}: the round at {at} is not whole")
        return list(cells)


def main(count: int) -> int:
    """Run *count* trials; return how many problems there were."""
    with tempfile.TemporaryDirectory() as name:
        trials = Trials(Path(name))
        for seed in range(count):
            trials.run(seed)
        rounds = {kind: len(found) for kind, found in trials.acknowledged.items()}
        print(f"{count} kills, acknowledged: {rounds}, problems: {trials.problems or 'none'}")  # noqa: T201
        return len(trials.problems)


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(Path(sys.argv[2]))
    else:
        sys.exit(main(int(sys.argv[1])) > 0)
