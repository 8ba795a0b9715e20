"""What a query sees: the rows in memory and the blocks on disk, of one moment."""

from __future__ import annotations

from collections.abc import Sequence

from .head import View
from .sealed import Block, SealedBlocks
from .segment import Segment
from .tiles import Span

SPANS = 64
ROWS = 20_000
"""So many spans are remembered, of at most so many rows each, which is 10 MB in all."""


class Snapshot:
    """The head's *head* and the blocks of *sealed* at one moment. For any thread."""

    __slots__ = ("_block_ms", "_sealed", "_spans", "blocks", "head")

    def __init__(self, head: View, sealed: SealedBlocks, block_ms: int) -> None:
        self.head, self.blocks = head, sealed.summaries
        self._sealed, self._block_ms = sealed, block_ms
        self._spans: dict[tuple[int, int, int], Span] = {}

    def span(self, stream: int, start_ms: int, end_ms: int) -> Span:
        """Return what of *stream* lies in [start_ms, end_ms].

        It is remembered: all rules of a group ask for the same minutes of the same streams.
        """
        asked = stream, start_ms, end_ms
        span = self._spans.get(asked)
        if span is None:
            span = Span.of(self._segments(stream, start_ms, end_ms), start_ms, end_ms)
            if len(span.timestamps) <= ROWS:
                self._remember(asked, span)
        return span

    def _remember(self, asked: tuple[int, int, int], span: Span) -> None:
        if len(self._spans) >= SPANS:
            self._spans.clear()
        self._spans[asked] = span

    def _segments(self, stream: int, start_ms: int, end_ms: int) -> Sequence[Segment]:
        """Return the segments of *stream*, by time: in blocks of the range, and all in the head."""
        head = self.head.get(stream, ())
        blocks = self._blocks(start_ms, end_ms)
        found: list[Segment] = [block[stream] for block in blocks if stream in block]
        if not found:
            return head
        found.extend(head)
        # Blocks that were imported, or a clock that went astray, may lie after the head's.
        found.sort(key=lambda segment: int(segment.timestamps[0]))
        return found

    def _blocks(self, start_ms: int, end_ms: int) -> list[Block]:
        """Return the sealed blocks that may have rows in the range, by time."""
        first, last = start_ms // self._block_ms, end_ms // self._block_ms
        few = last - first < len(self.blocks)
        return [
            self._sealed.block(number)
            for number in (range(first, last + 1) if few else self.blocks)
            if (summary := self.blocks.get(number)) is not None
            and summary.first_ms <= end_ms
            and summary.last_ms >= start_ms
        ]
