"""What a Hub would have written to its spool, and a recorder that takes it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub_monitoring import spool
from jupyterhub_monitoring.activity import Activity
from jupyterhub_monitoring.activity.database import ActivityDatabase
from jupyterhub_monitoring.activity.listed import Listed, ListedServer
from jupyterhub_monitoring.activity.recorder import Recorder
from jupyterhub_monitoring.activity.spool_reader import SpoolReader


class HubLife:
    """Writes the events of one life of a Hub into the data folder *folder*."""

    def __init__(self, folder: Path, began: int = 1, life: str = "a") -> None:
        self.folder, self.number = folder / spool.FOLDER, 0
        self.folder.mkdir(exist_ok=True)
        self.file = spool.SpoolFile(began, life * 16, 1)

    @property
    def path(self) -> Path:
        return self.folder / self.file.name

    def tell(self, at: float, event: str, username: str = "", **fields: Any) -> None:
        """Write one event."""
        self.number += 1
        with self.path.open("ab") as file:
            file.write(spool.line(self.number, at, event, {"username": username, **fields}))

    def spawn(self, at: float, username: str, started: float | None, **fields: Any) -> None:
        """A server is ready, or *outcome* says otherwise."""
        fields = {"outcome": "success", "servername": "", "waited_seconds": 2.0, **fields}
        self.tell(at, "spawn", username, started=started, **fields)

    def exit(self, at: float, username: str, started: float | None, **fields: Any) -> None:
        """A server has ended."""
        fields = {"cause": "user", "servername": "", **fields}
        self.tell(at, "server_exit", username, started=started, **fields)

    def rotate(self) -> None:
        """Go on in another file."""
        self.file = self.file.next


class Service:
    """A service that is killed and started again whenever a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        """Start, with nothing but what is on disk."""
        self.database = ActivityDatabase(self.folder)
        self.recorder = Recorder(self.database, SpoolReader(self.folder))
        self.activity = Activity(self.database)

    def read(self, now: float = 0.0) -> int:
        return self.recorder.read(now)

    def see(self, at: float, *servers: ListedServer, listed_at: float | None = None) -> None:
        """Take a listing of the Hub."""
        self.recorder.see(Listed(at, at if listed_at is None else listed_at, servers))

    def sessions(self) -> list[tuple[str, float, float | None, str]]:
        """Return (user, start, end, cause) of every session, the first to begin first."""
        found = self.activity.sessions(float("-inf"), float("inf"), limit=10_000)
        return [(s.username, s.start, s.end, s.cause) for s in reversed(found)]
