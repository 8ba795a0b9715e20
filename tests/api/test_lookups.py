"""Names, labels, series and metadata: what there is to be asked for."""

from __future__ import annotations

import threading

import pytest

from jupyterhub_monitoring.api.lookups import unescape_name
from jupyterhub_monitoring.store import matcher
from support.api_server import ApiServer

NAMES = ["__name__", "instance", "job", "my.label", "user"]
METRICS = ["gone", "my.metric", "requests_total", "up"]
START, END = 1_700_000_000 - 60, 1_700_000_000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, NAMES),
        ({"match": "up"}, ["__name__", "instance", "job"]),
        ({"match": ["up", "requests_total"]}, ["__name__", "instance", "job", "user"]),
        ({"match": '{job="nobody"}'}, []),
        ({"start": START, "end": END}, NAMES),
        ({"start": 5, "end": 6}, []),
    ],
)
def test_label_names(api: ApiServer, query: dict[str, object], expected: list[str]):
    """All names of the series that match and have samples in the time, sorted."""
    assert api.get("labels", **query).data == expected


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("__name__", {}, METRICS),
        ("job", {}, ["hub", "node"]),
        ("job", {"match": "requests_total"}, ["hub"]),
        ("job", {"match": ["requests_total", 'up{job="node"}']}, ["hub", "node"]),
        ("user", {}, ['é"\\']),
        ("nothing", {}, []),
        ("my.label", {}, ["x"]),
        ("U__my_2e_label", {}, ["x"]),
        ("job", {"start": 5, "end": 6}, []),
    ],
)
def test_label_values(api: ApiServer, name: str, query: dict[str, object], expected: list[str]):
    """The values of one label, sorted; a name may be written as Grafana escapes it."""
    assert api.get(f"label/{name}/values", **query).data == expected


ESCAPED = {
    "job": "job",
    "U__": "",
    "U__my_2e_label": "my.label",
    "U__a__b": "a_b",
    "U__caf_e9_": "café",
    "U__caf_E9_": "café",
    "U___1f600_": "\U0001f600",
    "U__a_zz_": "U__a_zz_",
    "U__a_2e": "U__a_2e",
    "U__a_": "U__a_",
    "U__a_d800_": "U__a_d800_",
    "U__a_0000e9_": "U__a_0000e9_",  # six digits are too many
}


@pytest.mark.parametrize(("escaped", "name"), ESCAPED.items(), ids=ESCAPED)
def test_escaped_names(escaped: str, name: str):
    """As in Prometheus: what is not escaped rightly is its own name."""
    assert unescape_name(escaped) == name


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_series(api: ApiServer, method: str):
    """Label sets of what any selector matches, each once; a form is as good as a URL."""
    asked = [("match[]", "up"), ("match[]", '{job="node"}'), ("start", START), ("end", END)]
    if method == "GET":
        reply = api.ask("/api/v1/series", asked)
    else:
        reply = api.ask("/api/v1/series", form=asked)
    assert sorted(reply.data, key=str) == [
        {"__name__": "up", "instance": "hub:80", "job": "hub"},
        {"__name__": "up", "instance": "node:91", "job": "node"},
    ]


@pytest.mark.parametrize("path", ["labels", "label/job/values", "series"])
def test_limit(api: ApiServer, path: str):
    """Of more than `limit` the first are shown, and a warning says so."""
    query = {"match": '{job=~".+"}'}
    cut = api.get(path, limit=1, **query).json
    assert len(cut["data"]) == 1
    assert cut["warnings"] == ["results truncated due to limit"]
    everything = api.get(path, limit=len(api.get(path, **query).data), **query).json
    assert "warnings" not in everything


ERRORS = {
    "series without a selector": ("series", {}, "no match[] parameter provided"),
    "series that match everything": (
        "series",
        {"match": '{job=~".*"}'},
        'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    ),
    "labels that match everything": (
        "labels",
        {"match": "{}"},
        "match[] must contain at least one non-empty matcher",
    ),
    "a wrong limit": (
        "labels",
        {"limit": "x"},
        'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax',
    ),
    "a wrong time": (
        "label/job/values",
        {"start": "x"},
        (
            "invalid parameter \"start\": invalid time value for 'start': "
            'cannot parse "x" to a valid timestamp'
        ),
    ),
    "metadata, limit": ("metadata", {"limit": "x"}, "limit must be a number"),
    "metadata, limit_per_metric": (
        "metadata",
        {"limit_per_metric": "x"},
        "limit_per_metric must be a number",
    ),
    "no name": ("label/U__/values", {}, 'invalid label name: ""'),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS)
def test_errors(api: ApiServer, case: tuple[str, dict[str, object], str]):
    """What is wrong is said in Prometheus's words."""
    path, query, text = case
    assert api.get(path, **query).error == (400, "bad_data", text)


UP = {"type": "gauge", "help": "Whether it answers.", "unit": ""}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["build", "requests", "up"]),
        ({"metric": "up"}, ["up"]),
        ({"metric": "nothing"}, []),
        ({"limit": 2}, ["build", "requests"]),
        ({"limit": 0}, []),
        ({"limit": -1}, ["build", "requests", "up"]),
    ],
)
def test_metadata(api: ApiServer, query: dict[str, object], expected: list[str]):
    """Type, help and unit by family, as the targets gave them."""
    data = api.get("metadata", **query).data
    assert list(data) == expected
    assert data.get("up", [UP]) == [UP]


@pytest.mark.parametrize(
    "path", ["/api/v1/labels", "/api/v1/label/job/values", "/api/v1/series", "/federate"]
)
def test_selectors_do_not_hold_up_the_event_loop(
    api: ApiServer, path: str, monkeypatch: pytest.MonkeyPatch
):
    """Regular expressions take long to compile, so a worker reads the selectors."""
    threads = []
    compiled = matcher.compiled

    def noted(pattern: str):
        threads.append(threading.current_thread())
        return compiled(pattern)

    monkeypatch.setattr(matcher, "compiled", noted)
    assert api.ask(path, {"match[]": 'up{job=~"n.+"}'}).status == 200
    assert threads
    assert api._thread not in threads


@pytest.mark.parametrize("path", ["/api/v1/labels", "/api/v1/series", "/federate"])
def test_selectors_are_no_larger_than_a_query(api: ApiServer, path: str):
    """All `match[]` together may have as large regular expressions as one query."""
    selectors = [f'up{{job=~"x{number}|\\\\pL{{10}}"}}' for number in range(100)]
    assert api.ask(path, {"match[]": selectors[:9]}).status == 200
    reply = api.ask(path, {"match[]": selectors})
    assert reply.status == 400
    assert b"are too large together" in reply.body
