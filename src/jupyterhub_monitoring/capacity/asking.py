"""What somebody asks for, in words: the same on the page, in its address and on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from ..errors import BadData
from .grouping import By
from .making import Question
from .span import Span, Terms, between, month, month_of, term

WORDS = ("month", "term", "from", "to", "by", "all")
"""What may be said; `all` is 1 where small groups are not to be merged."""


def question_of(texts: Mapping[str, str], tz: tzinfo, terms: Terms, now: float) -> Question:
    """Return what *texts* ask for, by `WORDS`; what is '' is not said. Raises `BadData`.

    Where no time is said, it is the month that *now* is in.
    """
    by = texts.get("by", "")
    if by not in {each.value for each in By}:
        known = ", ".join(each.value for each in By if each.value)
        raise BadData(f"by is one of {known}, not {by[:20]!r}")
    return Question(_span(texts, tz, terms, now), By(by), every=texts.get("all", "") == "1")


def _span(texts: Mapping[str, str], tz: tzinfo, terms: Terms, now: float) -> Span:
    said = [word for word in ("month", "term", "from") if texts.get(word)]
    if len(said) > 1:
        raise BadData(f"say one of month, term, and from with to; not {' and '.join(said)}")
    if texts.get("to") and said != ["from"]:
        raise BadData("to is said together with from")
    if not said:
        return month_of(now, tz)
    text = texts[said[0]]
    if said == ["month"]:
        return month(text, tz)
    if said == ["term"]:
        return term(text, terms, tz)
    return between(text, texts.get("to", ""), tz, now)
