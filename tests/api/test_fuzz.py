"""Whatever is asked, the answer is JSON of a known form, and never a fault of ours."""

from __future__ import annotations

import json
import urllib.parse

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.api_server import ApiServer, fetch

PATHS = (
    "query",
    "query_range",
    "query_exemplars",
    "format_query",
    "parse_query",
    "labels",
    "label/job/values",
    "series",
    "metadata",
    "targets",
    "rules",
    "alerts",
    "status/tsdb",
    "status/flags",
)
QUERIES = (
    "up",
    "1+1",
    "rate(requests_total[1m])",
    "up[1m]",
    '"text"',
    "up offset -100y",
    "up @ 1e15",
    "up @ -1e15 offset 200y",
    "max_over_time(up[100y:50y])",
    'label_replace(up, "a", "\\xff", "", "")',
    "up / 0",
    "topk(5, {__name__!=''})",
    "timestamp(up)",
    "year(vector(1e300))",
)
TIMES = ("0", "1700000000", "-1", "1e15", "9e18", "-9223309901257974", "1700000000.5", "x", "NaN")
DURATIONS = ("1", "15s", "0", "-1", "1e300", "0.0001", "1y", "1e9", "292y", "x")
NAMES = ("match[]", "limit", "limit_per_metric", "metric", "stats", "state", "nonsense")
SELECTORS = ("up", "{}", '{job=~".+"}', "up{", '{"my.metric"}', "up[5m]", '{a=~"("}')

anything = st.binary(max_size=20)
parameters = st.lists(
    st.one_of(
        st.tuples(st.just("query"), st.sampled_from(QUERIES) | anything),
        st.tuples(st.sampled_from(["time", "start", "end"]), st.sampled_from(TIMES) | anything),
        st.tuples(
            st.sampled_from(["step", "timeout", "lookback_delta"]),
            st.sampled_from(DURATIONS) | anything,
        ),
        st.tuples(st.just("match[]"), st.sampled_from(SELECTORS) | anything),
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["1", "0", "-1", "all"]) | anything),
    ),
    max_size=8,
)

ERRORS = {400: {"bad_data"}, 405: {"bad_data"}, 422: {"execution"}, 503: {"timeout", "unavailable"}}


@given(st.sampled_from(PATHS), parameters, st.booleans())
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_parameters(api: ApiServer, path: str, asked: list[tuple[str, str]], form: bool):
    """Any parameters bring a result, or an error with a status and type that fit."""
    encoded = urllib.parse.urlencode(asked)
    url = f"{api.url}/api/v1/{path}"
    reply = fetch(url, form=asked) if form else fetch(f"{url}?{encoded}")
    said = json.loads(reply.body)
    if reply.status == 200:
        assert said["status"] == "success"
        assert "data" in said
    else:
        assert said["status"] == "error"
        assert said["errorType"] in ERRORS[reply.status], said
        assert said["error"]


@given(st.binary(max_size=60))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_bodies(api: ApiServer, body: bytes):
    """A body that is no form is a request without parameters."""
    reply = fetch(f"{api.url}/api/v1/query", form={"query": "1", body: body})
    assert reply.status in {200, 400}
    json.loads(reply.body)


@given(st.text(max_size=20))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_label_names(api: ApiServer, name: str):
    """Any name of a label may be asked for."""
    try:
        quoted = urllib.parse.quote(name, safe="")
    except UnicodeEncodeError:
        return
    reply = fetch(f"{api.url}/api/v1/label/{quoted}/values")
    assert reply.status in {200, 400, 404}
    if reply.status != 404 or name:
        json.loads(reply.body)
