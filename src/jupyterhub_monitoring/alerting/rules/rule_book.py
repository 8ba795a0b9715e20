"""The rules in force: read from files, evaluated, replaced when a file changes.

book = RuleBook(store, engine, sink, files=["rules/*.yaml"])
await book.start()
book.snapshot()        # every group, rule and alert, for pages and the API
book.problems          # what is wrong with the files on disk
await book.reload()    # look at them now; without `await`: soon
await book.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ...metrics import alerting_catalogue as m
from ...promql.engine import Engine
from ...store.selection import Selectable
from ..alert import Alert, AlertSink, Millis
from .group_evaluation import GroupEvaluation
from .group_factory import GroupFactory
from .recording import RuleAppendable, SeriesWriter
from .rounds import Rounds
from .rule import AlertingRule, RuleGroup
from .rule_file import check_rules
from .rule_loop import GroupLoop
from .rule_sources import Sources, read_sources
from .rule_status import GroupSnapshot

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""How often the files are looked at."""

GROUPS_AT_ONCE = 4
"""Groups that are evaluated at the same time where some are slow; others wait for their turn."""

Key = tuple[str, str]
"""A group's file and name."""


class RuleStore(Selectable, RuleAppendable, Protocol):
    """What rules read and write."""


def wall_clock_ms() -> float:
    """Return the milliseconds since 1970."""
    return time.time_ns() / 1e6


class RuleBook:
    """Keeps the rules of *files* and *texts* evaluated, from `start()` to `stop()`.

    *files* are paths or patterns, *texts* rule files that come with us, by name. A file that is
    wrong leaves all rules in force as they are; at the start, when there are none yet, it is left
    out. All methods are for the event loop's thread.
    """

    def __init__(  # noqa: PLR0913 -- what rules need of the service
        self,
        store: RuleStore,
        engine: Engine,
        sink: AlertSink | None,
        *,
        files: Sequence[str | os.PathLike[str]] = (),
        texts: Mapping[str, str] | None = None,
        external_labels: Mapping[str, str] | None = None,
        external_url: str = "",
        default_interval_seconds: float = 15.0,
        groups_at_once: int = GROUPS_AT_ONCE,
        poll_seconds: float = POLL_SECONDS,
        clock: Callable[[], float] = wall_clock_ms,
    ) -> None:
        self._files, self._texts, self._poll_seconds = tuple(files), dict(texts or {}), poll_seconds
        self._clock = clock
        self._factory = GroupFactory(
            engine=engine,
            writer=SeriesWriter(store),
            sink=None if sink is None else OneAtATime(sink),
            external_labels=dict(external_labels or {}),
            external_url=external_url,
            default_interval_ms=round(default_interval_seconds * 1000),
        )
        self._threads = ThreadPoolExecutor(groups_at_once, thread_name_prefix="rules")
        self._rounds = Rounds(self._threads, groups_at_once)
        self._loops: dict[Key, GroupLoop] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._seen: Sources | None = None
        self.problems: tuple[str, ...] = ()
        """What is wrong with the files on disk; empty while they are what is in force."""

    # --- Life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the rules and begin to evaluate them."""
        await self._load()
        self._watching = asyncio.ensure_future(self._watch())

    async def stop(self) -> None:
        """End all evaluations; what is being written is waited for."""
        tasks = [*self._ending, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*[loop.stop() for loop in self._loops.values()])
        self._threads.shutdown(wait=False, cancel_futures=True)

    def reload(self) -> asyncio.Task[None]:
        """Look at the files now; done when what they say is in force, or known to be wrong."""
        return asyncio.ensure_future(self._load())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._load()
            except Exception:  # a fault of ours must not end the watching
                log.exception("Looking at the rule files failed")

    # --- Reading -----------------------------------------------------------------------------

    def snapshot(self) -> list[GroupSnapshot]:
        """Return every group in force and how it is, by file and name."""
        return [self._loops[key].evaluation.snapshot() for key in sorted(self._loops)]

    # --- Loading -----------------------------------------------------------------------------

    async def _load(self) -> None:
        """Read the files; where they are new, put them in force, or say why that cannot be."""
        async with self._loading:
            found = await asyncio.to_thread(read_sources, self._files, self._texts)
            if found == self._seen:
                return
            first, self._seen = self._seen is None, found
            groups, wrong = await asyncio.to_thread(parsed, found.texts)
            self._say([*found.problems, *wrong])
            if first or not self.problems:
                await self._enforce(groups)

    def _say(self, problems: Iterable[str]) -> None:
        """Tell what is wrong with the files, each thing once in the log."""
        now = tuple(problems)
        for problem in now:
            if problem not in self.problems:
                log.error("A rule file cannot be used: %s", problem)
        if self.problems and not now:
            log.info("The rule files are as they should be again")
        self.problems = now
        m.RULES_RELOAD_OK.set(0 if now else 1)

    async def _enforce(self, groups: Mapping[Key, RuleGroup]) -> None:
        """Let *groups* be in force; those that are already go on as they are."""
        over = [
            loop for key, loop in self._loops.items() if loop.evaluation.group != groups.get(key)
        ]
        await asyncio.gather(*[loop.stop() for loop in over])
        for key, group in groups.items():
            before = self._loops.get(key)
            if before is None or before.evaluation.group != group:
                self._loops[key] = self._begin(group, before)
        for key in [key for key in self._loops if key not in groups]:
            self._end(self._loops.pop(key))
        self._count_rules()

    def _begin(self, group: RuleGroup, before: GroupLoop | None) -> GroupLoop:
        evaluation = self._factory.make(group, restoring=True)
        if before is not None:
            evaluation.take_over(before.evaluation)
        loop = GroupLoop(evaluation, self._rounds, self._clock, self._count_alerts)
        for metric in (m.RULE_EVALUATIONS, m.RULE_FAILURES, m.RULE_ITERATIONS_MISSED):
            metric.labels(evaluation.key)  # 0 from the start
        loop.start()
        return loop

    def _end(self, loop: GroupLoop) -> None:
        """Mark the series of a group that is no more as ended, unless others go on with them."""
        evaluation = loop.evaluation
        for metric in GROUP_METRICS:
            with contextlib.suppress(KeyError):
                metric.remove(evaluation.key)
        task = asyncio.ensure_future(self._end_series(evaluation))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_series(self, evaluation: GroupEvaluation) -> None:
        """Wait until groups that were renamed have written what they go on with, then end."""
        await asyncio.sleep(2 * evaluation.interval_ms / 1000)
        others = [loop.evaluation for loop in self._loops.values()]
        at = int(self._clock())
        ending = asyncio.get_running_loop().run_in_executor(
            self._threads, evaluation.end, at, others
        )
        try:
            await asyncio.shield(ending)
        except Exception:
            log.exception("The series of group %s could not be ended", evaluation.key)

    # --- Counting ----------------------------------------------------------------------------

    def _count_rules(self) -> None:
        rules = [rule for loop in self._loops.values() for rule in loop.evaluation.group.rules]
        alerting = sum(isinstance(rule, AlertingRule) for rule in rules)
        m.RULES_LOADED.labels("alerting").set(alerting)
        m.RULES_LOADED.labels("recording").set(len(rules) - alerting)
        self._count_alerts()

    def _count_alerts(self) -> None:
        counts = [loop.evaluation.counts for loop in self._loops.values()]
        m.ALERTS.labels("pending").set(sum(count.pending for count in counts))
        m.ALERTS.labels("firing").set(sum(count.firing for count in counts))


class OneAtATime:
    """A sink that groups share: each waits until the one before has handed its alerts on."""

    def __init__(self, sink: AlertSink) -> None:
        self._sink, self._lock = sink, threading.Lock()

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        """Hand *alerts* on."""
        with self._lock:
            self._sink.put(alerts, now)


def parsed(texts: Mapping[str, str]) -> tuple[dict[Key, RuleGroup], list[str]]:
    """Return the groups of rule files by file and name, and what is wrong with the others."""
    groups: dict[Key, RuleGroup] = {}
    wrong: list[str] = []
    for name, text in texts.items():
        checked = check_rules(name, text)
        wrong += map(str, checked.problems)
        if not checked.problems:
            groups.update({(name, group.name): group for group in checked.groups})
    return groups, wrong


GROUP_METRICS = (
    m.RULE_EVALUATIONS,
    m.RULE_FAILURES,
    m.RULE_ITERATIONS_MISSED,
    m.RULE_GROUP_LAST,
)
"""Those with a label for the group."""
