"""Rules on series in memory: what they write, whom they tell, at times that a test chooses."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jupyterhub_monitoring.alerting.alert import Alert, Millis
from jupyterhub_monitoring.alerting.rules.evaluation import RuleRun
from jupyterhub_monitoring.alerting.rules.group_evaluation import GroupEvaluation
from jupyterhub_monitoring.alerting.rules.group_factory import GroupFactory
from jupyterhub_monitoring.alerting.rules.recording import SeriesWriter
from jupyterhub_monitoring.alerting.rules.rule_file import read_rules
from jupyterhub_monitoring.alerting.unit_test.series_notation import parse_metric
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.memory import MemorySeries
from jupyterhub_monitoring.store.selection import STALE_BITS, Appended, Labels, Row

SECOND, MINUTE = 1000, 60_000
STALE = "stale"


class Series(MemorySeries):
    """Series in memory that count what is asked of them, and can refuse it."""

    def __init__(self) -> None:
        super().__init__()
        self.appends = self.asked_ids = 0
        self.fails: list[Exception] = []
        self.full = False
        self._samples: dict[tuple[int, Millis], float | str] = {}

    def series_ids(self, labels: Sequence[Labels], writer: str = "") -> NDArray[np.int64]:
        self.asked_ids += len(labels)
        for one in labels:
            assert list(one) == sorted(one), "label sets are sorted"
            assert all(value for _, value in one), "an empty value is no label"
        return super().series_ids(labels, writer)

    def append(self, rows: Sequence[Row]) -> Appended:
        if self.fails:
            raise self.fails.pop(0)
        if self.full:
            return Appended(no_space=sum(len(row.series) for row in rows))
        self.appends += 1
        for row in rows:
            bits = row.values.view(np.int64).tolist()
            for one, value, bit in zip(row.series.tolist(), row.values.tolist(), bits, strict=True):
                kept = STALE if bit == STALE_BITS else value
                self._samples.setdefault((one, row.timestamp_ms), kept)
        return super().append(rows)

    def put(self, at: Millis, **values: float) -> None:
        """Write a sample of each series: `a=1` of a name, `**{'a{b="c"}': 1}` of a label set."""
        ids = super().series_ids([parse_metric(name) for name in values])
        super().append([Row(at, ids, np.array(list(values.values()), dtype=np.float64))])

    def written(self, name: str) -> dict[Millis, float | str]:
        """Return what rules wrote to a series, by time; "stale" is the end of it."""
        (one,) = super().series_ids([parse_metric(name)]).tolist()
        return {at: value for (series, at), value in self._samples.items() if series == one}


@dataclass
class Sink:
    """Takes alerts, or refuses them."""

    puts: list[tuple[Millis, list[Alert]]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.puts.append((now, list(alerts)))

    @property
    def told(self) -> list[Alert]:
        """Every alert that was taken, in order."""
        return [alert for _, alerts in self.puts for alert in alerts]


@dataclass
class Rig:
    """A store, an engine, somebody to tell, and groups made of YAML."""

    series: Series = field(default_factory=Series)
    sink: Sink = field(default_factory=Sink)
    external_url: str = "http://hub"

    def __post_init__(self) -> None:
        self.engine = Engine(self.series, threads=1)
        self.factory = GroupFactory(
            engine=self.engine,
            writer=SeriesWriter(self.series),
            sink=self.sink,
            external_labels={"hub": "a"},
            external_url=self.external_url,
            default_interval_ms=MINUTE,
        )

    def group(self, rules: str, head: str = "", *, restoring: bool = False) -> GroupEvaluation:
        """Return the group with these *rules*; *head* has its other keys."""
        text = "groups:\n- name: g\n" + textwrap.indent(textwrap.dedent(head).strip(), "  ")
        text += "\n  rules:\n" + textwrap.indent(textwrap.dedent(rules).strip(), "  ")
        (group,) = read_rules("rules.yaml", text)
        return self.factory.make(group, restoring=restoring)


def run(group: GroupEvaluation, name: str) -> RuleRun:
    """Return the rule called *name*."""
    (found,) = [one for one in group.runs if one.rule.name == name]
    return found
