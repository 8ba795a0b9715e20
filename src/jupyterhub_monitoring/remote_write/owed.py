"""What one receiver has not acknowledged yet: spans of time, for each stream.

A span holds rows only that were not sent, so nothing is sent twice, and nothing is left out: what
came late is a span of its own.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..store.following import NEVER_MS, StreamName

MOST_SPANS = 1_000
"""Spans of a stream. Beyond, the two that are nearest become one: what lies between goes twice."""

NOTHING_MS = -1

Span = tuple[int, int]
"""From a row's time to a row's time, both included, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A span of one stream."""

    stream: StreamName
    start_ms: int
    end_ms: int


@dataclass
class StreamOwed:
    """One stream: the newest row that is known, and the *spans* that are owed, by time."""

    top_ms: int = NOTHING_MS
    spans: list[Span] = field(default_factory=list)

    def note(self, start_ms: int, end_ms: int) -> None:
        """Take rows from *start_ms* to *end_ms*, between which there is none that was sent."""
        if start_ms > self.top_ms:
            if self.spans and self.spans[-1][1] == self.top_ms:  # no row lies between
                start_ms, _ = self.spans.pop()
            self.spans.append((start_ms, end_ms))
            self.top_ms = end_ms
        elif not self._covers(start_ms):
            insort(self.spans, (start_ms, end_ms))
        if len(self.spans) > MOST_SPANS:
            self._join_nearest()

    def _covers(self, at: int) -> bool:
        place = bisect_right(self.spans, (at, NEVER_MS)) - 1
        return place >= 0 and at <= self.spans[place][1]

    def _join_nearest(self) -> None:
        gaps = [after[0] - span[1] for span, after in zip(self.spans, self.spans[1:], strict=False)]
        place = gaps.index(min(gaps))
        self.spans[place : place + 2] = [(self.spans[place][0], self.spans[place + 1][1])]

    def take(self, until_ms: int) -> list[Span]:
        """Take away what is owed up to *until_ms*, and return it."""
        taken = [(start, min(end, until_ms)) for start, end in self.spans if start <= until_ms]
        self.spans = [
            (max(start, until_ms + 1), end) for start, end in self.spans if end > until_ms
        ]
        return taken


@dataclass
class Owed:
    """All streams. *noted* is the number of the last row of the log that is in here."""

    began_ms: int
    noted: int = 0
    streams: dict[StreamName, StreamOwed] = field(default_factory=dict)
    sending: list[Slice] = field(default_factory=list)
    """What goes out now: after a crash once more, and as the same batch."""

    def stream(self, name: StreamName) -> StreamOwed:
        """Return one stream, made where it is new."""
        return self.streams.setdefault(name, StreamOwed())

    @property
    def seen_ms(self) -> int:
        """The newest row of all that are known."""
        return max((stream.top_ms for stream in self.streams.values()), default=self.began_ms)

    @property
    def oldest_ms(self) -> int | None:
        """Since when something is owed, None where nothing is."""
        starts = [stream.spans[0][0] for stream in self.streams.values() if stream.spans]
        return min([*starts, *(one.start_ms for one in self.sending)], default=None)

    def within(self, start_ms: int, end_ms: int) -> Iterator[Slice]:
        """Yield what is owed, cut to [start_ms, end_ms]."""
        for name, stream in self.streams.items():
            for start, end in stream.spans:
                if start <= end_ms and end >= start_ms:
                    yield Slice(name, max(start, start_ms), min(end, end_ms))

    def send(self, until_ms: int) -> list[Slice]:
        """Let what is owed up to *until_ms* be what goes out now, by time."""
        self.sending = sorted(self._take(until_ms), key=lambda one: one.start_ms)
        return self.sending

    def forget(self, until_ms: int) -> list[Slice]:
        """Take away what is owed up to *until_ms*, which is not there any more."""
        return [*self._take(until_ms)]

    def _take(self, until_ms: int) -> Iterable[Slice]:
        for name, stream in self.streams.items():
            for start, end in stream.take(until_ms):
                yield Slice(name, start, end)
