"""What may be typed next: metrics, labels and their values, and PromQL's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...dashboards.panel import quoted
from ...querier import Metadata, Querier
from ...querier.querier import families_of
from .place import Place, Wanted
from .words import AGGREGATORS, DURATIONS, FUNCTIONS, KEYWORDS, Word

MOST = 50
LONGEST = 300
"""Options at once, and characters of the text about one."""

_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_NAME = re.compile(r"[A-Za-z_:][\w:]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Option:
    """*text* takes the place of the word. *then* follows, unless it is there already.

    *shown* is what one reads in the list, *detail* and *help* what it is.
    """

    text: str
    shown: str
    kind: str
    then: str = ""
    detail: str = ""
    help: str = ""


async def options(querier: Querier, place: Place, *, asked: bool = False) -> list[Option]:
    """Return what fits at *place*, the best first, at most `MOST`.

    Where values stand nothing is offered before a letter is typed, unless it is *asked* for.
    Raises what the querier raises.
    """
    if place.wanted is Wanted.DURATION:
        return _durations(place.word)
    if place.wanted is Wanted.LABEL:
        return await _labels(querier, place)
    if place.wanted is Wanted.VALUE:
        return await _values(querier, place)
    if place.wanted is Wanted.NOTHING or not (place.word or asked):
        return []
    if place.wanted is Wanted.OPERATOR:
        return _words(KEYWORDS, place.word)
    return await _operands(querier, place.word)


def ranked(names: Iterable[str], word: str) -> list[str]:
    """Return the first `MOST` of *names* that hold *word*: that begin with it, then the others."""
    wanted = word.lower()
    found = [(_rank(name.lower(), wanted), name) for name in names]
    return [name for rank, name in sorted(each for each in found if each[0] < _NO)][:MOST]


_NO = 3


def _rank(name: str, word: str) -> int:
    if name.startswith(word):
        return 0
    if f"_{word}" in name:
        return 1
    return 2 if word in name else _NO


async def _operands(querier: Querier, word: str) -> list[Option]:
    """Return words of PromQL that begin with *word* and metrics that hold it."""
    names, told = await querier.metric_names(), await querier.metadata()
    own = _words((*AGGREGATORS, *FUNCTIONS, *KEYWORDS), word) if word else []
    metrics = [_metric(name, told) for name in ranked(names.names, word)]
    return (own + metrics)[:MOST]


def _durations(typed: str) -> list[Option]:
    found = [(text, says) for text, says in DURATIONS.items() if text.startswith(typed)]
    return [Option(text, text, "duration", "", says) for text, says in found]


def _words(words: Iterable[Word], typed: str) -> list[Option]:
    found = [word for word in words if word.text.startswith(typed.lower())]
    return [
        Option(
            word.text,
            word.text,
            word.kind,
            "" if word.kind == "aggregation" else "(" if "(" in word.usage else " ",
            word.usage,
            word.meaning,
        )
        for word in found
    ]


def _metric(name: str, told: Mapping[str, Metadata]) -> Option:
    """Return a metric with what is told of it; one whose name no word can be stands in braces."""
    said = next((told[family] for family in families_of(name) if family in told), None)
    text = name if _NAME.fullmatch(name) else f'{{"{quoted(name)}"}}'
    if said is None:
        return Option(text, name, "metric")
    return Option(text, name, "metric", "", said.kind, said.help[:LONGEST])


async def _labels(querier: Querier, place: Place) -> list[Option]:
    """Return the labels of the metric, or of all series where none is named or it has none."""
    found = await querier.label_names(_selector(place.metric))
    if place.metric and not found.names:
        found = await querier.label_names()
    names = ranked((name for name in found.names if name != "__name__"), place.word)
    return [Option(_label(name), name, "label") for name in names]


async def _values(querier: Querier, place: Place) -> list[Option]:
    """Return the values of the label, quoted where no quote is open yet."""
    found = await querier.label_values(place.label, _selector(place.metric))
    open_, close = ("", place.quote) if place.quote else ('"', "")
    return [
        Option(f"{open_}{value_text(value, place)}{open_}", value[:LONGEST], "value", close)
        for value in ranked(found.names, place.word)
    ]


def _selector(metric: str) -> str:
    return f'{{__name__="{quoted(metric)}"}}' if metric else ""


def _label(name: str) -> str:
    return name if _NAME.fullmatch(name) and ":" not in name else f'"{quoted(name)}"'


def value_text(value: str, place: Place) -> str:
    """Return *value* as it stands between the quotes at *place*."""
    text = _SPECIAL.sub(r"\\\1", value) if place.regex else value
    if place.quote == "`":
        return text
    escaped = quoted(text)
    return escaped.replace('\\"', '"').replace("'", "\\'") if place.quote == "'" else escaped
