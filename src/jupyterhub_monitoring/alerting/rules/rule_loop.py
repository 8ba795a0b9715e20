"""One group's life: wait for its turn, have its rules evaluated in a thread, and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

from ...metrics.alerting_catalogue import RULE_ITERATIONS_MISSED
from .group_evaluation import GroupEvaluation
from .rounds import Rounds
from .schedule import OFFSET_MS, Schedule, Turn

log = logging.getLogger(__name__)


class GroupLoop:
    """Evaluates one group in its rhythm, from `start()` to `stop()`.

    It is evaluated with what else is due, in *rounds*. *clock* is the wall clock in milliseconds.
    *told* is called after each evaluation.
    """

    def __init__(
        self,
        evaluation: GroupEvaluation,
        rounds: Rounds,
        clock: Callable[[], float],
        told: Callable[[], None],
    ) -> None:
        self.evaluation = evaluation
        self._rounds, self._clock, self._told = rounds, clock, told
        self._task: asyncio.Task[None] | None = None
        self._evaluating: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin the rhythm, in the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End the rhythm. What is being asked is cancelled, what is being written is waited for."""
        self.evaluation.stop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._evaluating is not None:
            await asyncio.wait([self._evaluating])

    async def _run(self) -> None:
        schedule = Schedule(self.evaluation.interval_ms, OFFSET_MS, self._clock())
        while True:
            await asyncio.sleep(schedule.wait_seconds(self._clock()))
            turn = schedule.turn(self._clock())
            if turn is not None:
                await self._evaluate(turn)

    async def _evaluate(self, turn: Turn) -> None:
        if turn.missed:
            RULE_ITERATIONS_MISSED.labels(self.evaluation.key).inc(turn.missed)
        self._evaluating = self._rounds.evaluate(partial(self._evaluate_now, turn))
        try:
            await asyncio.shield(self._evaluating)
        except Exception:  # a fault of ours: the next evaluation may go well
            log.exception("Evaluating group %s failed", self.evaluation.key)
        self._told()

    def _evaluate_now(self, turn: Turn) -> None:
        if turn.set_back:
            log.warning(
                "The clock was set back: group %s goes on with its alerts as they are",
                self.evaluation.key,
            )
            self.evaluation.clock_was_set(-turn.set_back)
        self.evaluation.evaluate(turn.at)
