"""One evaluation of one rule group: its rules in order, what they gave written, alerts sent."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UnknownSeries
from ...metrics.alerting_catalogue import (
    RULE_EVALUATIONS,
    RULE_FAILURES,
    RULE_GROUP_LAST,
    RULE_GROUP_SECONDS,
)
from ...store.selection import Appended
from ..alert import AlertSink, Millis
from .alert_state import AlertState, as_sent
from .evaluation import AlertingRun, Moment, RuleRun
from .recording import NO_IDS, Ids, Samples, SeriesWriter, batch_rows, no_longer
from .rule import RuleGroup
from .rule_query import RuleQueries
from .rule_status import GroupSnapshot, RuleSnapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupParts:
    """What a group asks, writes to and tells. *sink* is None where nobody is to be told."""

    queries: RuleQueries
    writer: SeriesWriter
    sink: AlertSink | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts a group has."""

    pending: int = 0
    firing: int = 0


@dataclass(frozen=True, slots=True)
class _Given:
    """What a rule gave and is not written yet."""

    place: int
    run: RuleRun
    samples: Samples


class GroupEvaluation:
    """The rules of one group in force. `evaluate` is for one thread at a time.

    What all rules gave is written at once, but where a rule may read what an earlier one gave.
    """

    def __init__(
        self,
        group: RuleGroup,
        interval_ms: Millis,
        runs: Sequence[RuleRun],
        parts: GroupParts,
    ) -> None:
        self.group, self.interval_ms, self.runs = group, interval_ms, tuple(runs)
        self._queries, self._writer, self._sink = parts.queries, parts.writer, parts.sink
        self._waits_for = [
            {before for before in range(place) if _may_read(run, self.runs[before])}
            for place, run in enumerate(self.runs)
        ]
        self._stopped = threading.Event()
        self._ended: Ids = NO_IDS  # series of rules that are no more
        self._took: tuple[float, Millis | None] = 0.0, None
        self.counts = Counts()

    @property
    def key(self) -> str:
        """The group among all, as metrics name it."""
        return key_of(self.group)

    def evaluate(self, at: Millis) -> None:
        """Evaluate all rules at *at*. What fails is shown by the rule's status; nothing raises."""
        began = time.perf_counter()
        moment = Moment(at, at - (self.group.query_offset_ms or 0))
        given: list[_Given] = []
        for place, run in enumerate(self.runs):
            if self._stopped.is_set():
                break
            if any(one.place in self._waits_for[place] for one in given):
                self._write(given, moment)
                given = []
            samples = self._run(run, moment)
            if samples is not None:
                given.append(_Given(place, run, samples))
        self._send(at)
        self._write(given, moment, last=True)
        self._took = time.perf_counter() - began, at
        self.counts = self._count()
        RULE_GROUP_SECONDS.observe(self._took[0])
        RULE_GROUP_LAST.labels(self.key).set(at / 1000)

    def _run(self, run: RuleRun, moment: Moment) -> Samples | None:
        samples = run.run(moment)
        RULE_EVALUATIONS.labels(self.key).inc()
        if samples is None:
            RULE_FAILURES.labels(self.key).inc()
        return samples

    # --- Writing -----------------------------------------------------------------------------

    def _write(self, given: list[_Given], moment: Moment, *, last: bool = False) -> None:
        """Write what rules gave, and that series that they gave before have ended."""
        try:
            try:
                self._append(given, moment, last=last)
            except UnknownSeries:  # retention took back what had no sample for long: once more
                given = self._anew(given, moment)
                self._append(given, moment, last=last)
        except Exception as error:  # the store's affair; alerts are told of all the same
            log.exception("What group %s gave could not be kept", self.key)
            self._are_not_kept(given, f"what the rule gave could not be kept: {error}")

    def _anew(self, given: list[_Given], moment: Moment) -> list[_Given]:
        """Return what rules give, with ids that the store knows."""
        self._ended = NO_IDS
        again = []
        for one in given:
            one.run.forget_ids()
            samples = one.run.run(moment)
            if samples is not None:
                again.append(_Given(one.place, one.run, samples))
        return again

    def _append(self, given: list[_Given], moment: Moment, *, last: bool) -> None:
        ended = [no_longer(one.run.written, one.samples.ids) for one in given]
        if last:
            ended.append(self._ended)
        rows = batch_rows(moment.asked, [one.samples for one in given], ended)
        if rows:
            self._note(self._writer.append(rows), given)
        for one in given:
            one.run.written = one.samples.ids
        if last:
            self._ended = NO_IDS

    def _note(self, appended: Appended, given: list[_Given]) -> None:
        """Say beside the rules what of their samples was not kept."""
        lost = {
            "the disk is full": appended.no_space,
            "other samples of the same series and time are there": appended.duplicate,
            "they are older than what is written already": appended.too_old,
        }
        reasons = [f"{count} because {reason}" for reason, count in lost.items() if count]
        if reasons:
            self._are_not_kept(given, f"samples were not kept: {', '.join(reasons)}")

    def _are_not_kept(self, given: list[_Given], reason: str) -> None:
        for one in given:
            if len(one.samples.ids):
                one.run.not_kept(reason)
                RULE_FAILURES.labels(self.key).inc()

    # --- Telling -----------------------------------------------------------------------------

    def _send(self, at: Millis) -> None:
        """Hand the alerts that are due to the sink; where that fails they are due again."""
        due = [(run, run.to_send(at)) for run in self.runs if isinstance(run, AlertingRun)]
        alerts = [
            as_sent(alert, at, self.interval_ms, run.generator_url)
            for run, some in due
            for alert in some
        ]
        try:
            if alerts and self._sink is not None:
                self._sink.put(alerts, at)
        except Exception:
            log.exception("Alerts of group %s could not be handed on", self.key)
            return
        for run, some in due:
            run.were_sent(some, at)

    # --- Around ------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the query that runs, leave out the rules that come after it. From any thread."""
        self._stopped.set()
        self._queries.cancel()

    def clock_was_set(self, by: Millis) -> None:
        """Take what was before as *by* later than it was: alerts wait on as if nothing had been."""
        for run in self.runs:
            run.clock_was_set(by)

    def take_over(self, before: GroupEvaluation) -> None:
        """Go on where *before* ended: a rule of the same name and labels keeps its alerts.

        The series of rules that are no more end with the next evaluation.
        """
        left: dict[object, list[RuleRun]] = {}
        for run in before.runs:
            left.setdefault(run.identity, []).append(run)
        for run in self.runs:
            if same := left.get(run.identity):
                run.take_over(same.pop(0))
        gone = [run.written for runs in left.values() for run in runs]  # of rules that are no more
        self._ended = np.concatenate([before._ended, *gone])
        self._took = before._took

    @property
    def written(self) -> Ids:
        """The series that the last evaluation gave, and those that the next one has to end."""
        return np.concatenate([self._ended, *(run.written for run in self.runs)])

    def end(self, at: Millis, others: Sequence[GroupEvaluation]) -> None:
        """Mark every series of the group as ended, but those with which *others* go on."""
        gone = np.setdiff1d(self.written, np.concatenate([NO_IDS, *(o.written for o in others)]))
        rows = batch_rows(at, [], [gone])
        if rows:
            with contextlib.suppress(UnknownSeries):  # what retention took back has ended
                self._writer.append(rows)

    def _count(self) -> Counts:
        states = Counter(
            alert.state
            for run in self.runs
            if isinstance(run, AlertingRun)
            for alert in run.alerts.values()
        )
        return Counts(states[AlertState.PENDING], states[AlertState.FIRING])

    def snapshot(self) -> GroupSnapshot:
        """Return how the group is; from any thread."""
        seconds, at = self._took
        rules = tuple(RuleSnapshot(run.rule, run.status) for run in self.runs)
        return GroupSnapshot(self.group, self.interval_ms, rules, seconds, at)


def key_of(group: RuleGroup) -> str:
    """Return what names a group among those of all files."""
    return f"{group.file};{group.name}"


def _may_read(run: RuleRun, before: RuleRun) -> bool:
    """Return whether *run* may read what *before*, an earlier rule of its group, gives."""
    return run.reads_anything or run.reads.may_be(before.gives)
