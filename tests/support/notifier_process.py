"""A process that takes an alert, tells of it by appending to a file, and dies where it is told to.

python notifier_process.py FOLDER STEP: see STEPS.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.alerting.message import Message
from jupyterhub_monitoring.alerting.notifying.delivery_queue import DeliveryQueue
from jupyterhub_monitoring.alerting.notifying.notification_database import NotificationDatabase
from jupyterhub_monitoring.alerting.notifying.notification_rows import AlertRows
from jupyterhub_monitoring.alerting.notifying.notification_store import NotificationStore
from jupyterhub_monitoring.alerting.notifying.notifier import Notifier, wall_ms
from jupyterhub_monitoring.alerting.routing.route import Route

from .notifications import HOUR, alert, routing


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: type, name: str) -> None:
    """Die when the method is called."""
    setattr(owner, name, lambda *_args, **_kwargs: die())


def after(owner: type, name: str) -> None:
    """Die when the method has done its work."""
    method: Callable[..., Any] = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> None:
        method(*args, **kwargs)
        die()

    setattr(owner, name, patched)


def when_committed() -> None:
    """Die when a decision is on disk, before it is known in memory."""
    write = NotificationDatabase.write

    def patched(self: NotificationDatabase, work: Callable[..., Any]) -> Any:
        result = write(self, work)
        if "carry_out" in work.__qualname__:
            die()
        return result

    NotificationDatabase.write = patched  # type: ignore[method-assign]


STEPS: dict[str, Callable[[], None]] = {
    "before the alert is written": lambda: before(AlertRows, "keep"),
    "when the alert is written": lambda: after(AlertRows, "keep"),
    "before the decision is written": lambda: before(NotificationStore, "carry_out"),
    "when the decision is written": when_committed,
    "before the message is sent": lambda: before(DeliveryQueue, "message"),
    "while it is sent": lambda: before(File, "write"),
    "when it was sent": lambda: after(File, "write"),
    "when it was taken out of the queue": lambda: after(DeliveryQueue, "end"),
    "never": lambda: None,
}


class File:
    """A receiver that writes a line for each message."""

    kind, sends_resolved = "script", True

    def __init__(self, path: Path) -> None:
        self.path = path

    async def send(self, message: Message) -> None:
        self.write(f"{message.status} {len(message.alerts)}\n")

    def write(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(line)


async def tell(folder: Path) -> None:
    """Take the alert, and end when somebody was told of it."""
    now = wall_ms()
    route = Route("team", group_by=frozenset({"alertname"}), group_wait=0)
    notifier = Notifier(folder, routing(route), {"team": [File(folder / "told")]})
    await notifier.start()
    notifier.put([alert(at=now - HOUR, ends=now + HOUR)], now)
    while notifier.queue() or not notifier.history():  # noqa: ASYNC110 -- it is no event
        await asyncio.sleep(0.01)
    await notifier.stop()


if __name__ == "__main__":
    STEPS[sys.argv[2]]()
    asyncio.run(tell(Path(sys.argv[1])))
