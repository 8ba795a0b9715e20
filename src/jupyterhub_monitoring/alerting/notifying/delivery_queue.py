"""The messages that wait to be delivered: on disk, in order, and not more than may be.

In memory is only who waits where; bodies are read when it is their turn.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ...metrics.alerting_catalogue import (
    NOTIFICATIONS_GIVEN_UP,
    NOTIFICATIONS_OLDEST,
    NOTIFICATIONS_QUEUED,
)
from ..alert import Millis
from ..message import Message
from .lane import Lane
from .notification_database import NotificationDatabase
from .queue_rows import (
    Ended,
    Outcome,
    Queued,
    about,
    dump_message,
    load_message,
    read_body,
    read_history,
    read_queue,
    write_attempt,
    write_ended,
    write_queued,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait. Beyond it the oldest message goes of which a later one tells more."""

    per_lane: int = 50
    messages: int = 100_000
    size_bytes: int = 128 << 20
    history: int = 1000  # messages that are shown after their delivery


@dataclass(frozen=True, slots=True)
class Offer:
    """A message that was decided, for one lane."""

    lane: Lane
    kind: str
    message: Message


@dataclass(frozen=True, slots=True)
class Admission:
    """What an offer does to the queue: first written, then `admitted`."""

    queued: Sequence[tuple[Queued, bytes]] = ()
    dropped: Sequence[Ended] = ()


class DeliveryQueue:
    """Every message that waits, by lane. Not for several threads at once."""

    def __init__(self, database: NotificationDatabase, limits: QueueLimits | None = None) -> None:
        self._database, self._limits = database, limits or QueueLimits()
        self._lanes: dict[Lane, deque[Queued]] = {}
        self._count = self._bytes = self._last_id = 0
        self._being_sent: set[int] = set()
        self._fresh: list[Lane] = []
        self.load()

    def load(self) -> None:
        """Read everything from the database."""
        self._lanes.clear()
        self._count = self._bytes = 0
        for message in self._database.read(read_queue):
            self._append(message)

    # --- Coming in ---------------------------------------------------------------------------

    def admission(self, offers: Iterable[Offer], now: Millis) -> Admission:
        """Return what has to be written so that *offers* wait. Nothing is changed by it."""
        queued = [self._queued(offer, now) for offer in offers]
        dropped = list(self._too_many([message for message, _ in queued]))
        return Admission(queued, [Ended(m, now, Outcome.DROPPED, _DROPPED) for m in dropped])

    def write(self, connection: sqlite3.Connection, admission: Admission) -> None:
        """Write *admission*, within the transaction of the decision."""
        write_queued(connection, admission.queued)
        if admission.dropped:
            write_ended(connection, admission.dropped, self._limits.history)

    def admitted(self, admission: Admission) -> None:
        """Take note of what was written."""
        for message, _ in admission.queued:
            self._append(message)
        for ended in admission.dropped:
            self._remove(ended.message)
            _count_lost(ended)

    def _queued(self, offer: Offer, now: Millis) -> tuple[Queued, bytes]:
        body = dump_message(offer.message)
        # Ids grow with time, so that those of two databases can be put together in order.
        self._last_id = max(self._last_id + 1, now << 10)
        message = Queued(
            id=self._last_id,
            lane=offer.lane,
            kind=offer.kind,
            reason=offer.message.reason,
            alerts=len(offer.message.alerts),
            queued_at=now,
            size=len(body),
            about=about(offer.message),
        )
        return message, body

    def _too_many(self, new: Sequence[Queued]) -> Iterator[Queued]:
        """Yield the messages that have to go so that *new* fit."""
        going: set[int] = set()
        for lane, messages in _by_lane(new).items():
            waiting = [*self._lanes.get(lane, ()), *messages]
            excess = len(waiting) - self._limits.per_lane
            for message in islice(self._removable(waiting), max(0, excess)):
                going.add(message.id)
                yield message
        count = self._count + len(new) - len(going)
        size = self._bytes + sum(message.size for message in new)
        if count <= self._limits.messages and size <= self._limits.size_bytes:
            return
        for message in self._by_worth(new):
            if count <= self._limits.messages and size <= self._limits.size_bytes:
                return
            if message.id not in going:
                count, size = count - 1, size - message.size
                yield message

    def _by_worth(self, new: Sequence[Queued]) -> Iterator[Queued]:
        """Yield what may go: the oldest that later ones tell more of, then the oldest."""
        lanes = {lane: list(waiting) for lane, waiting in self._lanes.items()}
        for message in new:
            lanes.setdefault(message.lane, []).append(message)
        superseded = [m for waiting in lanes.values() for m in waiting[:-1]]
        yield from self._removable(sorted(superseded, key=lambda message: message.id))
        last = [waiting[-1] for waiting in lanes.values() if waiting]
        yield from self._removable(sorted(last, key=lambda message: message.id))

    def _removable(self, messages: Iterable[Queued]) -> Iterator[Queued]:
        return (message for message in messages if message.id not in self._being_sent)

    # --- Going out ---------------------------------------------------------------------------

    def fresh(self) -> list[Lane]:
        """Return the lanes in which something came to wait since this was asked last."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def waits(self, lane: Lane) -> bool:
        """Say whether something waits in *lane*."""
        return lane in self._lanes

    def take(self, lane: Lane) -> Queued | None:
        """Return the message whose turn it is in *lane*; it is being sent from now on."""
        waiting = self._lanes.get(lane)
        if not waiting:
            return None
        self._being_sent.add(waiting[0].id)
        return waiting[0]

    def message(self, queued: Queued) -> Message | None:
        """Return what is to be told; None where that cannot be read."""
        body = self._database.read(lambda connection: read_body(connection, queued.id))
        try:
            return None if body is None else load_message(body)
        except (ValueError, KeyError, TypeError):
            return None

    def failed(self, queued: Queued, error: str) -> Queued:
        """Let *queued* wait for another attempt; return it with this one counted."""
        self._being_sent.discard(queued.id)
        tried = replace(queued, attempts=queued.attempts + 1, error=error)
        self._database.write(lambda connection: write_attempt(connection, tried))
        waiting = self._lanes[queued.lane]
        waiting[waiting.index(queued)] = tried
        return tried

    def end(self, ended: Ended) -> None:
        """Let a message wait no more."""
        keep = self._limits.history
        self._database.write(lambda connection: write_ended(connection, [ended], keep))
        self._being_sent.discard(ended.message.id)
        self._remove(ended.message)
        if ended.outcome is not Outcome.DELIVERED:
            _count_lost(ended)

    def put_back(self, queued: Queued) -> None:
        """Take note that *queued* is not being sent any more, and nobody knows how it went."""
        self._being_sent.discard(queued.id)

    # --- For people --------------------------------------------------------------------------

    def waiting(self) -> list[Queued]:
        """Return every message that waits, the oldest first."""
        found = [message for waiting in self._lanes.values() for message in waiting]
        return sorted(found, key=lambda message: message.id)

    def history(self, limit: int) -> list[Ended]:
        """Return the last *limit* messages that wait no more, the newest first."""
        return self._database.read(lambda connection: read_history(connection, limit))

    def measure(self, now: Millis) -> None:
        """Set the metric of the oldest message; it grows while nothing happens."""
        oldest = min((waiting[0].queued_at for waiting in self._lanes.values()), default=now)
        NOTIFICATIONS_OLDEST.set(max(0, now - oldest) / 1000)

    # --- The index ---------------------------------------------------------------------------

    def _append(self, message: Queued) -> None:
        self._lanes.setdefault(message.lane, deque()).append(message)
        self._fresh.append(message.lane)
        self._count, self._bytes = self._count + 1, self._bytes + message.size
        NOTIFICATIONS_QUEUED.set(self._count)
        self._last_id = max(self._last_id, message.id)

    def _remove(self, message: Queued) -> None:
        waiting = self._lanes.get(message.lane, deque())
        kept = deque(other for other in waiting if other.id != message.id)
        self._count -= len(waiting) - len(kept)
        self._bytes -= message.size * (len(waiting) - len(kept))
        NOTIFICATIONS_QUEUED.set(self._count)
        if kept:
            self._lanes[message.lane] = kept
        else:
            self._lanes.pop(message.lane, None)


_DROPPED = "more messages waited than may; later ones of the same group tell what is the case"


def _by_lane(messages: Iterable[Queued]) -> dict[Lane, list[Queued]]:
    lanes: dict[Lane, list[Queued]] = {}
    for message in messages:
        lanes.setdefault(message.lane, []).append(message)
    return lanes


def _count_lost(ended: Ended) -> None:
    message = ended.message
    receiver = message.lane.channel.receiver
    NOTIFICATIONS_GIVEN_UP.labels(receiver).inc()
    log.error(
        "A message to %s (%s) of group %s is %s after %d attempts: %s",
        *(receiver, message.kind, message.lane.group_key),
        *(ended.outcome.value.replace("_", " "), message.attempts, ended.error),
    )
