"""The tables of messages that wait and of those that do no more, and the messages themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import orjson

from ..alert import Alert, Millis
from ..message import Message, Reason
from .lane import Channel, Lane
from .notification_rows import label_pairs, read_rows

NAMES, NAME_CHARACTERS = 3, 100
"""What is kept of whom a message is about, to be shown."""


class Outcome(str, Enum):
    """What became of a message."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # not delivered in time, or refused for good
    DROPPED = "dropped"  # there were too many


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that waits, without its body."""

    id: int  # in the order of decisions
    lane: Lane
    kind: str  # of the integration: webhook, email ...
    reason: Reason
    alerts: int
    queued_at: Millis
    size: int  # bytes of its body
    attempts: int = 0
    error: str = ""  # of the last attempt
    about: str = ""  # the names of its alerts; empty where an older version wrote it


@dataclass(frozen=True, slots=True)
class Ended:
    """A message that waits no more."""

    message: Queued
    ended_at: Millis
    outcome: Outcome
    error: str = ""

    def after(self, attempts: int) -> Ended:
        """Return this with so many attempts counted."""
        return replace(self, message=replace(self.message, attempts=attempts))


# --- The queue and its history ---------------------------------------------------------------


def write_queued(connection: sqlite3.Connection, queued: Iterable[tuple[Queued, bytes]]) -> None:
    """Write messages that wait, with their bodies."""
    connection.executemany(
        "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                message.id,
                *message.lane.channel,
                message.kind,
                message.lane.group_key,
                message.reason.value,
                message.alerts,
                message.queued_at,
                message.attempts,
                message.error,
                message.size,
                body,
                message.about,
            )
            for message, body in queued
        ),
    )


def write_attempt(connection: sqlite3.Connection, message: Queued) -> None:
    """Write how often it was tried, and what went wrong last."""
    connection.execute(
        "UPDATE queue SET attempts = ?, error = ? WHERE id = ?",
        (message.attempts, message.error, message.id),
    )


def write_ended(connection: sqlite3.Connection, ended: Sequence[Ended], keep: int) -> None:
    """Move messages from the queue to the history, of which the last *keep* stay."""
    connection.executemany("DELETE FROM queue WHERE id = ?", [(e.message.id,) for e in ended])
    connection.executemany(
        "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                e.message.id,
                e.message.lane.channel.receiver,
                e.message.kind,
                e.message.lane.group_key,
                e.message.reason.value,
                e.message.alerts,
                e.message.queued_at,
                e.ended_at,
                e.message.attempts,
                e.outcome.value,
                e.error,
                e.message.about,
            )
            for e in ended
        ),
    )
    connection.execute(
        "DELETE FROM history WHERE id <="
        " (SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (keep,),
    )


_QUEUED = (
    "id, receiver, integration, group_key, kind, reason, alerts, queued_at, size, attempts, error,"
    " about"
)


def read_queue(connection: sqlite3.Connection) -> list[Queued]:
    """Return every message that waits, the oldest first."""
    return list(read_rows(connection, f"SELECT {_QUEUED} FROM queue ORDER BY id", _queued_of_row))  # noqa: S608


def _queued_of_row(row: tuple[Any, ...]) -> Queued:
    id_, receiver, integration, group_key, kind, reason, *rest = row
    lane = Lane(Channel(receiver, integration), group_key)
    return Queued(id_, lane, kind, Reason(reason), *rest)


def read_body(connection: sqlite3.Connection, id_: int) -> bytes | None:
    """Return the body of a message that waits; None where it does not any more."""
    row = connection.execute("SELECT body FROM queue WHERE id = ?", (id_,)).fetchone()
    return None if row is None else bytes(row[0])


def read_history(connection: sqlite3.Connection, limit: int) -> list[Ended]:
    """Return the last *limit* messages that wait no more, the newest first."""
    query = (
        "SELECT id, receiver, group_key, kind, reason, alerts, queued_at, attempts, ended_at,"
        " outcome, error, about FROM history ORDER BY ended_at DESC, id DESC LIMIT ?"
    )
    return list(read_rows(connection, query, _ended_of_row, limit))


def _ended_of_row(row: tuple[Any, ...]) -> Ended:
    id_, receiver, group_key, kind, reason, alerts, queued_at, attempts, *end = row
    lane = Lane(Channel(receiver, 0), group_key)
    ended_at, outcome, error, about = end
    reason = Reason(reason)
    message = Queued(id_, lane, kind, reason, alerts, queued_at, 0, attempts, about=about)
    return Ended(message, ended_at, Outcome(outcome), error)


def about(message: Message) -> str:
    """Return the names of the alerts of *message*, the first few: those that fire come first."""
    names = [*dict.fromkeys(alert.name for alert in message.alerts)]
    shown = [name[:NAME_CHARACTERS] for name in names[:NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


# --- Bodies ----------------------------------------------------------------------------------


def dump_message(message: Message) -> bytes:
    """Return *message* as it waits: JSON."""
    return orjson.dumps(
        {
            "receiver": message.receiver,
            "group_key": message.group_key,
            "group_labels": message.group_labels,
            "alerts": [
                [a.labels, a.annotations, a.starts_at, a.ends_at, a.generator_url, a.updated_at]
                for a in message.alerts
            ],
            "at": message.at,
            "external_url": message.external_url,
            "truncated_alerts": message.truncated_alerts,
            "reason": message.reason.value,
        }
    )


def load_message(body: bytes) -> Message:
    """Return the message that `dump_message` wrote. Raises ValueError, KeyError or TypeError."""
    fields = orjson.loads(body)
    alerts = tuple(
        Alert(label_pairs(labels), label_pairs(annotations), *rest)
        for labels, annotations, *rest in fields.pop("alerts")
    )
    group_labels, reason = label_pairs(fields.pop("group_labels")), Reason(fields.pop("reason"))
    return Message(alerts=alerts, group_labels=group_labels, reason=reason, **fields)
