"""Which series there are, and which of them a selector means.

The labels of all series are columns of symbols, one row per series. A matcher is a look at one
column: 100,000 comparisons of integers take 20 microseconds, so that there is nothing to gain from
lists of postings. What a regular expression says of a value is asked once per distinct value.

One thread adds; any number read, without a lock: they see the `_Rows` of one moment.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .label_table import Columns, LabelTable
from .matcher import Matcher
from .matcher_values import MatcherValues
from .selection import Labels
from .symbols import Symbols

if TYPE_CHECKING:
    from .plan import StreamPlan

Ids = NDArray[np.int64]
Int32s = NDArray[np.int32]

CACHED_SELECTORS = 256


@dataclass(frozen=True, slots=True)
class _Rows:
    """All series at one moment. The arrays are longer than `size`; what is beyond is nobody's."""

    ids: Ids
    columns: Columns
    size: int = 0
    generation: int = 0


@dataclass(slots=True)
class Matched:
    """The series that a selector means: their ids, ascending, and their labels in that order.

    *plans* are what the store makes of them for the first query, and keeps for the next ones.
    """

    ids: Ids
    labels: LabelTable
    plans: Sequence[StreamPlan] | None = None


class SeriesIndex:
    """The label sets of all series, by id.

    A *key* is a label set as the store keeps it: the symbols (int32, little-endian) of name, value,
    name, value ..., sorted by name.
    """

    def __init__(self, symbols: Symbols | None = None) -> None:
        self.symbols = symbols or Symbols()
        self._by_key: dict[bytes, int] = {}
        self._rows = _Rows(np.empty(64, dtype=np.int64), {})
        self._values: dict[str, MatcherValues] = {}
        self._cache: OrderedDict[tuple[Matcher, ...], tuple[int, Matched]] = OrderedDict()
        self._lock = threading.Lock()  # of the two caches

    def __len__(self) -> int:
        return self._rows.size

    @property
    def generation(self) -> int:
        """Return a number that changes whenever series come or go."""
        return self._rows.generation

    @property
    def ids(self) -> Ids:
        """Return the ids of all series, in no order, shape (len,)."""
        rows = self._rows
        return rows.ids[: rows.size]

    def key(self, labels: Labels) -> bytes:
        """Return the key of *labels*, which are sorted and without empty values.

        Strings that were never seen become symbols: the caller keeps them before the key.
        """
        intern = self.symbols.intern
        return np.array([intern(text) for pair in labels for text in pair], dtype="<i4").tobytes()

    def find(self, key: bytes) -> int | None:
        """Return the id of the series with this key."""
        return self._by_key.get(key)

    def labels(self, key: bytes) -> Labels:
        """Return the label set of *key*."""
        texts = self.symbols.texts(np.frombuffer(key, dtype="<i4"))
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def add(self, ids: Sequence[int], keys: Sequence[bytes]) -> None:
        """Add series; none of them is there yet. Much faster for many at once."""
        if not ids:
            return
        rows = self._rows
        size = rows.size + len(ids)
        grown = _grown(rows, size)
        grown.ids[rows.size : size] = ids
        columns = dict(grown.columns)
        for name, places, values in _by_name(self.symbols, keys):
            if name not in columns:
                columns[name] = np.zeros(len(grown.ids), dtype=np.int32)
            columns[name][rows.size + places] = values
        self._by_key.update(zip(keys, ids, strict=True))
        self._rows = _Rows(grown.ids, columns, size, rows.generation + 1)

    def discard(self, ids: Iterable[int]) -> None:
        """Forget series; unknown ids are none of them."""
        gone = set(ids)
        rows = self._rows
        keep = np.flatnonzero(~np.isin(rows.ids[: rows.size], np.array(sorted(gone), np.int64)))
        self._by_key = {key: one for key, one in self._by_key.items() if one not in gone}
        columns = {name: column[keep] for name, column in rows.columns.items()}
        columns = {name: column for name, column in columns.items() if column.any()}
        self._rows = _Rows(rows.ids[keep], columns, len(keep), rows.generation + 1)
        with self._lock:
            self._values.clear()
            self._cache.clear()

    def matching(self, matchers: Sequence[Matcher]) -> Matched:
        """Return the series that satisfy all *matchers*; all series when there are none."""
        selector, rows = tuple(matchers), self._rows
        with self._lock:
            generation, matched = self._cache.get(selector, (-1, None))
        if matched is not None and generation == rows.generation:
            return matched
        matched = self._table(rows, self._search(rows, selector))
        with self._lock:
            self._cache[selector] = rows.generation, matched
            self._cache.move_to_end(selector)
            if len(self._cache) > CACHED_SELECTORS:
                self._cache.popitem(last=False)
        return matched

    def matching_any(self, selectors: Sequence[Sequence[Matcher]]) -> Matched:
        """Return the series that satisfy one of *selectors* at least; all when there are none."""
        if len(selectors) < 2:
            return self.matching(selectors[0] if selectors else ())
        rows = self._rows
        found = [self._search(rows, tuple(selector)) for selector in selectors]
        return self._table(rows, np.unique(np.concatenate(found)))

    def _search(self, rows: _Rows, selector: tuple[Matcher, ...]) -> NDArray[np.intp]:
        """Return the rows that satisfy all matchers; each looks only at what the last one left."""
        found: NDArray[np.intp] | None = None
        for matcher in sorted(selector, key=lambda matcher: matcher.type.value != "="):
            column = rows.columns.get(matcher.name)
            if column is None:
                if matcher.test()(""):
                    continue
                return np.empty(0, dtype=np.intp)
            column = column[: rows.size]
            if found is None:
                found = np.flatnonzero(self._accept(matcher, column))
            else:
                found = found[self._accept(matcher, column[found])]
        return np.arange(rows.size) if found is None else found

    def _accept(self, matcher: Matcher, column: Int32s) -> NDArray[np.bool_]:
        with self._lock:
            values = self._values.get(matcher.name)
            if values is None:
                values = self._values[matcher.name] = MatcherValues(self.symbols)
        return values.accept(matcher, column)

    def _table(self, rows: _Rows, found: NDArray[np.intp]) -> Matched:
        ids = rows.ids[found]
        if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids)
            ids, found = ids[order], found[order]
        columns = {name: column[found] for name, column in sorted(rows.columns.items())}
        columns = {name: column for name, column in columns.items() if column.any()}
        return Matched(ids, LabelTable(self.symbols, columns, len(found)))


def _grown(rows: _Rows, size: int) -> _Rows:
    """Return *rows* with room for *size* series; the arrays of before stay as they were."""
    if size <= len(rows.ids):
        return rows
    room = max(size, 2 * len(rows.ids)) - len(rows.ids)
    columns = {
        name: np.concatenate([column, np.zeros(room, dtype=np.int32)])
        for name, column in rows.columns.items()
    }
    ids = np.concatenate([rows.ids, np.zeros(room, dtype=np.int64)])
    return _Rows(ids, columns, rows.size, rows.generation)


def _by_name(
    symbols: Symbols, keys: Sequence[bytes]
) -> Iterable[tuple[str, NDArray[np.intp], Int32s]]:
    """Yield (label name, positions in *keys* of those that have it, symbols of its values)."""
    pairs = np.frombuffer(b"".join(keys), dtype="<i4").reshape(-1, 2)
    lengths = np.fromiter((len(key) for key in keys), dtype=np.intp, count=len(keys)) // 8
    owner = np.repeat(np.arange(len(keys)), lengths)
    for name in np.unique(pairs[:, 0]):
        chosen = pairs[:, 0] == name
        yield symbols.text(int(name)), owner[chosen], pairs[chosen, 1]
