"""The operator's own events, values and timings. Callable from any thread, never raising."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .catalogue import CUSTOM_COUNTER, CUSTOM_GAUGE, CUSTOM_HISTOGRAM
from .labels import OperationStatus
from .usernames import Nobody

if TYPE_CHECKING:
    from typing_extensions import Self

F = TypeVar("F", bound=Callable[..., Any])
# When the operations that are under way began, the innermost last. Each thread and each task has
# its own, so that one `time_custom_operation` may be shared by all.
_started: ContextVar[tuple[float, ...]] = ContextVar("operations under way", default=())

ANONYMOUS, SYSTEM = Nobody("anonymous"), Nobody("system")


def record_custom_event(event_type: str, user: str | None = None) -> None:
    """Count one event of *event_type*, of *user* or of nobody in particular (`anonymous`)."""
    CUSTOM_COUNTER.labels(event_type, ANONYMOUS if user is None else user).inc()


def update_custom_gauge(resource_type: str, value: float, user: str | None = None) -> None:
    """Set how much of *resource_type* is in use, by *user* or in all (`system`)."""
    CUSTOM_GAUGE.labels(resource_type, SYSTEM if user is None else user).set(value)


class time_custom_operation:  # noqa: N801 -- reads as the verb that it is, like contextlib's
    """Time an operation: `with`, `async with`, or a decorator of plain and async functions.

        with time_custom_operation("backup"):
            copy_homes()

        @time_custom_operation("sync-groups")
        async def sync_groups(): ...

    The status is `error` when the body raises; the exception goes on its way.
    """

    def __init__(self, operation: str) -> None:
        self.operation = operation

    def __enter__(self) -> Self:
        _started.set((*_started.get(), time.perf_counter()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        *outer, began = _started.get()
        _started.set(tuple(outer))
        seconds = time.perf_counter() - began
        status = OperationStatus.SUCCESS if kind is None else OperationStatus.ERROR
        CUSTOM_HISTOGRAM.labels(self.operation, status.value).observe(seconds)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Decorate *function*: every call is timed on its own, two at once included."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed_async(*args: Any, **kwargs: Any) -> Any:
                with time_custom_operation(self.operation):
                    return await function(*args, **kwargs)

            return cast("F", timed_async)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with time_custom_operation(self.operation):
                return function(*args, **kwargs)

        return cast("F", timed)
