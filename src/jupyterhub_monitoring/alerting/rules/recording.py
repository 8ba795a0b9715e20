"""What rules write to the store: the ids of their series, batches of samples, ends of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...store.label_table import LabelTable
from ...store.selection import STALE, Appended, Labels, Row
from ..alert import Millis
from .alert_state import ActiveAlert, AlertState, for_state, series_of

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_IDS: Ids = np.empty(0, dtype=np.int64)

FORGET_BEYOND = 4
"""So many times the series of now are remembered, at most: names of users come and go."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What one rule gives at one moment; arrays of shape (N,). No id is there twice."""

    ids: Ids
    values: Floats


NO_SAMPLES = Samples(NO_IDS, np.empty(0))


class RuleAppendable(Protocol):
    """What rules write to: the store, or series in memory."""

    def series_ids(self, labels: Sequence[Labels], writer: str) -> Ids:
        """Return the id of each label set, made where it is new for *writer*."""

    def append(self, rows: Sequence[Row]) -> Appended:
        """Keep *rows*, all or none, durably before this returns."""


class SeriesWriter:
    """The store as the group *name* writes to it, in the thread of its evaluation.

    The store lets one write after the other. Waiting for its writer's thread would take longer than
    to write what a group gives.
    """

    def __init__(self, store: RuleAppendable, name: str = "") -> None:
        self._store, self._name = store, name

    def named(self, name: str) -> SeriesWriter:
        """Return the same for the group *name*."""
        return SeriesWriter(self._store, name)

    def series_ids(self, labels: Sequence[Labels]) -> Ids:
        """Return the id of each label set, made where it is new."""
        return self._store.series_ids(labels, self._name)

    def append(self, rows: Sequence[Row]) -> Appended:
        """Keep *rows*, durably."""
        return self._store.append(rows)


class RecordedSeries:
    """The series of one recording rule: their ids, without a look at each label set every time.

    What a query gives is columns of symbols. Those of the store stay what they are, so that a row
    of them is a name for a series.
    """

    def __init__(self, name: str, labels: Mapping[str, str], writer: SeriesWriter) -> None:
        self._fixed = {**labels, "__name__": name}
        self._writer = writer
        self.forget()

    def forget(self) -> None:
        """Ask for all ids anew: the store took some back."""
        self._columns: list[str] = []
        self._known: dict[bytes, int] = {}
        self._last: tuple[bytes, Ids] | None = None

    def ids(self, labels: LabelTable) -> Ids:
        """Return the id of each series of *labels* after the rule's own labels were applied."""
        varying = labels.drop(self._fixed)
        names = sorted(varying.columns)
        rows = np.empty((len(labels), len(names)), dtype=np.int32)
        for place, name in enumerate(names):
            rows[:, place] = varying.columns[name]
        if (rows < 0).any():  # texts that the query made are no symbols of the store
            return self._ask(varying, np.arange(len(labels)))
        if names != self._columns:
            self.forget()
            self._columns = names
        whole = rows.tobytes() + b"." * len(rows)
        if self._last is None or self._last[0] != whole:
            self._last = whole, self._look_up(varying, rows)
        return self._last[1]

    def _look_up(self, varying: LabelTable, rows: NDArray[np.int32]) -> Ids:
        keys = [row.tobytes() for row in rows]
        if len(self._known) > FORGET_BEYOND * (len(keys) + 64):
            self._known.clear()
        new = [place for place, key in enumerate(keys) if key not in self._known]
        if new:
            asked = self._ask(varying, np.array(new)).tolist()
            self._known.update(zip([keys[place] for place in new], asked, strict=True))
        return np.array([self._known[key] for key in keys], dtype=np.int64)

    def _ask(self, varying: LabelTable, places: NDArray[np.intp]) -> Ids:
        fixed = {name: value for name, value in self._fixed.items() if value}
        sets = [tuple(sorted((row | fixed).items())) for row in varying.take(places).rows()]
        return self._writer.series_ids(sets)


class AlertSeries:
    """The series `ALERTS` and `ALERTS_FOR_STATE` of one alerting rule."""

    def __init__(self, writer: SeriesWriter) -> None:
        self._writer = writer
        self.forget()

    def forget(self) -> None:
        """Ask for all ids anew: the store took some back."""
        self._known: dict[tuple[Labels, AlertState], tuple[int, int]] = {}

    def samples(self, alerts: Sequence[ActiveAlert]) -> Samples:
        """Return the samples of *alerts*, which are pending or firing."""
        if not alerts:
            return NO_SAMPLES
        if len(self._known) > FORGET_BEYOND * (len(alerts) + 64):
            self._known.clear()
        self._learn([alert for alert in alerts if (alert.labels, alert.state) not in self._known])
        ids = [self._known[alert.labels, alert.state] for alert in alerts]
        values = [(1.0, for_state(alert)) for alert in alerts]
        return Samples(np.array(ids, dtype=np.int64).ravel(), np.array(values).ravel())

    def _learn(self, new: Sequence[ActiveAlert]) -> None:
        if new:
            asked = self._writer.series_ids([labels for one in new for labels in series_of(one)])
            pairs = asked.reshape(-1, 2).tolist()
            for alert, (state, since) in zip(new, pairs, strict=True):
                self._known[alert.labels, alert.state] = state, since


def batch_rows(at: Millis, given: Sequence[Samples], ended: Sequence[Ids]) -> list[Row]:
    """Return the rows of what rules gave at *at*, and of what has *ended*.

    A series that one rule no longer gives and another one does has not ended.
    """
    rows = [Row(at, samples.ids, samples.values) for samples in given if len(samples.ids)]
    if any(map(len, ended)):
        still = np.concatenate([NO_IDS, *(row.series for row in rows)])
        gone = np.setdiff1d(np.concatenate(ended), still)
        if len(gone):
            rows.append(Row(at, gone, np.full(len(gone), STALE)))
    return rows


def no_longer(before: Ids, now: Ids) -> Ids:
    """Return the series of *before* that are not among those of *now*."""
    if before is now or not len(before):
        return NO_IDS
    return np.setdiff1d(before, now)
