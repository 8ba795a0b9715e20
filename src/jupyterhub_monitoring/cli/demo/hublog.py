"""The Hub's output: all of it into a file, and what matters to the terminal."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

# "[W 2026-11-23 11:20:00.000 MonitoredJupyterHub app:3372] …": level, time, who, where.
HEAD = re.compile(rb"\[([DIWEC]) [^\]]* (\w+) [\w.]+:\d+\]")


def is_warning(line: bytes, was: bool) -> bool:
    """Say whether *line* belongs on the terminal: a warning of the Hub, or the rest of one.

    *was* is the answer for the line before it. What servers and the proxy say stays in the file.
    """
    head = HEAD.match(line)
    if head:
        return head[1] in b"WEC" and head[2].endswith(b"JupyterHub")
    return was and not line.startswith(b"[")


class HubLog:
    """Reads *source* in a thread until its end; quiet until `show_warnings()`."""

    def __init__(self, source: IO[bytes] | None, path: Path, *, show_all: bool) -> None:
        self._source, self._show_all, self._warnings = source, show_all, False
        self._tail: deque[bytes] = deque(maxlen=25)
        self._file = path.open("ab", buffering=0)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def show_warnings(self) -> None:
        """From now on. Before, a demo's Hub warns of what a demo is: no SSL, a dummy login."""
        self._warnings = True

    def hide(self) -> None:
        """Say nothing more of what a Hub says when it ends; with `show_all` all is shown still."""
        self._warnings = False

    def tail(self) -> str:
        """Return the last lines, for a Hub that did not start."""
        self._thread.join(1)
        return b"".join(self._tail).decode(errors="replace")

    def close(self) -> None:
        """After the last process that writes has ended."""
        self._thread.join(5)
        with contextlib.suppress(OSError):
            self._file.close()

    def _read(self) -> None:
        shown = False
        for line in self._source or ():
            self._tail.append(line)
            with contextlib.suppress(OSError, ValueError):  # a full disk must not stop the reading
                self._file.write(line)
            shown = is_warning(line, shown)
            if self._show_all or (self._warnings and shown):
                with contextlib.suppress(OSError, ValueError):  # the terminal may have gone
                    sys.stderr.buffer.write(line)
                    sys.stderr.flush()
