"""Reads scripts in the language of Prometheus's `promql/promqltest`, and says whether answers hold.

    load 30s
      jupyterhub_running_servers{hub="a"}  3 4 _ 6
    eval instant at 1m jupyterhub_running_servers
      {__name__="jupyterhub_running_servers", hub="a"} 4

Who answers is not known here: whatever can be given samples and asked, an engine in this process or
a server behind HTTP, makes an `Answer` of what it says. What the language has for native histograms
and start timestamps is read past; an `Episode` says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import re2

from jupyterhub_monitoring.alerting.unit_test.series_notation import parse_metric, parse_values
from jupyterhub_monitoring.promql.numbers import parse_duration
from jupyterhub_monitoring.promql.quoting import unquote
from jupyterhub_monitoring.store.selection import STALE_BITS

Labels = tuple[tuple[str, str], ...]
Points = list[tuple[int, float]]  # milliseconds, value

STALE = "stale"
EPSILON = 1e-6  # relative, as promqltest has it
SMALLEST_NORMAL = 2.2250738585072014e-308


class Refused(Exception):  # noqa: N818 -- named for what happened
    """Who was asked did not answer but gave an error, whose text this is."""


@dataclass
class Answer:
    """What a query gave: series of one point for a vector, of several for a matrix."""

    kind: str  # "vector", "matrix", "scalar" or "string"
    series: list[tuple[Labels, Points]] = field(default_factory=list)
    number: float = math.nan
    text: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass
class Message:
    """`msg:` or `regex:` of an expect line; without either, any text will do."""

    text: str | None = None
    pattern: str | None = None

    def fits(self, said: str) -> bool:
        if self.pattern is not None:
            return re2.search(self.pattern, said) is not None
        return self.text is None or self.text == said


@dataclass
class Eval:
    """One `eval`: the query, and what must hold of the answer."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int = 0  # 0: an instant query
    series: dict[Labels, list[float | None]] = field(default_factory=dict)  # in order
    number: float | None = None
    text: str | None = None
    range_vector: tuple[int, int, int] | None = None  # from, to, step
    expects: dict[str, list[Message]] = field(default_factory=dict)

    @property
    def fails(self) -> bool:
        return "fail" in self.expects


@dataclass
class Episode:
    """The samples that are there when some evals are asked: all loaded since the last `clear`."""

    samples: dict[Labels, dict[int, float | str]] = field(default_factory=dict)
    evals: list[Eval] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # what is no float series, as written


def read(path: Path) -> list[Episode]:
    """Return the episodes of the script at *path* that ask something."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    lines = ["" if line.startswith("#") else line for line in lines]
    episodes, current, at = [], Episode(), 0
    while at < len(lines):
        command, body = lines[at].split(None, 1)[0] if lines[at] else "", []
        first = at
        at += 1
        if command.startswith(("load", "eval")):
            while at < len(lines) and lines[at]:
                body.append(lines[at])
                at += 1
        if command == "clear":
            episodes.append(current)
            current = Episode()
        elif command.startswith("load"):
            episodes.append(current)
            current = Episode(
                {labels: dict(points) for labels, points in current.samples.items()},
                skipped=list(current.skipped),
            )
            if command == "load_with_nhcb":  # would make native histograms of the buckets too
                current.skipped.append(lines[first])
            _load(current, milliseconds(lines[first].split()[1]), body)
        elif command.startswith("eval"):
            current.evals.append(_eval(first + 1, lines[first], body))
        elif command:
            raise ValueError(f"{path.name}:{first + 1}: {lines[first]}")
    return [episode for episode in [*episodes, current] if episode.evals]


def _load(episode: Episode, step_ms: int, body: list[str]) -> None:
    for line in body:
        if "{{" in line or re.search(r"@st\s", line):
            episode.skipped.append(line)
            continue
        labels, values = _series(line)
        points = episode.samples.setdefault(labels, {})
        points.update({n * step_ms: v for n, v in enumerate(values) if v is not None})


INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$")
RANGE = re.compile(
    r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$"
)
EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$")
RANGE_VECTOR = re.compile(r"expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$")


def _eval(number: int, line: str, body: list[str]) -> Eval:
    if found := INSTANT.match(line):
        kind, at, query = found.groups()
        case = Eval(number, query, milliseconds(at), milliseconds(at))
    elif found := RANGE.match(line):
        kind, *times, query = found.groups()
        case = Eval(number, query, *map(milliseconds, times))
    else:
        raise ValueError(line)
    if kind:
        case.expects[kind] = [Message()]
    for expected in body:
        _expect(case, expected)
    return case


def _expect(case: Eval, line: str) -> None:
    if line.startswith("expected_fail_message"):
        case.expects["fail"] = [Message(text=line.split(None, 1)[1])]
    elif line.startswith("expected_fail_regexp"):
        case.expects["fail"] = [Message(pattern=line.split(None, 1)[1])]
    elif found := RANGE_VECTOR.match(line):
        first, last, step = map(milliseconds, found.groups())
        case.range_vector = first, last, step
    elif line.startswith("expect string"):
        case.text = unquote(line.removeprefix("expect string").strip())
    elif found := EXPECT.match(line):
        what, how, text = found.groups()
        wanted = text.strip() if text else None
        message = Message(pattern=wanted) if how == "regex" else Message(text=wanted)
        case.expects.setdefault(what, []).append(message)
    elif (number := _number(line)) is not None:
        case.number = number
    elif "{{" in line:
        case.expects["histogram"] = []
    else:
        labels, values = _series(line)
        case.series[labels] = [None if v is None else float(v) for v in values]


SERIES = re.compile(
    r"""([^\s{]*(?:\{(?:[^}"'`]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)*\})?)(.*)"""
)


def _series(line: str) -> tuple[Labels, list[float | str | None]]:
    """Read `name{label="value"} 1 2+3x4 _ stale`."""
    found = SERIES.fullmatch(line)
    assert found, line
    metric, values = found.groups()
    return parse_metric(metric), [_value(value) for value in parse_values(values)]


def _value(value: float | None) -> float | str | None:
    marks_the_end = value is not None and np.float64(value).view(np.int64) == STALE_BITS
    return STALE if marks_the_end else value


def _number(text: str) -> float | None:
    try:
        return float(int(text, 0)) if re.fullmatch(r"[-+]?0[xX]\w+", text) else float(text)
    except ValueError:
        return None


def milliseconds(text: str) -> int:
    """Return the duration that `1h30m`, `10s53ms` or `0` mean."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    return 0 if digits == "0" else sign * parse_duration(digits)


Ask = Callable[[str, int, int, int], Answer]
"""(query, start, end, step; step 0 is an instant query) to its answer; or raises `Refused`."""


def check(case: Eval, ask: Ask) -> None:
    """Assert that what *case* expects is what *ask* answers, and as a step of a range query."""
    try:
        answer = ask(case.query, case.start_ms, case.end_ms, case.step_ms)
    except Refused as refused:
        _check_refusal(case, str(refused))
        return
    assert not case.fails, f"{case.query} should fail with {case.expects['fail']}, gave {answer}"
    _check_annotations(case, answer)
    _check_value(case, answer)
    if answer.kind in {"vector", "scalar"} and _can_be_asked_as_range(case):
        minute = 60_000
        ranged = ask(case.query, case.start_ms - minute, case.start_ms + minute, minute)
        _check_value(case, _at(ranged, case.start_ms, answer.kind))


def _check_refusal(case: Eval, said: str) -> None:
    assert case.fails, f"{case.query}: {said}"
    assert case.expects["fail"][0].fits(said), said


def _can_be_asked_as_range(case: Eval) -> bool:
    depends = re.search(r"\b(start|end|range|step)\(\)", case.query)
    return not depends and "ordered" not in case.expects


def _at(ranged: Answer, time_ms: int, kind: str) -> Answer:
    """Return the step at *time_ms* of a range query as the answer to an instant query."""
    _check_sorted(ranged)
    series = [(labels, [p for p in points if p[0] == time_ms]) for labels, points in ranged.series]
    series = [(labels, points) for labels, points in series if points]
    return Answer(kind, series, number=series[0][1][0][1] if kind == "scalar" else math.nan)


def _check_annotations(case: Eval, answer: Answer) -> None:
    for kind, said in (("warn", answer.warnings), ("info", answer.infos)):
        assert f"no_{kind}" not in case.expects or not said, f"{kind} not expected: {said}"
        if wanted := case.expects.get(kind):
            missing = [m for m in wanted if not any(m.fits(text) for text in said)]
            assert not missing, f"expected {kind} {missing}, got {said}"
            surplus = [text for text in said if not any(m.fits(text) for m in wanted)]
            assert not surplus, f"unexpected {kind} {surplus}"


def _check_value(case: Eval, answer: Answer) -> None:
    if answer.kind == "string":
        assert answer.text == case.text
    elif answer.kind == "scalar":
        assert case.number is not None, f"a scalar was not expected: {answer}"
        assert almost_equal(answer.number, case.number), f"{answer.number} != {case.number}"
    else:
        assert case.number is None, f"a scalar was expected, not {answer}"
        if answer.kind == "matrix":
            _check_sorted(answer)
        _check_series(case, answer)


def _check_series(case: Eval, answer: Answer) -> None:
    got = [labels for labels, _points in answer.series]
    assert set(got) == set(case.series), f"series {got}, expected {list(case.series)}"
    assert len(got) == len(set(got)), f"a series is there twice: {got}"
    if "ordered" in case.expects:
        assert got == list(case.series)
    start, _end, step = case.range_vector or (case.start_ms, case.end_ms, case.step_ms)
    for labels, points in answer.series:
        values = case.series[labels]
        wanted = [(start + n * step, v) for n, v in enumerate(values) if v is not None]
        times = [time for time, _value in points]
        assert times == [time for time, _value in wanted], f"{labels}: {points}, not {wanted}"
        for (_time, value), (_same, expected) in zip(points, wanted, strict=True):
            assert almost_equal(value, expected), f"{labels}: {points}, not {wanted}"


def _check_sorted(answer: Answer) -> None:
    got = [labels for labels, _points in answer.series]
    assert got == sorted(got), f"a matrix has to be sorted by labels: {got}"


def almost_equal(a: float, b: float) -> bool:
    """Say whether *a* and *b* are both NaN, or differ by less than the tolerance."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < SMALLEST_NORMAL:
        return difference < EPSILON * SMALLEST_NORMAL
    return difference / total < EPSILON
