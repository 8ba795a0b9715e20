"""The tables of alerts, silences and what was told, as records: how they are written and read.

A row that cannot be read is left out and logged: one bad record must not hide the others.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import orjson

from ...store.matcher import MatchType
from ...store.selection import Labels
from ..alert import Alert
from ..routing.dedup import Told
from ..routing.matcher import Matcher
from ..routing.silence import Silence
from .lane import Channel, Lane
from .notification_database import NotificationDatabase

log = logging.getLogger(__name__)

R = TypeVar("R")


class AlertRows:
    """Where the alert book keeps its alerts: an `AlertKeeper`."""

    def __init__(self, database: NotificationDatabase) -> None:
        self._database = database

    def keep(self, alerts: Sequence[Alert], forget: Sequence[Labels] = ()) -> None:
        """Write *alerts*, drop those with the labels *forget*: all or nothing."""

        def work(connection: sqlite3.Connection) -> None:
            write_alerts(connection, alerts)
            delete_alerts(connection, forget)

        self._database.write(work)


class SilenceRows:
    """Where silences are kept: a `SilenceKeeper`."""

    def __init__(self, database: NotificationDatabase) -> None:
        self._database = database

    def keep(self, silences: Sequence[Silence], forget: Sequence[str] = ()) -> None:
        """Write *silences* by their ids, drop those with the ids *forget*: all or nothing."""
        self._database.write(lambda connection: write_silences(connection, silences, forget))


# --- Alerts ----------------------------------------------------------------------------------


def write_alerts(connection: sqlite3.Connection, alerts: Iterable[Alert]) -> None:
    """Write *alerts* over what was known of them."""
    connection.executemany(
        "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                _dump(alert.labels),
                _dump(alert.annotations),
                alert.generator_url,
                alert.starts_at,
                alert.ends_at,
                alert.updated_at,
            )
            for alert in alerts
        ),
    )


def delete_alerts(connection: sqlite3.Connection, alerts: Iterable[Labels]) -> None:
    """Forget the alerts with these labels."""
    connection.executemany(
        "DELETE FROM alerts WHERE labels = ?", ((_dump(labels),) for labels in alerts)
    )


def read_alerts(connection: sqlite3.Connection) -> list[Alert]:
    """Return every alert."""
    return list(read_rows(connection, "SELECT * FROM alerts", _alert_of_row))


def _alert_of_row(row: tuple[Any, ...]) -> Alert:
    labels, annotations, url, starts_at, ends_at, updated_at = row
    return Alert(_label_set(labels), _label_set(annotations), starts_at, ends_at, url, updated_at)


# --- Silences --------------------------------------------------------------------------------


def write_silences(
    connection: sqlite3.Connection, silences: Sequence[Silence], forget: Sequence[str] = ()
) -> None:
    """Write *silences* by their ids, drop those with the ids *forget*."""
    connection.executemany(
        "INSERT OR REPLACE INTO silences VALUES (?, ?)",
        [(silence.id, _silence_text(silence)) for silence in silences],
    )
    connection.executemany("DELETE FROM silences WHERE id = ?", [(id_,) for id_ in forget])


def read_silences(connection: sqlite3.Connection) -> list[Silence]:
    """Return every silence, the oldest change first."""
    found = read_rows(connection, "SELECT id, body FROM silences", _silence_of_row)
    return sorted(found, key=lambda silence: (silence.updated_at, silence.id))


def _silence_text(silence: Silence) -> str:
    matchers = [(m.name, m.type.value, m.value) for m in silence.matchers]
    return orjson.dumps(
        {
            "matchers": matchers,
            "starts_at": silence.starts_at,
            "ends_at": silence.ends_at,
            "created_by": silence.created_by,
            "comment": silence.comment,
            "updated_at": silence.updated_at,
        }
    ).decode()


def _silence_of_row(row: tuple[Any, ...]) -> Silence:
    id_, body = row
    fields = orjson.loads(body)
    written = fields.pop("matchers")
    matchers = tuple(Matcher(name, MatchType(kind), value) for name, kind, value in written)
    return Silence(matchers, id=id_, **fields)


# --- What was told ---------------------------------------------------------------------------


def write_told(connection: sqlite3.Connection, told: Iterable[tuple[Lane, Told]]) -> None:
    """Write what each channel knows of each group now."""
    connection.executemany(
        "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                lane.group_key,
                *lane.channel,
                entry.at,
                _dump(sorted(entry.firing)),
                _dump(sorted(entry.resolved)),
            )
            for lane, entry in told
        ),
    )


def delete_told(connection: sqlite3.Connection, lanes: Iterable[Lane]) -> None:
    """Forget what was told."""
    connection.executemany(
        "DELETE FROM told WHERE group_key = ? AND receiver = ? AND integration = ?",
        ((lane.group_key, *lane.channel) for lane in lanes),
    )


def read_told(connection: sqlite3.Connection) -> dict[Lane, Told]:
    """Return what each channel was last told of each group."""
    return dict(read_rows(connection, "SELECT * FROM told", _told_of_row))


def _told_of_row(row: tuple[Any, ...]) -> tuple[Lane, Told]:
    group_key, receiver, integration, at, firing, resolved = row
    told = Told(at, frozenset(orjson.loads(firing)), frozenset(orjson.loads(resolved)))
    return Lane(Channel(receiver, integration), group_key), told


# --- Texts -----------------------------------------------------------------------------------


def read_rows(
    connection: sqlite3.Connection, query: str, record: Callable[[tuple[Any, ...]], R], *args: int
) -> Iterator[R]:
    """Yield each row of *query* as a *record*, but those that are none."""
    for row in connection.execute(query, args).fetchall():
        found = _readable(record, row)
        if found is not None:
            yield found


def _readable(record: Callable[[tuple[Any, ...]], R], row: tuple[Any, ...]) -> R | None:
    try:
        return record(row)
    except (ValueError, TypeError, KeyError) as error:  # a `BadMatcher` is a ValueError
        log.error("A record of alerts cannot be read and is left out: %s", error)  # noqa: TRY400
        return None


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()


def _label_set(text: str) -> Labels:
    return label_pairs(orjson.loads(text))


def label_pairs(pairs: list[list[str]]) -> Labels:
    """Return the label set that was written as a list of pairs."""
    return tuple((name, value) for name, value in pairs)
