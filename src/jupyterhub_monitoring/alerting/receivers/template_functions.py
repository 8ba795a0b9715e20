"""The functions that Alertmanager gives to notification templates, and ours for the defaults."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import orjson

from ...errors import BadMatcher
from ...store.matcher import compiled
from ..go_template import bounded
from . import text
from .go_time import GoDuration, GoTime
from .template_data import MessageView

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
"""`$1` and `${name}` in what `reReplaceAll` puts in, and `$$` for a dollar."""


def _regex(pattern: str) -> Any:
    try:
        return compiled(pattern)
    except (BadMatcher, UnicodeEncodeError) as error:
        raise ValueError(f"error parsing regexp: {error}") from None


def _match(pattern: str, value: str) -> bool:
    return _regex(pattern).search(value) is not None


def _replace_all(pattern: str, replacement: str, value: str) -> str:
    regex, parts, made = _regex(pattern), [], 0
    position = 0
    for found in regex.finditer(value):
        parts += [value[position : found.start()], _filled(replacement, found)]
        position, made = found.end(), made + len(parts[-1]) + len(parts[-2])
        bounded(made)
    return "".join([*parts, value[position:]])


def _filled(replacement: str, found: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        dollar, bare, braced = reference.groups()
        if dollar:
            return "$"
        name = bare or braced
        known = found.re.groupindex
        number = int(name) if name.isdigit() else known.get(name, -1)
        return (found.group(number) or "") if 0 <= number <= found.re.groups else ""

    return _REFERENCE.sub(group, replacement)


def _title(value: str) -> str:
    """Return *value* with the first letter of each word large, the others as they are."""
    return re.sub(r"(^|[\s_])(\w)", lambda found: found[1] + found[2].upper(), value)


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
        return GoTime(at.at.astimezone(ZoneInfo(name)))
    except (OSError, ValueError, KeyError):
        raise ValueError(f"unknown time zone {name}") from None


def _since(at: GoTime) -> GoDuration:
    return GoTime(datetime.now(timezone.utc)).since(at)


def _humanize_duration(value: Any) -> str:
    """Return seconds as Prometheus writes them: "1d 2h 3m 4s"."""
    if isinstance(value, GoDuration):
        seconds = value.nanoseconds / 1e9
    else:
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"can't convert {value!r:.40} to a duration") from None
    sign, whole = ("-", int(-seconds)) if seconds < 0 else ("", int(seconds))
    if not whole:
        return f"{seconds:.4g}s"
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    sizes = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    first = next(position for position, (size, _) in enumerate(sizes) if size)
    return sign + " ".join(f"{size}{unit}" for size, unit in sizes[first:])


def _to_json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=lambda other: dict(other.go_fields())).decode()
    except (TypeError, AttributeError) as error:
        raise ValueError(f"toJson: {error}") from None


def _upper(value: str) -> str:
    return value.upper()


def _lower(value: str) -> str:
    return value.lower()


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
    "toUpper": _upper,
    "toLower": _lower,
    "title": _title,
    "trimSpace": _trim,
    "join": _join,
    "match": _match,
    "safeHtml": _as_is,
    "safeUrl": _as_is,
    "urlUnescape": _unquoted,
    "reReplaceAll": _replace_all,
    "stringSlice": _string_slice,
    "date": _date,
    "tz": _in_zone,
    "since": _since,
    "humanizeDuration": _humanize_duration,
    "toJson": _to_json,
    "jupyterhubTitle": _our_title,
    "jupyterhubText": _our_body,
    "jupyterhubHtml": _our_html,
}

IN_HTML: Mapping[str, Callable[..., Any]] = {"safeHtml": _unescaped, "safeUrl": _unescaped}
"""What is different where values are escaped."""
