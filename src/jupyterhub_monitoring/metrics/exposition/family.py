"""One metric of the registry, in blocks that follow its children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import prometheus_client.metrics
from prometheus_client.values import MutexValue

from .blocks import CREATED, EXEMPLAR, LINES_PER_BLOCK, VALUE, Block, Column
from .formats import Format
from .layouts import LAYOUTS, LEGACY_NAME, Layout

# What a collector may have of its own, so that our layouts do not say what it says.
OVERRIDES = frozenset({"collect", "_samples", "_multi_samples", "_child_samples"})


def created_is_shown() -> bool:
    """Whether prometheus_client's own metrics expose `_created` (it can be switched)."""
    return bool(getattr(prometheus_client.metrics, "_use_created", True))


class Family:
    """The lines of one metric of a class that `LAYOUTS` knows."""

    def __init__(self, metric: Any, format_: Format) -> None:
        layout, has_created = LAYOUTS[type(metric)]
        self._created_shown = created_is_shown()
        shows_created = has_created and self._created_shown
        self._layout: Layout = layout(metric, format_, shows_created=shows_created)
        self._metric = metric
        self._exemplars = format_.openmetrics and layout.has_exemplars
        self._created_inline = shows_created and format_.openmetrics
        self._created_after = shows_created and not format_.openmetrics
        self._blocks: list[tuple[Block, Block | None]] = []
        self._children: list[Any] = []

    @staticmethod
    def takes(collector: Any, format_: Format) -> bool:
        """Whether every line of *collector* is known to us."""
        return (
            type(collector) in LAYOUTS
            and prometheus_client.values.ValueClass is MutexValue  # not in multiprocess mode
            and format_.keeps_names
            and not OVERRIDES & _own_attributes(collector)
            and all(LEGACY_NAME.fullmatch(n) for n in (collector._name, *collector._labelnames))
        )

    def holds(self) -> bool:
        """Whether this family may be used again; the switch of `_created` makes it void."""
        return self._created_shown == created_is_shown()

    def pieces(self) -> Iterator[bytes]:
        """Write the family. What is yielded was read at that moment, each child as one."""
        layout = self._layout
        blocks = self._follow_children()
        yield layout.header
        for block, _ in blocks:
            if layout.is_unusual(block.children):
                for child in block.children:
                    yield layout.ask(child)
            else:
                yield block.text()
        if self._created_after and blocks:
            yield layout.created_header()
            for _, created in blocks:
                if created is not None:
                    yield created.text()

    def _follow_children(self) -> list[tuple[Block, Block | None]]:
        """Return blocks of exactly the children that there are now, in their order.

        Blocks of which no child came or went are kept. A scrape under way goes on with its own
        list: it shows the children that there were when it came to this metric.
        """
        children = self._children_now()
        if children != self._children:
            self._blocks = self._regrouped(children)
            self._children = children
        return self._blocks

    def _children_now(self) -> list[Any]:
        metric = self._metric
        if not metric._labelnames:
            return [metric]
        with metric._lock:
            return list(metric._metrics.values())

    def _regrouped(self, children: list[Any]) -> list[tuple[Block, Block | None]]:
        # Children are in the order of their making: what is left of the old ones comes first, in
        # the old order, and then the new ones.
        blocks: list[tuple[Block, Block | None]] = []
        size = max(1, LINES_PER_BLOCK // (self._layout.width + 2))
        at = 0
        pending: list[Any] = []  # survivors of blocks that lost children, not yet in a block
        for pair in self._blocks:
            old = pair[0].children
            if len(old) == size and children[at : at + size] == old:
                blocks += self._made(pending, size)
                pending = []
                blocks.append(pair)
                at += size
                continue
            for child in old:
                if at < len(children) and children[at] is child:
                    pending.append(child)
                    at += 1
        return blocks + self._made(pending + children[at:], size)

    def _made(self, children: list[Any], size: int) -> list[tuple[Block, Block | None]]:
        return [
            self._block(children[start : start + size]) for start in range(0, len(children), size)
        ]

    def _block(self, children: Sequence[Any]) -> tuple[Block, Block | None]:
        layout = self._layout
        sources = [source for child in children for source in layout.sources(child)]
        columns = [Column(VALUE, sources, layout.width)]
        if self._exemplars:
            columns.append(Column(EXEMPLAR, sources, layout.width))
        if self._created_inline:
            columns.append(Column(CREATED, children, 1))
        created = None
        if self._created_after:
            created = Block(children, [Column(CREATED, children, 1)], layout.write_created)
        return Block(children, columns, layout.write), created


def _own_attributes(collector: Any) -> set[str]:
    # A gauge with a function has `_child_samples` of its own; its layout knows.
    own = set(vars(collector))
    if issubclass(LAYOUTS[type(collector)][0], LAYOUTS[prometheus_client.Gauge][0]):
        own.discard("_child_samples")
    return own
