"""All that alerting has to remember, in memory as on disk: alerts, silences, what was told."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from ..alert import Millis
from ..routing.dedup import Told
from ..routing.silence import SilenceLimits, Silences
from .alert_book import AlertBook, BookLimits, carried_over
from .delivery_queue import Admission, DeliveryQueue, QueueLimits
from .lane import Lane
from .notification_database import NotificationDatabase
from .notification_rows import (
    AlertRows,
    SilenceRows,
    delete_told,
    read_alerts,
    read_silences,
    read_told,
    write_told,
)

GRACE_MS = 300_000
"""How long after a restart alerts may take to be sent again before they count as over."""


@dataclass(frozen=True, slots=True)
class NotificationLimits:
    """How much there may be of everything."""

    alerts: BookLimits = field(default_factory=BookLimits)
    silences: SilenceLimits = field(default_factory=SilenceLimits)
    queue: QueueLimits = field(default_factory=QueueLimits)
    alerts_per_message: int = 10_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look at the groups leads to: written in one transaction, then in force."""

    told: dict[Lane, Told]
    forgotten: list[Lane]
    admission: Admission


class NotificationStore:
    """What is remembered. Not for several threads at once."""

    def __init__(self, folder: Path, limits: NotificationLimits, now: Millis) -> None:
        self.limits = limits
        self.database = NotificationDatabase(folder)
        self.queue = DeliveryQueue(self.database, limits.queue)
        self.load(now)

    def load(self, now: Millis) -> None:
        """Read everything from the database, as after a restart."""
        database, limits = self.database, self.limits
        kept = (carried_over(a, now, GRACE_MS) for a in database.read(read_alerts))
        self.alerts = AlertBook(kept, AlertRows(database), limits.alerts)
        silences = database.read(read_silences)
        self.silences = Silences(silences, SilenceRows(database), limits.silences)
        self.told: dict[Lane, Told] = database.read(read_told)
        self.queue.load()

    def carry_out(self, decision: Decision) -> None:
        """Keep *decision*, which is in force then. Raises `StoreError` where that cannot be."""

        def work(connection: sqlite3.Connection) -> None:
            write_told(connection, decision.told.items())
            delete_told(connection, decision.forgotten)
            self.queue.write(connection, decision.admission)

        if decision.told or decision.forgotten or decision.admission.queued:
            self.database.write(work)
            self.told.update(decision.told)
            for lane in decision.forgotten:
                self.told.pop(lane, None)
            self.queue.admitted(decision.admission)

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        self.database.close()
