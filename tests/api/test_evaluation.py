"""Queries through the real engine: what comes back, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.api_server import ApiServer

AT = 1_700_000_000

INSTANTS: dict[str, tuple[str, str, Any]] = {
    "a scalar": ("1+1", "scalar", [AT, "2"]),
    "a string": ('"a"', "string", [AT, "a"]),
    "a vector": (
        'up{job="hub"}',
        "vector",
        [
            {
                "metric": {"__name__": "up", "instance": "hub:80", "job": "hub"},
                "value": [AT, "1"],
            }
        ],
    ),
    "nothing": ("nothing", "vector", []),
    "raw samples": (
        'requests_total{job="hub"}[30s]',
        "matrix",
        [
            {
                "metric": {
                    "__name__": "requests_total",
                    "instance": "hub:80",
                    "job": "hub",
                    "user": 'é"\\',
                },
                "values": [[AT - 15, "409.5"], [AT, "420"]],
            }
        ],
    ),
    "not a number": ("0/0", "scalar", [AT, "NaN"]),
    "no end": ("-1/0", "scalar", [AT, "-Inf"]),
    "an ended series": ("gone", "vector", []),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", INSTANTS.values(), ids=INSTANTS)
def test_instant_queries(api: ApiServer, case: tuple[str, str, Any], method: str):
    """Each kind of result has its form; a form's parameters are as good as the URL's."""
    query, kind, result = case
    asked = {"query": query, "time": AT}
    form, url = (asked, ()) if method == "POST" else (None, asked)
    data = api.ask("/api/v1/query", url, form=form).data
    assert data == {"resultType": kind, "result": result}


RANGES = {
    "a vector": (
        "sum(up)", [{"metric": {}, "values": [[AT - 1.5, "1"], [AT - 0.75, "1"], [AT, "1"]]}],
    ),
    "a scalar": (
        "1", [{"metric": {}, "values": [[AT - 1.5, "1"], [AT - 0.75, "1"], [AT, "1"]]}],
    ),
    "nothing": ("nothing", []),
}  # fmt: skip


@pytest.mark.parametrize("case", RANGES.values(), ids=RANGES)
def test_range_queries(api: ApiServer, case: tuple[str, Any]):
    """A range query's result is a matrix, to the millisecond."""
    query, result = case
    data = api.get("query_range", query=query, start=AT - 1.5, end=AT, step="750ms").data
    assert data == {"resultType": "matrix", "result": result}


def test_a_series_ends(api: ApiServer):
    """After the marker of its end a series has no points, instead of five minutes of its last."""
    start = AT - 600
    data = api.get("query_range", query="gone", start=start, end=AT, step=15).data
    times = [time for time, _ in data["result"][0]["values"]]
    assert times == list(range(start, start + 21 * 15, 15))


def test_series_are_sorted(api: ApiServer):
    """A range query's series stand sorted by their labels."""
    query = {"query": '{job=~".+"}', "start": AT - 600, "end": AT, "step": 60}
    metrics = [row["metric"] for row in api.get("query_range", **query).data["result"]]
    assert len(metrics) == 5
    assert metrics == sorted(metrics, key=lambda labels: tuple(labels.items()))


@pytest.mark.parametrize("path", ["query", "query_range"])
def test_limit(api: ApiServer, path: str):
    """`limit` cuts series, not points, and says so."""
    query = {"query": "up", "time": AT, "start": AT - 60, "end": AT, "step": 15}
    cut = api.get(path, limit=1, **query).json
    assert len(cut["data"]["result"]) == 1
    assert cut["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in api.get(path, limit=2, **query).json


def test_lookback(api: ApiServer):
    """`lookback_delta` is how old a sample may be to stand for now."""
    late = {"query": "up", "time": AT + 100}
    assert len(api.get("query", **late).data["result"]) == 2
    assert api.get("query", **late, lookback_delta="1m").data["result"] == []
    assert len(api.get("query", **late, lookback_delta=120).data["result"]) == 2


def test_now(api: ApiServer):
    """Without `time` it is now, when our samples are long past."""
    assert api.get("query", query="up").data["result"] == []
    now = float(api.get("query", query="time()").data["result"][1])
    assert now > AT


def test_stats(api: ApiServer):
    """Timings and samples come with `stats`; another value than Prometheus knows is doubted."""
    said = api.get("query", query="up", time=AT, stats="all").json
    assert said["data"]["stats"]["samples"]["totalQueryableSamples"] > 0
    assert set(said["data"]["stats"]["timings"]) == {
        "evalTotalTime",
        "resultSortTime",
        "queryPreparationTime",
        "innerEvalTime",
        "execQueueTime",
        "execTotalTime",
    }
    assert "warnings" not in said
    assert "stats" not in api.get("query", query="up", time=AT).data
    assert "deprecated" in api.get("query", query="up", stats="yes").json["warnings"][0]


def test_infos(api: ApiServer):
    """What the engine has to remark comes beside the result."""
    said = api.get("query", query="rate(up[5m])", time=AT).json
    assert len(said["data"]["result"]) == 2
    assert said["infos"][0].startswith("PromQL info: metric might not be a counter")


def test_format_and_parse(api: ApiServer):
    """A query is laid out, and shown as a tree."""
    assert api.get("format_query", query="sum( up )by(job)").data == "sum by (job) (up)"
    assert api.get("parse_query", query="up offset 5m").data["type"] == "vectorSelector"
    reply = api.get("format_query", query="sum(")
    assert reply.error[:2] == (400, "bad_data")
    assert reply.error[2].startswith('invalid parameter "query": 1:')


ERRORS = {
    "no query": ("query", {}, 'invalid parameter "query": '),
    "a wrong query": ("query", {"query": "up{"}, 'invalid parameter "query": 1:4: parse error: '),
    "a wrong time": (
        "query",
        {"query": "1", "time": "x"},
        (
            "invalid parameter \"time\": invalid time value for 'time': "
            'cannot parse "x" to a valid timestamp'
        ),
    ),
    "a wrong timeout": (
        "query",
        {"query": "1", "timeout": "x"},
        'invalid parameter "timeout": cannot parse "x" to a valid duration',
    ),
    "no start": (
        "query_range",
        {"query": "1", "end": 2, "step": 1},
        'invalid parameter "start": cannot parse "" to a valid timestamp',
    ),
    "a wrong end": (
        "query_range",
        {"query": "1", "start": 1, "end": "x", "step": 1},
        'invalid parameter "end": cannot parse "x" to a valid timestamp',
    ),
    "an end before the start": (
        "query_range",
        {"query": "1", "start": 2, "end": 1, "step": 1},
        'invalid parameter "end": end timestamp must not be before start time',
    ),
    "no step": (
        "query_range",
        {"query": "1", "start": 1, "end": 2},
        'invalid parameter "step": cannot parse "" to a valid duration',
    ),
    "a step of nothing": (
        "query_range",
        {"query": "1", "start": 1, "end": 2, "step": 0},
        (
            'invalid parameter "step": zero or negative query resolution step widths are not '
            "accepted. Try a positive integer"
        ),
    ),
    "too many points": (
        "query_range",
        {"query": "1", "start": 0, "end": 11_001, "step": 1},
        (
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        ),
    ),
    "a range vector over a range": (
        "query_range",
        {"query": "up[1m]", "start": 1, "end": 2, "step": 1},
        (
            'invalid parameter "query": invalid expression type "range vector" for range query, '
            "must be Scalar or instant Vector"
        ),
    ),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS)
def test_errors(api: ApiServer, case: tuple[str, dict[str, Any], str]):
    """What is wrong is said in Prometheus's words."""
    path, query, text = case
    status, kind, said = api.get(path, **query).error
    assert (status, kind) == (400, "bad_data")
    assert said == text or (text.endswith(": ") and said.startswith(text))


def test_what_cannot_be_evaluated(api: ApiServer):
    """A query that fails while it runs is 422, "execution"."""
    status, kind, text = api.get("query", query="up + on() up", time=AT).error
    assert (status, kind) == (422, "execution")
    assert "many-to-many matching not allowed" in text


def test_most_points(api: ApiServer):
    """11,000 steps, which are 11,001 points, are taken, as in Prometheus."""
    query = {"query": "time()", "start": 0, "end": 11_000, "step": 1}
    assert len(api.get("query_range", **query).data["result"][0]["values"]) == 11_001


def test_half_characters(api: ApiServer):
    """What a query makes of half a character is JSON all the same."""
    reply = api.get("query", query='label_replace(up, "x", "\\xff", "", "")', time=AT)
    assert reply.status in {200, 400, 422}
    json.loads(reply.body)
