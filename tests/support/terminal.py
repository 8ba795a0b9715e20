"""A program in a terminal of its own (a pty): its keys, its size, and what its screen shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from typing import Any

# Starts the program as a shell does: a job in the foreground that can be stopped.
_SHELL = """
import fcntl, os, signal, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def job():
    os.setpgrp()
    os.tcsetpgrp(0, os.getpid())
    for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
program = subprocess.Popen(sys.argv[2:], preexec_fn=job)
os.write(int(sys.argv[1]), b"%d\\n" % program.pid)
sys.exit(program.wait() % 256)
"""

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs *command* until it ends or `close()`. `written` is all that it wrote, raw."""

    def __init__(self, *command: str, columns: int = 80, lines: int = 24, **env: str) -> None:
        self._master, slave = pty.openpty()
        self._slave = slave
        self.resize(columns, lines, tell=False)
        self.before = termios.tcgetattr(slave)
        self.written = ""
        told, tell = os.pipe()
        environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
        self.shell = subprocess.Popen(
            [sys.executable, "-c", _SHELL, str(tell), *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            pass_fds=[tell],
            env={**environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env},
        )
        os.close(tell)
        with os.fdopen(told) as lines_:
            self.pid = int(lines_.readline())

    def __enter__(self) -> Terminal:  # noqa: PYI034 -- Python 3.10 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.shell.wait(10)
        os.close(self._slave)
        os.close(self._master)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            os.kill(self.pid, signal.SIGWINCH)

    @property
    def attributes(self) -> list[Any]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._slave)

    @property
    def screen(self) -> str:
        """What was drawn last, without colours."""
        self.read()
        return _SEQUENCE.sub("", self.written.rpartition("\x1b[H")[2]).replace("\r", "")

    def read(self, seconds: float = 0.02) -> None:
        """Take what the program writes."""
        while select.select([self._master], [], [], seconds)[0]:
            self.written += os.read(self._master, 65536).decode(errors="replace")

    def until(self, what: Callable[[str], Any], seconds: float = 60) -> str:
        """Wait for a screen of which *what* is true; return it."""
        deadline = time.monotonic() + seconds
        while not what(shown := self.screen):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s; the screen is\n{shown}")
        return shown

    def ended(self, seconds: float = 60) -> int:
        """Wait for the program's end; return its status."""
        deadline = time.monotonic() + seconds
        while self.shell.poll() is None:
            assert time.monotonic() < deadline, "the program does not end"
            self.read()
        self.read()
        return self.shell.returncode
