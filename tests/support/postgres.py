"""A real PostgreSQL of one's own: a cluster in a folder, on a free loopback port."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.ports import free_port

if TYPE_CHECKING:
    from typing_extensions import Self

USER = "postgres"
START_SECONDS = 120


def program(name: str) -> str:
    """Return the path of a PostgreSQL server program; a missing one says so."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = str(newest_first[0]) if newest_first else shutil.which(name)
    if not found:
        raise FileNotFoundError(
            f"{name}: install the Debian package postgresql (scripts/test does)"
        )
    return found


class Postgres:
    """`with Postgres(folder) as server:` a running cluster with one empty database, `hub`.

    `stop()`, `start()`, `standby()` and `primary()` may be repeated; the data stays. The server
    runs as the user `postgres` when the tests run as root (it refuses root), so *folder* and its
    parents are made passable for it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            self._initdb()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/hub"

    def __enter__(self) -> Self:
        self.start()
        if not self.query("SELECT 1 FROM pg_database WHERE datname = 'hub'", database=USER):
            self.query("CREATE DATABASE hub", database=USER)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        options += " -c fsync=off -c synchronous_commit=off"
        self._run(
            "pg_ctl", "-D", self.data, "-l", self.folder / "log", "-o", options, "-w", "start"
        )
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(
            [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        ).returncode:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self, mode: str = "immediate") -> None:
        """Stop; *mode* is pg_ctl's. Nothing happens when it does not run."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def standby(self) -> None:
        """Restart in recovery: it answers, and takes no writes, like a replica after a failover."""
        self.stop("fast")
        signal = self.data / "standby.signal"
        signal.touch()
        if os.geteuid() == 0:
            shutil.chown(signal, USER, USER)
        self.start()

    def primary(self) -> None:
        """Restart as what it was before `standby()`."""
        self.stop("fast")
        (self.data / "standby.signal").unlink(missing_ok=True)
        self.start()

    def query(self, sql: str, database: str = "hub") -> str:
        """Run *sql* as the superuser; return what psql prints, unaligned."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database]
        done = subprocess.run(
            [program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-c", sql],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _initdb(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")

    def _make_passable(self) -> None:
        """Let the server's user through to the folder; each pytest session closes its own again."""
        for parent in self.folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)

    def _run(self, name: str, *args: object) -> None:
        """Run a server program as somebody whom PostgreSQL accepts."""
        command = [program(name), *map(str, args)]
        if os.geteuid() == 0:
            self._make_passable()
            command = ["runuser", "-u", USER, "--", *command]
        done = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if name == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if name == "initdb" else subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if done.returncode:
            log = self.folder / "log"
            said = done.stdout or (log.read_text() if log.exists() else "")
            raise AssertionError(f"{name} failed ({done.returncode}):\n{said}")
