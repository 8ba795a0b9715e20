"""Who leaves a page waits for no answer any more, and neither should the engine work on one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tornado.web import RequestHandler

from ..errors import QueryCancelled

T = TypeVar("T")


class Leaving(RequestHandler):
    """Put before a handler class, what it waits for ends when its client goes away."""

    _work: asyncio.Task[Any] | None = None

    async def unless_left(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what *work* returns. Raises `QueryCancelled` when the client went away."""
        task: asyncio.Task[T] = asyncio.create_task(work)
        self._work = task
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled():
                raise QueryCancelled from None
            raise

    def on_connection_close(self) -> None:
        """End what nobody waits for."""
        if self._work is not None:
            self._work.cancel()
        super().on_connection_close()
