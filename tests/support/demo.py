"""`jupyterhub-monitoring demo` as a person starts it, and every process that it has."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from typing_extensions import Self

READY = "Ctrl-C stops everything"


class Demo:
    """`with Demo(folder) as demo:` one demo that says it is ready; killed at the end."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.data = folder / "data"
        self.arguments = arguments or ("--data-dir", str(self.data))
        self.out = folder / "terminal.txt"
        self.seen: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub_monitoring", "demo", "--port", "0", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.out.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 180
        while READY not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.1)
        return self

    def __exit__(self, *exc: object) -> None:
        for process in [psutil.Process(), *self.processes()]:
            if process.pid != psutil.Process().pid:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.kill()
        self.process.wait()

    @property
    def text(self) -> str:
        """What stands on the terminal."""
        return self.out.read_text(errors="replace")

    def said(self, name: str) -> str:
        """Return what the banner gives under *name*."""
        found = re.search(rf"^ +{name} +(\S+)", self.text, re.MULTILINE)
        assert found, self.text
        return found[1]

    @property
    def url(self) -> str:
        return self.said("open")

    @property
    def token(self) -> str:
        found = re.search(r"Authorization: token (\w+)", self.text)
        assert found, self.text
        return found[1]

    def get(self, path: str) -> str:
        """Ask with the banner's token."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(answer.read().decode())

    def processes(self) -> set[psutil.Process]:
        """Return all living processes that were ever seen below the demo, and the demo."""
        with contextlib.suppress(psutil.NoSuchProcess):
            demo = psutil.Process(self.process.pid)
            self.seen |= {demo, *demo.children(recursive=True)}
        return {p for p in self.seen if p.is_running() and p.status() != psutil.STATUS_ZOMBIE}

    def stop(self, *signals: signal.Signals, pause_seconds: float = 0.5) -> int:
        """Send the signals, one after the other; return the exit status."""
        self.processes()
        for number in signals:
            self.process.send_signal(number)
            time.sleep(pause_seconds)
        return self.process.wait(120)
