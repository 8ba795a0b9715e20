"""Regular expressions as Go's `regexp` reads them: RE2, in which `.` is no newline."""

from __future__ import annotations

from functools import lru_cache

import re2

from ..errors import BadMatcher


@lru_cache(maxsize=4096)
def compiled(pattern: str, *, whole: bool = False) -> re2._Regexp:
    """Return *pattern*, compiled; where *whole*, it matches a whole text or nothing.

    Raises `BadMatcher`. PromQL's own matchers differ: see `store.matcher.compiled`.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20  # as for PromQL's matchers: a thousand names joined by | fit
    try:
        return re2.compile(f"^(?:{pattern})$" if whole else pattern, options)
    except re2.error as error:
        text = error.args[0]
        reason = text.decode() if isinstance(text, bytes) else str(text)
        raise BadMatcher(pattern, reason) from None
