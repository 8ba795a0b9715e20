"""What becomes of an alert at the notifier: who is told, and what keeps it quiet."""

from __future__ import annotations

from dataclasses import dataclass

from ...alerting.alert import Alert
from ...alerting.notifying.notifier import Notifier
from ...store.selection import Labels


@dataclass(frozen=True, slots=True)
class Telling:
    """An alert that the notifier has. *silenced_by* are ids of silences.

    It is inhibited or muted where none of its receivers is told because of that.
    """

    alert: Alert
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...] = ()
    inhibited: bool = False
    muted_by: tuple[str, ...] = ()

    @property
    def quiet(self) -> str:
        """Return what keeps the alert quiet; empty where nothing does."""
        reasons = {
            "silenced": self.silenced_by,
            "inhibited": self.inhibited,
            "muted": self.muted_by,
        }
        return next((name for name, reason in reasons.items() if reason), "")


def tellings(notifier: Notifier | None) -> dict[Labels, Telling]:
    """Return what becomes of each alert that fires, by its labels."""
    found: dict[Labels, Telling] = {}
    for group in notifier.groups() if notifier else ():
        for view in group.alerts:
            before = found.get(view.alert.labels)
            others, muted = (before.receivers, before.muted_by) if before else ((), group.muted_by)
            found[view.alert.labels] = Telling(
                view.alert,
                (*others, *(name for name in view.receivers if name not in others)),
                view.silenced_by,
                bool(view.inhibited_by),
                # Muted on one way and told on another one is told.
                group.muted_by if muted else (),
            )
    return found
