"""The table of `top` that goes on: asks again and again, and does what keys say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from ..errors import CannotStart
from . import usage_question
from .hub_request import Question
from .screen import Ended, Screen
from .usage_page import Failure, View, page
from .usage_table import Order

SHORTEST_SECONDS = 1.0
DEFAULT_SECONDS = 15.0

_ORDERS = {order.value[0]: order for order in Order}


class Asker:
    """Asks in a thread of its own, one question at a time; calls *done* when there is a result."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._thread: threading.Thread | None = None
        self._result: dict[str, Any] | Exception | None = None

    @property
    def busy(self) -> bool:
        """Whether a question is under way, or its result was not taken."""
        return self._thread is not None

    def ask(self, question: Question) -> None:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._ask, args=(question,), daemon=True)
        self._thread.start()

    def _ask(self, question: Question) -> None:
        try:
            self._result = usage_question.ask(question)
        except Exception as error:  # noqa: BLE001 -- for whoever takes it
            self._result = error
        self._done()

    def take(self) -> dict[str, Any] | None:
        """Return the answer, None while there is none. Raises what asking raised."""
        result, self._result = self._result, None
        if result is None:
            return None
        self._thread = None
        if isinstance(result, Exception):
            raise result
        return result


class LiveTable:
    """*view* is what is shown first; *interval* is None for as often as the service looks."""

    def __init__(
        self, view: View, question: Callable[[Order], Question], interval: float | None
    ) -> None:
        self._view, self._question, self._interval = view, question, interval
        self._asked = view.order
        self._due = 0.0

    def run(self, out: TextIO, keys: TextIO, *, colours: bool) -> None:
        """Show it until q, Ctrl-C, SIGTERM, or the end of the terminal."""
        try:
            with Screen(out, keys, colours=colours) as screen:
                self._show(screen)
        except (Ended, KeyboardInterrupt):
            return

    def _show(self, screen: Screen) -> None:
        asker = Asker(screen.wake)
        self._ask_later()
        while True:
            columns, height = screen.size
            screen.show(page(self._view, columns, height))
            pause = 60.0 if asker.busy else self._due - time.monotonic()
            for key in screen.wait(pause):
                if key in ("q", "Q", "\x04"):
                    return
                self._press(key, height)
            self._take(asker)
            if not asker.busy and time.monotonic() >= self._due:
                self._asked = self._view.order
                asker.ask(self._question(self._asked))

    def _take(self, asker: Asker) -> None:
        """Show a new answer; after a failure, the old one and since when there is no other."""
        try:
            answer = asker.take()
        except CannotStart as error:
            before = self._view.failure
            failure = Failure(str(error), before.since if before else time.time())
            self._view = replace(self._view, failure=failure)
        else:
            if answer is None:
                return
            self._view = replace(self._view, answer=answer, failure=None)
        self._ask_later()

    def _ask_later(self) -> None:
        told = self._view.answer.get("interval_seconds")
        usual = float(told) if isinstance(told, int | float) else DEFAULT_SECONDS
        pause = max(SHORTEST_SECONDS, self._interval or usual)
        if self._asked is not self._view.order:
            pause = 0.0  # a key was pressed meanwhile
        self._due = time.monotonic() + pause

    def _press(self, key: str, height: int) -> None:
        order = _ORDERS.get(key.lower())
        if order is not None:
            self._view = replace(self._view, order=order, first=0)
            self._due = time.monotonic()  # other servers may be the first ones now
            return
        half = max(1, height - 6)
        last = max(0, len(self._view.answer["servers"]) - 1)
        steps = {"up": -1, "down": 1, "page up": -half, "page down": half, " ": half}
        ends = {"home": 0, "end": max(0, last - half + 1)}
        first = ends.get(key, self._view.first + steps.get(key, 0))
        self._view = replace(self._view, first=min(max(0, first), last))
