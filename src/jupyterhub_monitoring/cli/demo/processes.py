"""The demo's processes: the Hub as a child, and the promise that none of them outlives us.

The Hub runs in a session of its own, so a Ctrl-C at the terminal reaches only us and we end it in
order: SIGTERM, and after a while SIGKILL for whatever is left. On Linux orphans (a kernel whose
server was killed) become our children; elsewhere we remember whom we saw.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO

import psutil

from ...errors import CannotStart
from .hublog import HubLog

READY_SECONDS = 60.0
STOP_SECONDS = 25.0  # a server gets 10 s for SIGINT and 5 s for SIGTERM from its spawner
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class HubProcess:
    """`run()` starts `jupyterhub-monitoring hub -f config`, waits, and ends all that it started."""

    def __init__(self, config: Path, log_file: Path, *, debug: bool) -> None:
        self.config, self.log_file, self.debug = config, log_file, debug
        self.stops_asked = 0

    def run(self, urls: Sequence[str], banner: str) -> int:
        """Show *banner* when all *urls* have answered, one after the other; wait for the end.

        Return 0 after a signal asked for the end, 1 when the Hub ended by itself.
        """
        with self._signals(), self._hub() as (hub, log):
            say("Starting JupyterHub …")
            self._wait_until_ready(hub, log, list(urls))
            if not self.stops_asked and hub.poll() is None:
                say(banner)
                log.show_warnings()
            while not self.stops_asked and hub.poll() is None:
                time.sleep(0.1)
            if self.stops_asked:
                say("Stopping …")
                return 0
        say(f"JupyterHub ended with status {hub.returncode}:\n{log.tail()}", sys.stderr)
        return 1

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Count requests to stop; before the Hub starts, so that it inherits none as ignored."""
        before = {number: signal.signal(number, self._stop) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stops_asked += 1

    @contextlib.contextmanager
    def _hub(self) -> Iterator[tuple[subprocess.Popen[bytes], HubLog]]:
        adopt_orphans()
        command = [sys.executable, "-m", "jupyterhub_monitoring", "hub", "-f", str(self.config)]
        hub = subprocess.Popen(  # noqa: S603 -- this very program
            [*command, "--debug"] if self.debug else command,
            cwd=self.config.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log = HubLog(hub.stdout, self.log_file, show_all=self.debug)
        try:
            yield hub, log
        finally:
            log.hide()
            self._end(hub)
            log.close()

    def _wait_until_ready(
        self, hub: subprocess.Popen[bytes], log: HubLog, waiting: list[str]
    ) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while waiting and not self.stops_asked and hub.poll() is None:
            if _answers(waiting[0]):
                del waiting[0]
            elif time.monotonic() > deadline:
                raise CannotStart(
                    f"JupyterHub did not answer within {READY_SECONDS:.0f} s:\n{log.tail()}"
                )
            else:
                time.sleep(0.2)

    def _end(self, hub: subprocess.Popen[bytes]) -> None:
        """SIGTERM to the Hub, which ends its own; then nobody is left. A second Ctrl-C hurries."""
        known = descendants()
        asked = self.stops_asked
        hub.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while hub.poll() is None and time.monotonic() < deadline:
            if self.stops_asked > max(asked, 1):
                break
            time.sleep(0.1)
        if hub.poll() is None:
            hub.kill()
        hub.wait()
        end_all(known)


def adopt_orphans() -> None:
    """Ask Linux to make orphans below us our children, so that we see them. Elsewhere: nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> set[psutil.Process]:
    """Return all living processes below this one."""
    return set(psutil.Process().children(recursive=True))


def end_all(known: set[psutil.Process], grace_seconds: float = 3.0) -> None:
    """End *known* and all below us: SIGTERM, then SIGKILL until none is left."""
    alive = _signal(known | descendants(), signal.SIGTERM, grace_seconds)
    for _ in range(10):  # somebody may have started a child meanwhile
        alive = _signal(alive | descendants(), signal.SIGKILL, 1.0)
        if not alive:
            return


def _signal(
    processes: set[psutil.Process], number: signal.Signals, seconds: float
) -> set[psutil.Process]:
    """Send *number* to each; return those that live on after *seconds*."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    return set(psutil.wait_procs(processes, timeout=seconds)[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 -- our own, loopback
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def say(text: str, where: TextIO | None = None) -> None:
    """Print, where somebody is still there to read: a closed terminal must not keep us running."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=where or sys.stdout, flush=True)
