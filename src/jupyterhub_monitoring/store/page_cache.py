"""Unpacked pages, kept as long as there is room: the next query finds them ready."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from .page import DecodedPage, decode


class PageCache:
    """The pages used last, of at most *limit_bytes* together. Any thread may ask."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._pages: OrderedDict[Hashable, DecodedPage] = OrderedDict()
        self._lock = threading.Lock()
        self.held_bytes = 0

    def page(self, key: Hashable, read: Callable[[], bytes]) -> DecodedPage:
        """Return the page of *key*; where it is not kept, unpack what *read* gives.

        Two threads that miss the same page at once both unpack it: that is cheaper than waiting.
        """
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        page = decode(read())
        with self._lock:
            if key not in self._pages:
                self._pages[key] = page
                self.held_bytes += page.nbytes
            while self.held_bytes > self._limit and self._pages:
                self.held_bytes -= self._pages.popitem(last=False)[1].nbytes
        return page
