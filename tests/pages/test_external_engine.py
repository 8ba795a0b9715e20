"""What pages say when an engine beside us is asked, and gives no answer."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.alerting.receivers.http_options import HttpOptions
from jupyterhub_monitoring.errors import EngineUnauthorised, NotPrometheus, QueryRefused
from jupyterhub_monitoring.pages.answer import Mood, answer
from jupyterhub_monitoring.pages.panel_data import Line, until
from jupyterhub_monitoring.pages.period import Period
from jupyterhub_monitoring.querier import Endpoint, HttpQuerier
from support.api_server import Reply
from support.page_server import Context, PageServer
from support.page_states import raising
from support.ports import free_port

SECRET = "s3cr3t-token"
ENGINE = "https://prometheus.example.org"


def text(reply: Reply) -> str:
    """What somebody reads."""
    return html.unescape(reply.body.decode())


@pytest.mark.parametrize(
    "error",
    [
        EngineUnauthorised(f"{ENGINE} answered 401 Unauthorized. The token is missing"),
        NotPrometheus(f"{ENGINE} sends us elsewhere. Give the address below /api/v1/query"),
        QueryRefused("query processing would load too many samples"),
    ],
    ids=["unauthorised", "not Prometheus", "too large"],
)
def test_each_part_says_why_there_is_nothing(error: Exception):
    """First line, plot and Explore have the sentence that says what to do: no empty plot."""
    with PageServer(Context(querier=raising(error)), engine=ENGINE) as pages:
        overview = text(pages.get(""))
        assert f"Nothing is known of now: {str(error).rstrip('.')}." in overview
        panel = pages.get("panels/servers")
        assert panel.status in {422, 503}
        assert panel.json["error"] == str(error)
        assert str(error) in text(pages.get("explore", ("expr", "up")))
        assert "Https" not in text(pages.get("explore", ("expr", "up")))


def test_nobody_reads_the_token_of_an_engine_that_is_away():
    """The place is shown, what is sent there is not."""
    port = free_port()
    options = HttpOptions(credentials=SECRET, headers={"X-Scope-OrgID": SECRET})
    endpoint = Endpoint(f"http://user:{SECRET}@127.0.0.1:{port}/p?t={SECRET}", options, retries=0)
    with PageServer(Context(querier=HttpQuerier(endpoint)), engine=endpoint.place) as pages:
        texts = [text(pages.get(path)) for path in ("", "panels/servers", "explore?expr=up")]
        texts += [text(pages.get(path)) for path in ("status", "alerts", "marks")]
    assert f"127.0.0.1:{port} cannot be reached" in texts[0]
    assert f"127.0.0.1:{port} cannot be reached" in texts[1]
    assert not any(SECRET in text for text in texts)


def test_the_first_line_does_not_say_that_all_is_well_without_rules():
    """It counts people, and says what is not known."""
    numbers: Any = {"unknown": None, "running": 3.0, "pending": 0.0}
    blind = answer([], **numbers, blind="the engine tells of no rules about this Hub")
    assert blind.mood is Mood.UNKNOWN
    assert blind.text == (
        "3 servers run. Whether an alert fires is not known:"
        " the engine tells of no rules about this Hub."
    )
    assert answer([], **numbers, remarkable="2 % of requests fail", blind="so").mood is Mood.WARN


def test_alerts_are_not_known_where_the_engine_tells_of_none():
    """An empty list is not "all is well"."""
    with PageServer(Context(querier=raising(NotPrometheus("no"))), engine=ENGINE) as pages:
        assert f"{ENGINE} tells of no rules about this Hub" in text(pages.get("alerts"))
        assert f"{ENGINE} tells of no rules about this Hub" in text(pages.get("rules"))
        assert "which also scrapes" in text(pages.get("status"))


def test_events_are_counted_as_the_engine_counts():
    """VictoriaMetrics extrapolates nothing, and repeats its last step until half a minute later."""
    period = Period(0, 3600, 60, interval=60)
    assert period.places["events"] == "120s"
    assert Period(0, 3600, 60, interval=60, victoria=True).places["events"] == "60s"
    assert Period(0, 3600, 60, interval=60, victoria=True).places["scale"] == "1"
    times, values = np.array([60.0, 120.0, 180.0]), np.array([1.0, 2.0, 2.0])
    (line,) = until([Line("a", values)], times, 150.0)
    assert line.values[:2].tolist() == [1.0, 2.0]
    assert np.isnan(line.values[2])
