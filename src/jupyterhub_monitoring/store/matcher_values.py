"""What matchers say of the values of one label, remembered: values repeat, and so do queries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .matcher import Matcher, MatchType
from .symbols import Symbols

CACHED_PATTERNS = 64
SPECIAL = frozenset("\\.+*?()[]{}^$|")
UNKNOWN, NO, YES = 0, 1, 2


class MatcherValues:
    """The verdicts of matchers on the values of one label."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._verdicts: OrderedDict[Matcher, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def accept(self, matcher: Matcher, column: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which values of *column* (symbols) satisfy *matcher*."""
        if matcher.type in {MatchType.EQUAL, MatchType.NOT_EQUAL}:
            number = self._symbols.find(matcher.value)
            equal: NDArray[np.bool_] = column == (-1 if number is None else number)
            return equal if matcher.type is MatchType.EQUAL else ~equal
        verdicts = self._remembered(matcher, int(column.max(initial=0)) + 1)
        answers = verdicts[column]
        if (answers == UNKNOWN).any():
            self._ask(matcher, verdicts, np.unique(column[answers == UNKNOWN]))
            answers = verdicts[column]
        yes: NDArray[np.bool_] = answers == YES
        return yes

    def _remembered(self, matcher: Matcher, size: int) -> NDArray[np.uint8]:
        """Return the verdicts so far by symbol, at least *size* of them."""
        with self._lock:
            verdicts = self._verdicts.get(matcher, np.zeros(0, dtype=np.uint8))
            if len(verdicts) < size:
                more = np.zeros(2 * size - len(verdicts), dtype=np.uint8)
                verdicts = np.concatenate([verdicts, more])
            self._verdicts[matcher] = verdicts
            self._verdicts.move_to_end(matcher)
            if len(self._verdicts) > CACHED_PATTERNS:
                self._verdicts.popitem(last=False)
        return verdicts

    def _ask(
        self, matcher: Matcher, verdicts: NDArray[np.uint8], numbers: NDArray[np.int32]
    ) -> None:
        test = quick_test(matcher)
        answers = (YES if test(text) else NO for text in self._symbols.texts(numbers))
        verdicts[numbers] = np.fromiter(answers, dtype=np.uint8, count=len(numbers))


def quick_test(matcher: Matcher) -> Callable[[str], bool]:
    """Return `matcher.test()`, or what gives the same answers faster for the usual patterns."""
    positive = _quick_regex(matcher.value)
    if positive is None:
        return matcher.test()
    if matcher.type is MatchType.REGEX:
        return positive
    return lambda text: not positive(text)


def _quick_regex(pattern: str) -> Callable[[str], bool] | None:
    """Return a test for `a|b|c`, `prefix.*` or `prefix.+`; None for other patterns."""
    if SPECIAL.isdisjoint(pattern.replace("|", "")):
        return frozenset(pattern.split("|")).__contains__
    prefix, ending = pattern[:-2], pattern[-2:]
    if ending not in {".*", ".+"} or not SPECIAL.isdisjoint(prefix):
        return None
    least = len(prefix) + (ending == ".+")
    return lambda text: len(text) >= least and text.startswith(prefix)
