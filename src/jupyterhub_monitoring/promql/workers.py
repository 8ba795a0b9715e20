"""The threads that queries share: NumPy lets go of the GIL, so two halves take half the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")


class Workers:
    """*count* lanes of work: the caller's own thread and threads of a pool.

    A lane whose pool thread is busy with another query is done by the caller, so a query always
    gets on. What a lane does depends on *count* only, and so does the order of additions.
    """

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._pool = ThreadPoolExecutor(max(1, self.count - 1), thread_name_prefix="promql")

    def share(
        self, tasks: Sequence[Task], work: Callable[[Iterator[Task]], Done], *, alone: bool = False
    ) -> list[Done]:
        """Deal *tasks* out in turn and return what *work* made of each lane, in lane order.

        *alone*: there is one lane, in the caller's own thread.

        The first exception of a lane ends the others at their next task, and is raised when all
        have ended.
        """
        lanes = 1 if alone else min(self.count, len(tasks))
        if lanes <= 1:
            return [work(iter(tasks))]
        failed = Event()

        def run(lane: int) -> Done:
            try:
                return work(_until(failed, tasks[lane::lanes]))
            except BaseException:
                failed.set()
                raise

        futures = [self._pool.submit(run, lane) for lane in range(1, lanes)]
        try:
            done = [run(0)]
            for lane, future in enumerate(futures, start=1):
                done.append(run(lane) if future.cancel() else future.result())
        finally:
            for future in futures:
                if not future.cancel():
                    future.exception()  # waits: no thread works on for a query that is over
        return done

    def close(self) -> None:
        """End the threads, after what they do now."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _until(failed: Event, tasks: Sequence[Task]) -> Iterator[Task]:
    for task in tasks:
        if failed.is_set():
            return
        yield task
