"""What was sent to whom: the messages that wait, and what became of the last ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...alerting.message import Reason
from ...alerting.notifying.lane import Lane
from ...alerting.notifying.notifier import Notifier
from ...alerting.notifying.queue_rows import Ended, Outcome, Queued

WAITING, ENDED = 50, 50
"""As many are shown; of those that wait, the rest is a number."""

WORDS = {
    Reason.FIRST: "new",
    Reason.NEW_ALERTS: "more fire",
    Reason.NEW_RESOLVED: "some are over",
    Reason.ALL_RESOLVED: "all is over",
    Reason.REPEAT_DUE: "goes on",
}
OUTCOMES = {
    Outcome.DELIVERED: "delivered",
    Outcome.GIVEN_UP: "given up",
    Outcome.DROPPED: "dropped",
}


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. Times are Unix seconds; *next_try* is None where nobody knows, or never."""

    receiver: str
    kind: str
    outcome: str  # waiting, delivered, given up, dropped
    why: str
    about: str  # the names of the alerts; empty where they are not known
    alerts: int
    queued: float
    ended: float | None
    attempts: int
    error: str
    next_try: float | None = None

    @property
    def bad(self) -> bool:
        """Whether nobody got it, or not yet though it was tried."""
        return self.outcome in ("given up", "dropped") or bool(self.error)


@dataclass(frozen=True, slots=True)
class Messages:
    """Those that wait, the oldest first, then the last ones that do no more, the newest first."""

    waiting: int
    rows: Sequence[MessageRow]

    @property
    def left_out(self) -> int:
        """How many wait that are not shown."""
        return max(0, self.waiting - WAITING)


def messages(notifier: Notifier, next_tries: Mapping[Lane, int]) -> Messages:
    """Ask *notifier*; not for the event loop's thread."""
    waiting = notifier.queue()
    rows = [_waiting(message, next_tries) for message in waiting[:WAITING]]
    return Messages(len(waiting), [*rows, *map(_ended, notifier.history(ENDED))])


def _waiting(message: Queued, next_tries: Mapping[Lane, int]) -> MessageRow:
    at = next_tries.get(message.lane)
    return _row(message, "waiting", None, message.error, None if at is None else at / 1000)


def _ended(ended: Ended) -> MessageRow:
    return _row(ended.message, OUTCOMES[ended.outcome], ended.ended_at / 1000, ended.error)


def _row(
    message: Queued, outcome: str, ended: float | None, error: str, next_try: float | None = None
) -> MessageRow:
    return MessageRow(
        message.lane.channel.receiver,
        message.kind,
        outcome,
        WORDS.get(message.reason, message.reason.value),
        message.about,
        message.alerts,
        message.queued_at / 1000,
        ended,
        message.attempts,
        error,
        next_try,
    )
