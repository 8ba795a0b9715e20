"""A terminal taken over for a while, and given back as it was, however that while ends."""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, TextIO

from .usage_table import Line, Tone

# The second screen, no cursor, lines that do not wrap; and back.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_TO_TOP, _TO_END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"

_COLOURS = {Tone.HEAD: "\x1b[7m", Tone.WARNING: "\x1b[33m", Tone.ALARM: "\x1b[31m"}
_KEYS = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1b[F": "end",
}
_OTHER_KEY = re.compile(rb"\x1b(\[[0-9;?]*.?|O.)", re.DOTALL)


class Ended(BaseException):
    """SIGTERM came."""


def painted(line: Line, *, colours: bool) -> str:
    """Return *line* as text, with its tones as colours or without."""
    if not colours:
        return "".join(text for text, _ in line).rstrip()
    return "".join(
        f"{_COLOURS[tone]}{text}\x1b[0m" if tone in _COLOURS else text for text, tone in line
    )


class Screen:
    """The terminal of *out*, and the keys of *keys* if that is one, too.

    `wait` returns at a key, at `wake` (from any thread), at a new size or when the time is over.
    """

    def __init__(self, out: TextIO, keys: TextIO, *, colours: bool) -> None:
        self._out, self._colours = out, colours
        self._keys = keys.fileno() if keys.isatty() else None
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._woken, False)
        self._threads = threading.RLock()  # a signal may wake us while we wake

    def __enter__(self) -> Screen:  # noqa: PYI034 -- Python 3.10 has no Self
        if self._keys is not None:
            self._before = termios.tcgetattr(self._keys)
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGTERM: self._end,
            signal.SIGWINCH: lambda *_: self.wake(),
            signal.SIGTSTP: self._pause,
        }
        for number, handler in handlers.items():
            self._handlers[number] = signal.signal(number, handler)
        try:
            self._take()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._give_back()
        os.close(self._woken)
        with self._threads:
            os.close(self._waker)
            self._waker = -1

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, now."""
        try:
            columns, lines = os.get_terminal_size(self._out.fileno())
        except OSError:  # it is gone; the next key or write says so
            columns, lines = 0, 0
        return columns or 80, lines or 24  # a new pty says 0

    def show(self, lines: Sequence[Line]) -> None:
        """Draw *lines*; those that are more than there is room for are left out."""
        rows = self.size[1]
        drawn = [painted(line, colours=self._colours) + _TO_END_OF_LINE for line in lines[:rows]]
        self._write(_TO_TOP + "\r\n".join(drawn) + _BELOW)

    def wait(self, seconds: float) -> list[str]:
        """Return the keys that were pressed, which may be none."""
        ears = [self._woken] if self._keys is None else [self._woken, self._keys]
        ready, _, _ = select.select(ears, [], [], max(0.0, seconds))
        if self._woken in ready:
            os.read(self._woken, 4096)
        if self._keys not in ready or self._keys is None:
            return []
        pressed = os.read(self._keys, 1024)
        if not pressed:  # the terminal is gone
            raise Ended
        return _named(pressed)

    def wake(self) -> None:
        """Let `wait` return."""
        with self._threads:
            if self._waker >= 0:
                try:
                    os.write(self._waker, b"!")
                except BlockingIOError:
                    return  # it is woken already

    def _end(self, *_: object) -> None:
        raise Ended

    def _pause(self, *_: object) -> None:
        """Ctrl-Z: give the terminal back, stop, and take it again when we go on."""
        self._give_back()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)
        self._take()
        self.wake()

    def _take(self) -> None:
        if self._keys is not None:
            tty.setcbreak(self._keys)
        self._write(_ENTER)

    def _give_back(self) -> None:
        with suppress(OSError, termios.error):  # the terminal is gone
            if self._keys is not None:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
            self._write(_LEAVE)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _named(pressed: bytes) -> list[str]:
    """Return the names of keys: what they print, or what they are called."""
    names: list[str] = []
    while pressed:
        known = next((code for code in _KEYS if pressed.startswith(code)), None)
        if known is not None:
            names.append(_KEYS[known])
            pressed = pressed[len(known) :]
        elif (other := _OTHER_KEY.match(pressed)) is not None:
            pressed = pressed[other.end() :]
        else:
            names.append(pressed[:1].decode("latin-1"))
            pressed = pressed[1:]
    return names
