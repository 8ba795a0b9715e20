"""The functions that Alertmanager gives to notification templates, and ours for the defaults."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import orjson

from ..go_template import GoObject, bounded
from ..go_template.times import RFC3339_NANO, GoDuration, GoTime
from ..go_template.values import type_name
from ..rules.humanize import humanize_duration
from ..rules.template_text import match, re_replace_all, to_lower, to_upper
from . import text
from .template_data import MessageView, Pair

_WORD = re.compile(r"\w+(?:['.:\u00b7\u2019]\w+)*")
"""Letters, digits and underscores, and what stands in the middle of "o'neil" or "a.b"."""


def _title(value: str) -> str:
    """Return *value* with the first letter of each word large, all others small.

    Prometheus's `title` leaves the others as they are.
    """
    return _WORD.sub(lambda word: _titled(word[0]), value)


def _titled(word: str) -> str:
    first = next((at for at, one in enumerate(word) if one.lower() != one.upper()), 0)
    return word[:first] + word[first : first + 1].title() + word[first + 1 :].lower()


def _join(separator: str, values: list) -> str:  # type: ignore[type-arg] # Go's slice of anything
    texts = [str(value) for value in values]
    bounded(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _string_slice(*values: str) -> list[str]:
    return list(values)


def _date(layout: str, at: GoTime) -> str:
    return at.format(layout)


def _in_zone(name: str, at: GoTime) -> GoTime:
    try:
        return at.in_zone(ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        raise ValueError(f"unknown time zone {name}") from None


def _since(at: GoTime) -> GoDuration:
    return GoDuration(time.time_ns() - at.nanoseconds)


def _to_json(value: Any) -> str:
    try:
        return orjson.dumps(value, _for_json, orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError as error:
        raise ValueError(f"toJson: {error}") from None


def _for_json(value: Any) -> Any:
    """Return what JSON has for a value of ours, as Go writes it."""
    if isinstance(value, GoTime):
        return value.format(RFC3339_NANO)
    if isinstance(value, GoDuration):
        return value.nanoseconds
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Pair):
        return dict(value.go_fields())
    if isinstance(value, GoObject):
        return {name[0].lower() + name[1:]: each for name, each in value.go_fields().items()}
    raise TypeError(f"{type_name(value)} has no JSON")


def _trim(value: str) -> str:
    return value.strip()


def _as_is(value: str) -> str:
    return value


def _unescaped(value: str) -> str:
    return html.unescape(value)


def _unquoted(value: str) -> str:
    return unquote_plus(value)


def _our_title(data: MessageView) -> str:
    return text.title(data.message)


def _our_body(data: MessageView) -> str:
    return text.body(data.message)


def _our_html(data: MessageView) -> str:
    return html.escape(text.body(data.message)).replace("\n", "<br>\n")


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "toUpper": to_upper,
    "toLower": to_lower,
    "title": _title,
    "trimSpace": _trim,
    "join": _join,
    "match": match,
    "safeHtml": _as_is,
    "safeUrl": _as_is,
    "urlUnescape": _unquoted,
    "reReplaceAll": re_replace_all,
    "stringSlice": _string_slice,
    "date": _date,
    "tz": _in_zone,
    "since": _since,
    "humanizeDuration": humanize_duration,
    "toJson": _to_json,
    "jupyterhubTitle": _our_title,
    "jupyterhubText": _our_body,
    "jupyterhubHtml": _our_html,
}

IN_HTML: Mapping[str, Callable[..., Any]] = {"safeHtml": _unescaped, "safeUrl": _unescaped}
"""What is different where values are escaped."""
