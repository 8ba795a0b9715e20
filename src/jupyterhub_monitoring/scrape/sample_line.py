"""One line of an exposition, read with care: the slow way, for lines that are new.

    http_requests_total{method="post",code="200"} 1027 1395066363000
    {"a name with spaces", "a label"="x"} 1
    foo_bucket{le="0.1"} 8 # {trace_id="abc"} 0.05 1520879607.789

The first two are of the text format 0.0.4 (as Prometheus 3 reads it, with quoted names), the last
is of OpenMetrics 1.0, whose exemplar is checked and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .numbers import parse_value

Pairs = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'(?:([a-zA-Z_][a-zA-Z0-9_]*)|"([^"\\]*(?:\\.[^"\\]*)*)")[ \t]*')
_LABEL_VALUE = re.compile(r'=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*')
_BLANKS = re.compile(r"[ \t]*")
_MILLISECONDS = re.compile(r"-?[0-9]{1,18}")
_ESCAPE = re.compile(r'\\([\\"n])')
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n"}

_LONGEST_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class SampleLine:
    """What a line says. *series_end* is where its series ends and the value follows."""

    name: str
    labels: Pairs  # as written: not sorted, perhaps empty values, no name twice
    series_end: int
    number: str  # which `parse_value` takes
    timestamp_ms: int | None = None

    @property
    def value(self) -> float:
        """The sample's value."""
        return parse_value(self.number)


def unescape(text: str) -> str:
    r"""Return *text* with `\\`, `\"` and `\n` undone; another backslash stays."""
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], text) if "\\" in text else text


def parse_text_line(line: str) -> SampleLine:
    """Return the sample of a line of the text format. `ValueError` with the reason."""
    name, labels, end = parse_series(line, _skip_blanks(line, 0))
    words = line[end:].replace("\t", " ").split(" ")
    words = [word for word in words if word]
    if not words:
        raise ValueError("there is no value")
    if len(words) > 2:
        raise ValueError(f"{words[2][:40]!r} follows the timestamp")
    parse_value(words[0])
    at = parse_milliseconds(words[1]) if len(words) == 2 else None
    return SampleLine(name, labels, end, words[0], at)


def parse_openmetrics_line(line: str) -> SampleLine:
    """Return the sample of a line of OpenMetrics. `ValueError` with the reason."""
    name, labels, end = parse_series(line, 0)
    rest, mark, exemplar = line[end:].partition(" # ")
    if mark:
        check_exemplar(exemplar)
    words = rest.split(" ")
    if words[0] or len(words) not in {2, 3} or not all(words[1:]):
        raise ValueError("a value, and perhaps a timestamp, follows the series after one space")
    parse_value(words[1])
    at = parse_seconds(words[2]) if len(words) == 3 else None
    return SampleLine(name, labels, end, words[1], at)


def parse_milliseconds(text: str) -> int:
    """Return a timestamp of the text format, which is in milliseconds."""
    if not _MILLISECONDS.fullmatch(text):
        raise ValueError(f"the timestamp {text[:40]!r} is no number of milliseconds")
    return int(text)


def parse_seconds(text: str) -> int:
    """Return an OpenMetrics timestamp, in seconds, as milliseconds."""
    milliseconds = parse_value(text) * 1000
    if not abs(milliseconds) < _LONGEST_MS:
        raise ValueError(f"the timestamp {text[:40]!r} is out of range")
    return int(milliseconds)


def check_exemplar(text: str) -> None:
    """Raise `ValueError` unless *text* is an exemplar: labels, a value, perhaps a timestamp."""
    if not text.startswith("{"):
        raise ValueError("the exemplar has no labels")
    _, end = _parse_labels(text, 1, _refuse_name)
    words = text[end:].split(" ")
    if words[0] or len(words) not in {2, 3}:
        raise ValueError("the exemplar has no value")
    parse_value(words[1])
    if len(words) == 3:
        parse_seconds(words[2])


def parse_series(line: str, start: int) -> tuple[str, Pairs, int]:
    """Return (name, labels, where the series ends) of a line. `ValueError` with the reason."""
    found = _NAME.match(line, start)
    names = [found[0]] if found else []
    end = found.end() if found else start
    brace = _skip_blanks(line, end)
    labels: Pairs = ()
    if line.startswith("{", brace):
        labels, end = _parse_labels(line, brace + 1, names.append)
    if not names:
        raise ValueError("there is no metric name")
    if len(names) > 1:
        raise ValueError(f"a second metric name, {names[1]!r}")
    if not names[0]:
        raise ValueError("the metric name is empty")
    return names[0], labels, end


def _parse_labels(line: str, place: int, name: Callable[[str], None]) -> tuple[Pairs, int]:
    """Read what follows `{`; a quoted string without a value is given to *name*."""
    pairs: dict[str, str] = {}
    place = _skip_blanks(line, place)
    while not line.startswith("}", place):
        label = _LABEL.match(line, place)
        if label is None:
            raise ValueError(f"no label name at character {place + 1}")
        value = _LABEL_VALUE.match(line, label.end())
        if value is None:
            place = _bare_name(line, label, name)
        else:
            place = value.end()
            _add(pairs, label[1] or unescape(label[2] or ""), unescape(value[1]))
        place = _next_label(line, place)
    return tuple(pairs.items()), place + 1


def _bare_name(line: str, found: re.Match[str], name: Callable[[str], None]) -> int:
    if found[2] is None or line.startswith("=", found.end()):
        raise ValueError(f"label {found[1] or found[2]!r} has no value in quotes")
    name(unescape(found[2]))
    return found.end()


def _refuse_name(name: str) -> None:
    raise ValueError(f"{name!r} is no label with a value")


def _add(pairs: dict[str, str], label: str, value: str) -> None:
    if label in pairs or label == "__name__":
        raise ValueError(f"label {label!r} is there twice")
    if not label:
        raise ValueError("a label's name is empty")
    pairs[label] = value


def _next_label(line: str, place: int) -> int:
    """Step over the comma; say where `}` is missing."""
    if line.startswith(",", place):
        return _skip_blanks(line, place + 1)
    if not line.startswith("}", place):
        raise ValueError(f"no comma and no closing brace at character {place + 1}")
    return place


def _skip_blanks(line: str, place: int) -> int:
    found = _BLANKS.match(line, place)
    return found.end() if found else place
