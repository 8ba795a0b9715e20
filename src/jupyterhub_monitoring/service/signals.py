"""How the service ends: on a signal, or when the Hub is gone; in two seconds in any case."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

END_SECONDS = 1.7
"""After the signal. What has not ended then is ended by the kernel; the store allows for that."""

PARENT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def end_at_once_until_ready() -> None:
    """Let SIGINT and SIGTERM end this process while it has nothing to lose.

    Who starts us from a background job of a shell lets us inherit a SIGINT that is ignored.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def end_on_signal(stop: Callable[[], None]) -> None:
    """Call *stop* in the running loop at SIGINT or SIGTERM, and see to it that the end comes."""

    def ending() -> None:
        _end_soon()
        stop()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ending)


def _end_soon() -> None:
    """Let the kernel end this process, whatever its threads do then."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
        signal.setitimer(signal.ITIMER_REAL, END_SECONDS)


def die_with_parent() -> None:
    """Ask the kernel (Linux) for SIGTERM when the parent is gone, however it went."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def parent_gone(parent: int) -> None:
    """Return when process *parent* is not our parent any more."""
    while os.getppid() == parent:  # noqa: ASYNC110 -- the kernel does not call us
        await asyncio.sleep(PARENT_SECONDS)
