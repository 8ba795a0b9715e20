"""Three days of what rules look back on for so long, an hour of the rest: for both, at 15 s.

Burn rates look back for three days on what other rules recorded, a disk's forecast for six hours on
the disk; nothing else for more than half an hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from dataset import INTERVAL_MS, Dataset
from hub_series import HUB, Labels, Page
from numpy.typing import NDArray

from jupyterhub_monitoring.alerting.rules.pack import render_pack, rules
from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

LONG_SECONDS, RECENT_SECONDS = 3 * 86_400, 3_600
LOOKED_BACK_ON = re.compile(r"\b(?:increase|changes)\((hub:[\w:]+)\[")


@dataclass(frozen=True)
class History:
    """What was scraped and recorded until *end*; `values` are those of the pages."""

    pages: tuple[Page, ...]
    end: float  # Unix time

    @property
    def start(self) -> float:
        """When the pages' counters began."""
        return self.end - LONG_SECONDS

    @cached_property
    def recorded(self) -> dict[str, str]:
        """Names that rules look back on, with the group that records each as the store names it."""
        texts = render_pack(default_parameters())
        wanted = {name for text in texts.values() for name in LOOKED_BACK_ON.findall(text)}
        groups = {file: re.findall(r"- name: (\S+)", text)[0] for file, text in texts.items()}
        return {
            rule["record"]: f"{file};{groups[file]}"
            for file, text in texts.items()
            for rule in rules(text)
            if rule.get("record") in wanted
        }

    def parts(self) -> Iterator[Dataset]:
        """Yield the days before, of few series, and the last hour, of all, the older first."""
        scraped = [labels for page in self.pages for labels in page.labels()]
        recorded = [_recorded(name) for name in self.recorded]
        long = [n for n, one in enumerate(scraped) if "disk_" in one["__name__"]]
        border = self.end - RECENT_SECONDS
        times = np.arange(self.start, border, INTERVAL_MS / 1000)
        few = [scraped[n] for n in long] + recorded
        yield _dataset(few, times, np.hstack([self._scraped(times, long), self._recorded(times)]))
        times = np.arange(border, self.end, INTERVAL_MS / 1000)
        everything = np.hstack([self._scraped(times), self._recorded(times)])
        yield _dataset(scraped + recorded, times, everything)

    def _scraped(
        self, times: NDArray[np.float64], columns: list[int] | slice = slice(None)
    ) -> NDArray[np.float64]:
        rows = [
            np.concatenate([page.values(at - self.start) for page in self.pages])[columns]
            for at in times.tolist()
        ]
        return np.array(rows)

    def _recorded(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return counters that go up where things go well, and constants."""
        well = [name.endswith(("successes:sum", "requests:sum")) for name in self.recorded]
        return np.outer(times - self.start, np.array(well, dtype=np.float64))

    def keep_in_ours(self, folder: Path) -> None:
        """Append everything to a store in *folder*, as scrapes and rules did, and seal it."""
        now = [0]
        store = Store.open(folder, StoreSettings(settle_seconds=0), now_ms=lambda: now[0])
        for data in self.parts():
            ids = self._ids(store, data.labels)
            for number, (timestamp, there, values) in enumerate(data.scrapes()):
                now[0] = timestamp
                store.append([Row(timestamp, ids[there], values)])
                if number % 20 == 0:
                    store.maintain()
        store.close()

    def _ids(self, store: Store, labels: list[Labels]) -> NDArray[np.int64]:
        """Return the ids of what was scraped, and behind it of what was recorded, by its group."""
        sets = [tuple(sorted(one.items())) for one in labels]
        scraped = len(sets) - len(self.recorded)
        recorded = zip(sets[scraped:], self.recorded.values(), strict=True)
        ids = [store.series_ids([one], group) for one, group in recorded]
        return np.concatenate([store.series_ids(sets[:scraped]), *ids])


def _recorded(name: str) -> Labels:
    job, instance = HUB
    return {"__name__": name, "job": job, "instance": instance}


def _dataset(
    labels: list[Labels], times: NDArray[np.float64], values: NDArray[np.float64]
) -> Dataset:
    milliseconds = np.round(times * 1000).astype(np.int64)
    return Dataset("history", labels, milliseconds, np.ascontiguousarray(values))
