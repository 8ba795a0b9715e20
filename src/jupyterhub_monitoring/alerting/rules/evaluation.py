"""One rule of a group in force: what it gives at a moment, and how it is since."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import MonitoringError, QueryCancelled, QueryError
from ..alert import Millis
from .alert_restore import ForStateMemory
from .alert_state import (
    ALERTS,
    ALERTS_FOR_STATE,
    Active,
    ActiveAlert,
    Element,
    Patience,
    advance,
    current,
    due,
    sent,
    shifted,
)
from .alert_texts import AlertTexts
from .dependencies import Reads
from .recording import NO_IDS, NO_SAMPLES, AlertSeries, RecordedSeries, Samples, SeriesWriter
from .rule import AlertingRule, RecordingRule
from .rule_query import RuleQueries
from .rule_status import Health, RuleStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule is evaluated, and of which time it asks: earlier by the query offset."""

    at: Millis
    asked: Millis


class RuleRun(ABC):
    """One rule in force. Methods are for one thread at a time; `status` is for any."""

    gives: Sequence[str]
    """The names of the series that it writes."""
    reads_anything = False
    """Whether nobody knows which series it reads."""

    def __init__(self, rule: RecordingRule | AlertingRule) -> None:
        self.rule = rule
        self.reads = Reads.of(rule.expr)
        self.status = RuleStatus()
        self.written = NO_IDS
        """The series that the last evaluation gave, to be ended when the next one does not."""
        self.succeeded_at: Millis | None = None

    def run(self, moment: Moment) -> Samples | None:
        """Evaluate the rule; None where that failed, of which `status` then speaks.

        As in Prometheus, the series of before are not ended then: nobody knows that they are over.
        """
        began, error = time.perf_counter(), ""
        samples: Samples | None = None
        try:
            samples = self.evaluate(moment)
            self.succeeded_at = moment.at
        except MonitoringError as failure:
            error = str(failure)
            if not isinstance(failure, QueryCancelled) and self.status.last_error != error:
                log.warning("Rule %s failed: %s", self.rule.name, error)
        except Exception as failure:  # a fault of ours: the other rules go on
            error = f"{type(failure).__name__}: {failure}"
            log.exception("Rule %s failed", self.rule.name)
        self.status = replace(
            self.status,
            health=Health.ERR if error else Health.OK,
            last_error=error,
            seconds=time.perf_counter() - began,
            evaluated_at=moment.at,
        )
        return samples

    @property
    def identity(self) -> object:
        """What makes it the same rule in a newer file."""
        return self.rule.name, tuple(sorted(self.rule.labels.items()))

    @abstractmethod
    def evaluate(self, moment: Moment) -> Samples:
        """Return what the rule gives. Raises `MonitoringError`."""

    def forget_ids(self) -> None:
        """Ask for the ids of all series anew."""
        self.written = NO_IDS

    def not_kept(self, reason: str) -> None:
        """Say that what the rule gave could not be written."""
        self.status = replace(self.status, health=Health.ERR, last_error=reason)

    def take_over(self, before: RuleRun) -> None:
        """Go on where *before*, the same rule in an older file, ended."""
        self.written = before.written

    @abstractmethod
    def clock_was_set(self, by: Millis) -> None:
        """Take the past as *by* later than it was."""


class RecordingRun(RuleRun):
    """A recording rule in force."""

    def __init__(
        self, rule: RecordingRule, queries: RuleQueries, writer: SeriesWriter, limit: int
    ) -> None:
        super().__init__(rule)
        self.gives = (rule.name,)
        self._queries, self._limit = queries, limit
        self._series = RecordedSeries(rule.name, rule.labels, writer)

    def evaluate(self, moment: Moment) -> Samples:
        """Return a sample of each series that the expression gives, under the rule's name."""
        vector = self._queries.vector(self.rule.expr, moment.asked)
        count = len(vector.labels)
        if not count:
            return NO_SAMPLES
        if 0 < self._limit < count:
            raise QueryError(f"exceeded limit of {self._limit} with {count} series")
        ids = self._series.ids(vector.labels)
        if len(set(ids.tolist())) < count:
            raise QueryError(
                "vector contains metrics with the same labelset after applying rule labels"
            )
        return Samples(ids, vector.values[0])

    def forget_ids(self) -> None:
        """Ask for the ids of all series anew."""
        super().forget_ids()
        self._series.forget()

    def clock_was_set(self, by: Millis) -> None:
        """Do nothing: what is recorded has no past."""


class AlertingRun(RuleRun):
    """An alerting rule in force. *texts* makes labels and annotations of what it finds."""

    rule: AlertingRule
    memory: ForStateMemory | None = None
    """What is known of its alerts after a restart."""

    def __init__(
        self,
        rule: AlertingRule,
        texts: AlertTexts,
        queries: RuleQueries,
        writer: SeriesWriter,
        limit: int,
    ) -> None:
        super().__init__(rule)
        self.gives = (ALERTS, ALERTS_FOR_STATE)
        self.reads_anything, self.generator_url = texts.ask, texts.generator_url
        self._texts, self._queries, self._limit = texts, queries, limit
        self._patience = Patience(rule.for_ms, rule.keep_firing_for_ms)
        self._series = AlertSeries(writer)

    @property
    def alerts(self) -> Active:
        """The alerts of the rule: pending, firing, and those that were until lately."""
        return self.status.alerts

    def evaluate(self, moment: Moment) -> Samples:
        """Take the alerts a step further; return the samples of those that are active."""
        found = self._elements(moment)
        since = self.memory.since(found, moment.at) if self.memory else {}
        alerts = advance(self.alerts, found, moment.at, self._patience, since)
        active = current(alerts)
        if 0 < self._limit < len(active):
            self._are({})
            raise QueryError(f"exceeded limit of {self._limit} with {len(active)} alerts")
        self._are(alerts)
        return self._series.samples(active)

    def _elements(self, moment: Moment) -> list[Element]:
        vector = self._queries.vector(self.rule.expr, moment.asked)
        rows = vector.labels.rows()
        values: list[float] = vector.values[0].tolist() if rows else []
        found = self._texts.elements(rows, values, moment.at)
        if len({element.labels for element in found}) < len(found):
            raise QueryError(
                "vector contains metrics with the same labelset after applying alert labels"
            )
        return found

    def _are(self, alerts: Active) -> None:
        self.status = replace(self.status, alerts=alerts)

    def forget_ids(self) -> None:
        """Ask for the ids of all series anew."""
        super().forget_ids()
        self._series.forget()

    def take_over(self, before: RuleRun) -> None:
        """Go on with the alerts of *before*."""
        super().take_over(before)
        self.memory = None
        self._are(before.status.alerts)

    def clock_was_set(self, by: Millis) -> None:
        """Take the past of the alerts as *by* later than it was, so that they wait on."""
        self._are(shifted(self.alerts, by))

    def to_send(self, at: Millis) -> list[ActiveAlert]:
        """Return the alerts that are to be sent now; none where the rule failed."""
        return due(self.alerts, at) if self.succeeded_at == at else []

    def were_sent(self, alerts: Sequence[ActiveAlert], at: Millis) -> None:
        """Remember that *alerts* were sent."""
        if alerts:
            self._are(sent(self.alerts, alerts, at))
