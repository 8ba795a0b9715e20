"""Every kind of engine gives the same answers about the same samples, and refuses alike.

Where VictoriaMetrics is known to differ, a test says so.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.errors import MonitoringError, ParseError
from jupyterhub_monitoring.querier import Instant, Kind, Querier, Shape, Span, asking_as, kind_of

AT = 1_700_000_040  # as in conftest.py: samples every 15 s from 20 minutes before on
SPAN = Span(AT - 900, AT - 60, 60)
"""Within the time in which all series are alive, but for bob's, which ends in it."""

LAST = 79  # the number of the last sample

INSTANTS: dict[str, dict[tuple[str, ...], float]] = {
    "up": {("hub:80",): 1, ("node:91",): 0},
    "up == 1": {("hub:80",): 1},
    "count(up)": {(): 2},
    'requests_total{code=~"2.."}': {("200",): 1000 + 30 * LAST},
    "sum by (code) (rate(requests_total[5m]))": {("200",): 2, ("404",): 0.2, ("500",): 0},
    "sum(increase(requests_total[10m]))": {(): 1320},
    "histogram_quantile(0.5, sum by (le) (rate(duration_seconds_bucket[5m])))": {(): 0.325},
    "max by (user) (memory_bytes)": {("ann",): 1.002e9, ('é"\\',): 2.0079e9},
    "sum by (user) (avg_over_time(memory_bytes[5m]))": {("ann",): 1.003e9, ('é"\\',): 2.00695e9},
    "sum by (user) (memory_bytes offset 10m)": {
        ("ann",): 1.004e9,
        ("bob",): 5e8,
        ('é"\\',): 2.0039e9,
    },
    "sum by (server) (memory_bytes > 1.5e9)": {("<b>&'",): 2.0079e9},
    "sum by (instance) (memory_bytes / on (job) group_left (instance) up)": {("hub:80",): 3.0099e9},
    'up and on (job) memory_bytes{user="ann"}': {("hub:80",): 1},
    "absent(nothing)": {(): 1},
    "nothing": {},
}

ONE_LABEL = ("code", "user", "server", "instance")


def short(instant: Instant) -> dict[tuple[str, ...], float]:
    """Return the samples by their labels but for job and name, of which each has one at most."""
    return {
        tuple(sample.labels[name] for name in ONE_LABEL if name in sample.labels)[:1]: sample.value
        for sample in instant.samples
    }


@pytest.mark.parametrize("expr", INSTANTS)
async def test_instants(querier: Querier, expr: str):
    """What an expression gives at an instant is what the samples say."""
    answer = await querier.instant(expr, AT)
    assert (answer.shape, answer.at, answer.warnings) == (Shape.VECTOR, AT, ())
    assert short(answer) == pytest.approx(INSTANTS[expr], rel=1e-9)


async def test_all_labels(querier: Querier):
    """A sample has its labels with the metric's name, whatever signs are in them."""
    answer = await querier.instant('memory_bytes{server!=""}', AT)
    assert [dict(sample.labels) for sample in answer.samples] == [
        {
            "__name__": "memory_bytes",
            "instance": "hub:80",
            "job": "jupyterhub",
            "server": "<b>&'",
            "user": 'é"\\',
        }
    ]


async def test_order(querier: Querier):
    """Samples come in the order that the query asks for."""
    answer = await querier.instant("sort_desc(requests_total)", AT)
    assert [sample.labels["code"] for sample in answer.samples] == ["200", "404", "500"]


async def test_scalar(querier: Querier):
    """A scalar is one sample without labels."""
    answer = await querier.instant('scalar(up{job="node"}) + 1/4', AT)
    assert answer.shape is Shape.SCALAR
    assert answer.value == 0.25
    assert answer.samples[0].labels == {}


async def test_string(querier: Querier):
    """A string is a text."""
    answer = await querier.instant('("a\\n<b>")', AT)
    assert (answer.shape, answer.text, answer.samples) == (Shape.STRING, "a\n<b>", ())


async def test_stored_samples(querier: Querier):
    """A range at an instant gives the samples as they are kept, series by series."""
    answer = await querier.instant("up[1m]", AT)
    assert answer.shape is Shape.MATRIX
    assert [one.labels["job"] for one in answer.stored] == ["jupyterhub", "node"]
    assert answer.stored[0].times.tolist() == [AT - 45 + 15 * n + 0.217 for n in range(3)] or (
        answer.stored[0].times.tolist() == [AT - 60 + 15 * n + 0.217 for n in range(4)]
    )
    assert set(answer.stored[0].values.tolist()) == {1.0}


async def test_now(querier: Querier):
    """Without a time it is now, when these samples are long over."""
    answer = await querier.instant("count(up) or vector(7)")
    assert answer.value == 7


async def test_a_range(querier: Querier):
    """Lines are sorted by labels and have a number for each time."""
    answer = await querier.range("requests_total", SPAN)
    assert answer.times.tolist() == [AT - 900 + 60 * n for n in range(15)]
    assert [line.labels["code"] for line in answer.lines] == ["200", "404", "500"]
    first = math.floor((1200 - 900 - 0.217) / 15)
    expected = [1000.0 + 30 * (first + 4 * n) for n in range(15)]
    assert answer.lines[0].values.tolist() == expected


async def test_steps_of_any_length(querier: Querier):
    """Steps need not be whole seconds, nor multiples of anything."""
    span = Span(AT - 900.5, AT - 700, 7.25)
    answer = await querier.range("sum(up)", span)
    assert answer.times.tolist() == [AT - 900.5 + 7.25 * n for n in range(28)]
    assert answer.lines[0].values.tolist() == [1.0] * 28


async def test_no_sample(querier: Querier):
    """Where a series has no sample its line is NaN; a series without any has no line."""
    answer = await querier.range('memory_bytes{user="bob"}', Span(AT - 1200, AT, 60))
    there = ~np.isnan(answer.lines[0].values)
    assert len(answer.lines) == 1
    assert not there[:5].any()
    assert there[6:9].all()
    assert not there[-4:].any()
    assert (await querier.range("memory_bytes < 0", SPAN)).lines == ()


async def test_real_nan(engine: tuple[str, Any], querier: Querier):
    """An instant keeps a real NaN, which VictoriaMetrics leaves out; a line draws none."""
    answer = await querier.instant("up * NaN", AT)
    numbers = [math.isnan(sample.value) for sample in answer.samples]
    assert numbers == ([] if engine[0] == "victoria-metrics" else [True, True])
    lines = (await querier.range("up * NaN", SPAN)).lines
    assert all(np.isnan(line.values).all() for line in lines)


async def test_a_scalar_over_time(querier: Querier):
    """A scalar over time is one line without labels."""
    answer = await querier.range("time()", SPAN)
    assert [dict(line.labels) for line in answer.lines] == [{}]
    assert answer.lines[0].values.tolist() == answer.times.tolist()


Ask = Callable[[Querier], Awaitable[Any]]


def instant(expr: str) -> Ask:
    return lambda querier: querier.instant(expr, AT)


def in_range(expr: str, span: Span = SPAN) -> Ask:
    return lambda querier: querier.range(expr, span)


REFUSED: dict[str, tuple[Ask, Kind, int | None]] = {
    "unfinished": (instant("1+"), Kind.WRONG_QUERY, 2),
    "not closed": (instant("sum(up"), Kind.WRONG_QUERY, 6),
    "second line": (instant("up\n+ nofunc(up)"), Kind.WRONG_QUERY, 5),
    "two words": (instant("foo bar"), Kind.WRONG_QUERY, 4),
    "no such function": (instant("1 + nofunc(up)"), Kind.WRONG_QUERY, 4),
    "regular expression": (instant('up{job=~"["}'), Kind.WRONG_QUERY, 3),
    "over time": (in_range("up{"), Kind.WRONG_QUERY, 3),
    "range over time": (in_range("up[5m]"), Kind.WRONG_QUERY, None),
    "string over time": (in_range('"a"'), Kind.WRONG_QUERY, None),
    "selector": (lambda q: q.label_names("up{"), Kind.WRONG_QUERY, 3),
    "selects all": (lambda q: q.label_names('{job=~".*"}'), Kind.WRONG_QUERY, None),
    "no label": (lambda q: q.label_values(""), Kind.WRONG_QUERY, None),
    "no time": (lambda q: q.instant("up", math.nan), Kind.WRONG_QUERY, None),
    "many to many": (
        instant('{job="jupyterhub"} + on (job) {job="jupyterhub"}'),
        Kind.FAILED,
        None,
    ),
    "samples": (instant("sum_over_time(up[30m:10ms])"), Kind.TOO_EXPENSIVE, None),
    "points": (in_range("up", Span(AT - 20_000, AT, 1)), Kind.TOO_EXPENSIVE, None),
    "length": (instant("up" + " " * 20_000), Kind.TOO_EXPENSIVE, None),
    "nesting": (instant("(" * 60 + "1" + ")" * 60), Kind.TOO_EXPENSIVE, None),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_errors(querier: Querier, case: str):
    """Each has the kind and, where it is in the text, the place, whoever answers."""
    ask, kind, start = REFUSED[case]
    with pytest.raises(MonitoringError) as refused:
        await ask(querier)
    assert kind_of(refused.value) is kind, refused.value
    assert str(refused.value)
    if start is not None:
        assert isinstance(refused.value, ParseError)
        assert refused.value.start == start


async def test_another_dialect(engine: tuple[str, Any], querier: Querier):
    """What is not Prometheus's is an error with its place, or an answer with a warning."""
    if engine[0] == "victoria-metrics":
        answer = await querier.instant("sum(1)", AT)
        assert answer.value == 1
        assert "1:5: parse error" in answer.warnings[0]
    else:
        with pytest.raises(ParseError, match="1:5"):
            await querier.instant("sum(1)", AT)


async def test_names(querier: Querier):
    """Names of metrics and labels, and values of a label, are sorted, and cut where asked."""
    every = await querier.metric_names()
    assert every.names == ("duration_seconds_bucket", "memory_bytes", "requests_total", "up")
    assert not every.more
    assert (await querier.metric_names("re")).names == ("requests_total",)
    assert (await querier.metric_names("e.*")).names == ()
    two = await querier.metric_names(limit=2)
    assert (two.names, two.more) == (every.names[:2], True)
    assert (await querier.label_names("up")).names == ("__name__", "instance", "job")
    assert (await querier.label_values("code")).names == ("200", "404", "500")
    assert (await querier.label_values("user", 'memory_bytes{user!="ann"}')).names == (
        "bob",
        'é"\\',
    )
    assert (await querier.label_values("user", start=AT - 900, end=AT)).names[0] == "ann"
    assert (await querier.label_values("user", start=AT - 9e5, end=AT - 8e5)).names == ()
    assert (await querier.label_values("nothing")).names == ()


async def test_metadata(querier: Querier):
    """What nothing is told of is absent."""
    assert await querier.metadata() == {}
    assert await querier.metadata("requests_total") == {}


async def test_a_burst(querier: Querier):
    """All panels of a page may ask at once."""
    asking_as("ann")
    asked = [querier.range(f"sum(up) + {number}", SPAN) for number in range(60)]
    answers = await asyncio.gather(*asked)
    assert [answer.lines[0].values[0] for answer in answers] == [1.0 + n for n in range(60)]
