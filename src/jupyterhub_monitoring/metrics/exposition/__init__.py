"""The page of all metrics: what `prometheus_client.generate_latest` writes, for less.

    exposition = Exposition(REGISTRY)
    pieces = await exposition.render(choose_format(accept_header))

What did not change since the last scrape is not written again, and the event loop gets its turn
every few milliseconds. For use in one thread, the event loop's; metrics may be counted in any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .family import Family
from .formats import Format, choose_format
from .slices import Slices

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["Exposition", "Format", "Slices", "choose_format"]

# A format that nobody asked for in this time gives its memory back.
FORGET_AFTER_SECONDS = 900.0


class Exposition:
    """The page of one *registry*, with what it remembers of the last scrape in each format.

    It remembers about twice the size of the page, and only of metrics and children that exist.
    *on_error* hears of what went wrong in here; the page is complete all the same.
    """

    def __init__(
        self, registry: CollectorRegistry, on_error: Callable[[Exception], None] | None = None
    ) -> None:
        self._registry = registry
        self._on_error = on_error
        self._families: dict[str, dict[Any, Family]] = {}
        self._used: dict[str, float] = {}

    async def render(self, format_: Format, slices: Slices | None = None) -> list[bytes]:
        """Return the page in pieces of some kilobytes, having let the event loop go on between."""
        slices = slices or Slices()
        page: list[bytes] = []
        for _ in self._steps(format_, page):
            await slices.pause()
        return page

    def render_at_once(self, format_: Format) -> bytes:
        """Return the page without a pause."""
        page: list[bytes] = []
        for _ in self._steps(format_, page):
            pass
        return b"".join(page)

    def _steps(self, format_: Format, page: list[bytes]) -> Iterator[None]:
        """Write the page to *page*; between two steps something else may run, a scrape too."""
        registry = self._registry
        with registry._lock:
            collectors = list(registry._collector_to_names)
            target = registry._target_info_metric() if registry._target_info else None  # type: ignore[no-untyped-call]
        if target is not None:
            page.append(format_.family(target))
        families = self._remembered(format_, collectors)
        for collector in collectors:
            yield from self._collector_steps(format_, families, collector, page)
        page.append(format_.end)

    def _collector_steps(
        self, format_: Format, families: dict[Any, Family], collector: Any, page: list[bytes]
    ) -> Iterator[None]:
        start = len(page)
        try:
            family = self._family(format_, families, collector)
            if family is not None:
                for piece in family.pieces():
                    page.append(piece)
                    yield
                return
        except Exception as error:  # noqa: BLE001 -- prometheus_client's way is still there
            del page[start:]
            families.pop(collector, None)
            if self._on_error is not None:
                self._on_error(error)
        for metric in collector.collect():
            for piece in format_.pieces(metric):
                page.append(piece)
                yield

    def _family(
        self, format_: Format, families: dict[Any, Family], collector: Any
    ) -> Family | None:
        if not Family.takes(collector, format_):
            return None
        family = families.get(collector)
        if family is None or not family.holds():
            families[collector] = family = Family(collector, format_)
        return family

    def _remembered(self, format_: Format, collectors: list[Any]) -> dict[Any, Family]:
        """Return what is remembered for *format_*; forget what is no longer there."""
        now, key = time.monotonic(), format_.cache_key
        self._used[key] = now
        for unused in [k for k, at in self._used.items() if now - at > FORGET_AFTER_SECONDS]:
            del self._used[unused]
            self._families.pop(unused, None)
        families = self._families.setdefault(key, {})
        for gone in families.keys() - set(collectors):
            del families[gone]
        return families
