"""Parameters are read as Prometheus reads them, and refused with its words."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyterhub_monitoring.api.parameters import (
    EARLIEST_MS,
    LATEST_MS,
    Parameters,
    parse_duration,
    parse_integer,
    parse_time,
)
from jupyterhub_monitoring.errors import BadData

AT_MS = 1_433_337_718_555

TIMES = {
    "123": 123_000,
    "123.123": 123_123,
    "1543578564.705": 1_543_578_564_705,
    "1582468023986": 1_582_468_023_986_000,
    "-1.5": -1500,
    "+1.5": 1500,
    ".5": 500,
    "1e3": 1_000_000,
    "0.0005": 1,  # half a millisecond goes up
    "-0.0005": -1,  # and away from zero
    "2015-06-03T13:21:58.555Z": AT_MS,
    "2015-06-03T14:21:58.555+01:00": AT_MS,
    "2015-06-03T08:21:58,555999999-05:00": AT_MS,  # Go takes the comma, and cuts
    "1969-12-31T23:59:59.9995Z": -1,
    "-292273086-05-16T16:47:06Z": EARLIEST_MS,  # Prometheus's own bounds
    "292277025-08-18T07:12:54.999999999Z": LATEST_MS,
    "-9223309901257974": EARLIEST_MS,  # and as promtool sends them
    "9223309901257974": LATEST_MS,
    "1e300": LATEST_MS,
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items(), ids=TIMES)
def test_times(text: str, expected: int):
    """A time is seconds since 1970 or RFC 3339, to the millisecond."""
    assert parse_time(text) == expected


NO_TIMES = (
    "",
    "abc",
    "30s",
    "NaN",
    "Inf",
    " 1",
    "1_000",
    "0x10",
    "١٢٣",  # digits, but not ASCII's
    "2015-06-03",
    "2015-06-03T13:21:58",
    "2015-06-03t13:21:58z",
    "2015-02-30T00:00:00Z",
    "2015-06-03T13:21:60Z",
    "2015-06-03T13:21:58+99:00",
    "2015-06-03T13:21:58 01:00",  # a + that was not escaped
)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str):
    """Anything else is refused, and the text is shown as it came."""
    with pytest.raises(ValueError, match=r"^cannot parse") as refused:
        parse_time(text)
    assert str(refused.value) == f'cannot parse "{text}" to a valid timestamp'


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.timedeltas(timedelta(hours=-14), timedelta(hours=14)),
)
@settings(max_examples=200, deadline=None)
def test_times_as_python_writes_them(at: datetime, offset: timedelta):
    """Whatever Python writes with an offset is the same instant here."""
    zone = timezone(timedelta(minutes=offset // timedelta(minutes=1)))
    since = at.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    expected = since // timedelta(milliseconds=1)
    assert parse_time(at.replace(tzinfo=zone).isoformat()) == expected


@given(st.integers(-(2**42), 2**42))
@settings(max_examples=200, deadline=None)
def test_times_that_clients_divide(ms: int):
    """Milliseconds that a client sends as a float come back as they were."""
    assert parse_time(repr(ms / 1000)) == ms


DURATIONS = {
    "123": 123 * 10**9,
    "123.333": 123_333_000_000,
    "-1": -(10**9),
    "0": 0,
    "15s": 15 * 10**9,
    "5m": 300 * 10**9,
    "1h30m": 5400 * 10**9,
    "1d12h": 129_600 * 10**9,
    "1y2w": (365 + 14) * 86_400 * 10**9,
    "100ms": 10**8,
    "0.0001": 10**5,
}


@pytest.mark.parametrize(("text", "expected"), DURATIONS.items(), ids=DURATIONS)
def test_durations(text: str, expected: int):
    """A duration is seconds or PromQL's notation; here in nanoseconds."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "abc", "1x", "1s1m", "1.5h", "-5m", "300y", "9" * 5000 + "s", "5m "]
)
def test_what_is_no_duration(text: str):
    """Units stand from large to small, and 292 years are the end."""
    with pytest.raises(ValueError, match=r"^cannot parse"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["-148966367200.372", "148966367200.372", "1e300"])
def test_durations_that_overflow(text: str):
    """What Go's nanoseconds cannot hold is refused in Prometheus's words."""
    with pytest.raises(ValueError, match="valid duration") as refused:
        parse_duration(text)
    assert str(refused.value) == f'cannot parse "{text}" to a valid duration. It overflows int64'


@pytest.mark.parametrize("parse", [parse_time, parse_duration, parse_integer])
@pytest.mark.parametrize("tail", ["", "s", "x", ".", "e", "-"])
def test_long_texts(parse: Callable[[str], int], tail: str):
    """A million digits, which a form can bring, do not hold up the event loop."""
    begun = time.thread_time()
    with suppress(ValueError):
        parse("9" * 1_000_000 + tail)
    assert time.thread_time() - begun < 0.5


@given(st.text(max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_text(text: str):
    """No text brings anything but a number or a ValueError."""
    for parse in (parse_time, parse_duration, parse_integer):
        with suppress(ValueError):
            assert isinstance(parse(text), int)


@pytest.mark.parametrize("number", [math.pi, 1e-9, 1e17, -1e5])
def test_floats_are_times(number: float):
    """Every float that Python writes is taken."""
    assert EARLIEST_MS <= parse_time(repr(number)) <= LATEST_MS


def parameters(query: bytes = b"", body: bytes = b"") -> Parameters:
    line = RequestStartLine("POST", "/?" + query.decode("latin-1"), "HTTP/1.1")
    form = HTTPHeaders({"Content-Type": "application/x-www-form-urlencoded", "Host": "x"})
    request = HTTPServerRequest(start_line=line, headers=form, body=body)
    request._parse_body()
    return Parameters(request)


def test_a_form_comes_before_the_url():
    """As in Go: the form's value is the first one, and lists hold both."""
    both = parameters(b"query=url&match[]=a", b"query=form&match[]=b")
    assert both.text("query") == "form"
    assert both.all("match[]") == ["b", "a"]


def test_spaces_and_control_characters_stay():
    """A query is taken as it was sent: nothing is stripped from it."""
    assert parameters(b"query=%20a%09%01%0A").text("query") == " a\t\x01\n"


def test_bytes_that_are_no_text():
    """A parameter that is not UTF-8 is refused by its name."""
    with pytest.raises(BadData, match='invalid parameter "query": not valid UTF-8'):
        parameters(b"query=%FF").text("query")


REFUSED = {
    "limit=x": ("limit", 'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
    "limit=-1": ("limit", 'invalid parameter "limit": limit must be non-negative'),
    "limit=9223372036854775808": (
        "limit",
        (
            'invalid parameter "limit": strconv.Atoi: parsing "9223372036854775808": '
            "value out of range"
        ),
    ),
    "timeout=x": (
        "timeout_seconds",
        'invalid parameter "timeout": cannot parse "x" to a valid duration',
    ),
    "lookback_delta=x": (
        "lookback_ms",
        'error parsing lookback delta duration: cannot parse "x" to a valid duration',
    ),
    "start=x": (
        "range_ms",
        (
            "invalid parameter \"start\": invalid time value for 'start': "
            'cannot parse "x" to a valid timestamp'
        ),
    ),
}


@pytest.mark.parametrize(("query", "case"), REFUSED.items(), ids=REFUSED)
def test_refusals(query: str, case: tuple[str, str]):
    """A parameter that cannot be read is named, with Prometheus's words for why."""
    method, expected = case
    with pytest.raises(BadData) as refused:
        getattr(parameters(query.encode()), method)()
    assert str(refused.value) == expected


@pytest.mark.parametrize(
    ("query", "expected"), [("", 0), ("limit=", 0), ("limit=0", 0), ("limit=%2B7", 7)]
)
def test_limits(query: str, expected: int):
    """No limit and 0 are the same."""
    assert parameters(query.encode()).limit() == expected
