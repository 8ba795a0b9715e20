"""An engine over HTTP: how it is asked, what is tried again, and what its failures are called."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets

from jupyterhub_monitoring.alerting.receivers.http_options import HttpOptions
from jupyterhub_monitoring.errors import MonitoringError, ParseError
from jupyterhub_monitoring.querier import Endpoint, HttpQuerier, Kind, Metadata, Span, kind_of
from jupyterhub_monitoring.querier.http import escaped
from jupyterhub_monitoring.querier.http_failures import refusal
from support.certificates import certificate, server_context
from support.ports import free_port

SECRET = "t0p-secret-token"


@dataclass
class Answer:
    """What the stand-in answers; a body that is no text is JSON. It hangs up at status 0."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0  # that it takes

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def success(data: Any, **more: Any) -> Answer:
    return Answer(body={"status": "success", "data": data, **more})


def vector(*rows: tuple[dict[str, str], str], **more: Any) -> Answer:
    result = [{"metric": labels, "value": [5, value]} for labels, value in rows]
    return success({"resultType": "vector", "result": result}, **more)


def matrix(*rows: list[list[Any]]) -> Answer:
    result = [{"metric": {"n": str(n)}, "values": values} for n, values in enumerate(rows)]
    return success({"resultType": "matrix", "result": result})


def error(status: int, kind: str, text: str) -> Answer:
    return Answer(status, {"status": "error", "errorType": kind, "error": text})


ONE = vector(({}, "1"))


@dataclass
class StandIn:
    """Speaks as an engine would: gives *answers* one after the other, the last one for ever."""

    answers: list[Answer] = field(default_factory=lambda: [ONE])
    asked: list[HTTPServerRequest] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0

    def serve(self, tls: ssl.SSLContext | None = None) -> HTTPServer:
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.port = socket.getsockname()[1]
        server = HTTPServer(self._answer, ssl_options=tls)
        server.add_sockets([socket])
        return server

    def _answer(self, request: HTTPServerRequest) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.asked.append(request)
        self.was_asked.set()
        self.now += 1
        self.most = max(self.most, self.now)
        asyncio.get_running_loop().call_later(answer.seconds, self._send, request, answer)

    def _send(self, request: HTTPServerRequest, answer: Answer) -> None:
        self.now -= 1
        headers = {"Content-Type": "application/json", **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {answer.status} x\r\nContent-Length: {len(answer.content)}\r\n{lines}\r\n"
        stream: Any = request.connection
        stream = stream.detach()
        if answer.status and not stream.closed():
            stream.write(head.encode() + answer.content)
        stream.close()

    def parameters(self, number: int = -1) -> dict[str, list[str]]:
        request = self.asked[number]
        return parse_qs(request.body.decode() or request.query)

    def endpoint(self, **settings: Any) -> Endpoint:
        return Endpoint(f"http://127.0.0.1:{self.port}", timeout_seconds=60, **settings)


@contextmanager
def asking(endpoint: Endpoint) -> Iterator[HttpQuerier]:
    querier = HttpQuerier(endpoint)
    yield querier
    querier.close()


@pytest.fixture
async def engine() -> AsyncIterator[StandIn]:
    made = StandIn()
    server = made.serve()
    yield made
    server.stop()


async def refused(endpoint: Endpoint, expr: str = "up") -> MonitoringError:
    """Return the error that asking gives."""
    with asking(endpoint) as querier, pytest.raises(MonitoringError) as raised:
        await querier.instant(expr, 5)
    return raised.value


# --- How it is asked ---------------------------------------------------------------------------


async def test_how_a_query_is_asked(engine: StandIn):
    """As a form, which has no limit of length, below the address, with its time and time-out."""
    with asking(replace(engine.endpoint(), url=f"http://127.0.0.1:{engine.port}/prom/")) as querier:
        await querier.instant('up{a="&"}', 5.25)
    request = engine.asked[0]
    assert (request.method, request.path) == ("POST", "/prom/api/v1/query")
    assert engine.parameters() == {
        "query": ['up{a="&"}'],
        "time": ["5.250"],
        "timeout": ["60s"],
        "nocache": ["1"],
    }
    assert request.headers["User-Agent"].startswith("jupyterhub-monitoring/")


async def test_an_address_with_the_path_of_the_api(engine: StandIn):
    """Who gives the whole address of the API means the same."""
    url = f"http://127.0.0.1:{engine.port}/api/v1/"
    with asking(replace(engine.endpoint(), url=url)) as querier:
        await querier.instant("up")
    assert engine.asked[0].path == "/api/v1/query"


async def test_where_no_form_passes(engine: StandIn):
    """A proxy that lets only GET pass is asked so, from then on at once."""
    engine.answers = [Answer(405, "Method Not Allowed"), ONE]
    with asking(engine.endpoint()) as querier:
        assert (await querier.instant("up", 5)).value == 1
        assert (await querier.instant("up", 5)).value == 1
    assert [request.method for request in engine.asked] == ["POST", "GET", "GET"]
    assert engine.parameters()["query"] == ["up"]


OPTIONS: dict[str, tuple[HttpOptions, dict[str, str]]] = {
    "bearer": (HttpOptions(credentials=SECRET), {"Authorization": f"Bearer {SECRET}"}),
    "basic": (
        HttpOptions(username="hub", password=SECRET),
        {"Authorization": f"Basic {base64.b64encode(f'hub:{SECRET}'.encode()).decode()}"},
    ),
    "tenant": (HttpOptions(headers={"X-Scope-OrgID": "hub"}), {"X-Scope-OrgID": "hub"}),
}


@pytest.mark.parametrize("case", OPTIONS)
async def test_credentials(engine: StandIn, case: str):
    """Every question carries them, and nothing shows them."""
    options, headers = OPTIONS[case]
    endpoint = engine.endpoint(options=options)
    with asking(endpoint) as querier:
        await querier.instant("up")
        engine.answers = [success([])]
        await querier.label_names()
    for request in engine.asked:
        assert {name: request.headers.get(name) for name in headers} == headers
    assert SECRET not in repr(endpoint)


async def test_a_token_that_is_exchanged(engine: StandIn, tmp_path: Path):
    """A file with a token is read at each question; without the file, the error says so."""
    file = tmp_path / "token"
    file.write_text("first\n")
    endpoint = engine.endpoint(options=HttpOptions(credentials_file=str(file)))
    with asking(endpoint) as querier:
        await querier.instant("up")
        file.write_text("second\n")
        await querier.instant("up")
    sent = [request.headers["Authorization"] for request in engine.asked]
    assert sent == ["Bearer first", "Bearer second"]
    file.unlink()
    told = await refused(endpoint)
    assert kind_of(told) is Kind.UNAUTHORISED
    assert "No such file" in str(told)


async def test_tls(tmp_path: Path):
    """A certificate has to be trusted; the operator may name its authority."""
    files, engine = certificate(tmp_path), StandIn()
    server = engine.serve(server_context(files))
    endpoint = replace(engine.endpoint(), url=f"https://127.0.0.1:{engine.port}")
    told = await refused(endpoint)
    assert kind_of(told) is Kind.UNREACHABLE
    assert "certificate is not trusted" in str(told)
    with asking(replace(endpoint, options=HttpOptions(ca_file=str(files[0])))) as querier:
        assert (await querier.instant("up")).value == 1
    server.stop()


async def test_at_once(engine: StandIn):
    """No more questions than may are asked at once; the others wait for their turn."""
    engine.answers = [replace(ONE, seconds=0.02)]
    with asking(engine.endpoint(parallel=3)) as querier:
        answers = await asyncio.gather(*(querier.instant("up") for _ in range(20)))
    assert [answer.value for answer in answers] == [1] * 20
    assert engine.most == 3


@pytest.mark.parametrize(
    ("label", "path"),
    [("job", "job"), ("a.b_c", "U__a_2e_b__c"), ("é/..", "U___e9__2f__2e__2e_"), ("1", "U__1")],
)
def test_labels_of_any_alphabet(label: str, path: str):
    """They are written as Prometheus 3 has them, which is safe in a path."""
    assert escaped(label) == path


# --- What is tried again -----------------------------------------------------------------------

AGAIN: dict[str, Answer] = {
    "starting": Answer(503, "Service Unavailable"),
    "behind a proxy": Answer(502, "<html>Bad Gateway", {"Content-Type": "text/html"}),
    "not now": error(503, "unavailable", "the TSDB is not ready"),
    "hangs up": Answer(status=0),
    "too many": Answer(429, "slow down", {"Retry-After": "0"}),
}


@pytest.mark.parametrize("case", AGAIN)
async def test_another_attempt(engine: StandIn, case: str):
    """What may pass by itself is tried again before anybody is told."""
    engine.answers = [AGAIN[case], AGAIN[case], ONE]
    with asking(engine.endpoint()) as querier:
        assert (await querier.instant("up")).value == 1
    assert len(engine.asked) == 3


async def test_the_last_attempt(engine: StandIn):
    """After so many attempts the error is told."""
    engine.answers = [AGAIN["starting"]]
    told = await refused(engine.endpoint(retries=1))
    assert (kind_of(told), len(engine.asked)) == (Kind.UNREACHABLE, 2)


async def test_no_time_for_another_attempt(engine: StandIn):
    """An engine that wants us to wait longer than a page does is not waited for."""
    engine.answers = [Answer(429, "slow down", {"Retry-After": "3000"})]
    told = await refused(engine.endpoint())
    assert (kind_of(told), len(engine.asked)) == (Kind.BUSY, 1)


async def test_nobody_there():
    """An address at which nobody listens is tried again, and then named."""
    endpoint = Endpoint(f"http://hub:{SECRET}@127.0.0.1:{free_port()}/x", retries=1)
    told = await refused(endpoint)
    assert kind_of(told) is Kind.UNREACHABLE
    assert "cannot be reached" in str(told)
    assert SECRET not in f"{told}{told!r}{endpoint!r}"


# --- What its failures are called --------------------------------------------------------------

HTML = {"Content-Type": "text/html"}
FAILURES: dict[str, tuple[Answer, Kind, str]] = {
    "no token": (Answer(401, "Unauthorized"), Kind.UNAUTHORISED, "token or password"),
    "not allowed": (Answer(403, "no"), Kind.UNAUTHORISED, "not allowed"),
    "no tenant": (Answer(401, "no org id"), Kind.UNAUTHORISED, "no org id"),
    "login page": (Answer(302, "", {"Location": "/login"}), Kind.NOT_PROMETHEUS, "elsewhere"),
    "web page": (Answer(200, "<html>Hello", HTML), Kind.NOT_PROMETHEUS, "/api/v1/query"),
    "other path": (Answer(404, "404 page not found"), Kind.NOT_PROMETHEUS, "404"),
    "other JSON": (Answer(200, {"hello": 1}), Kind.NOT_PROMETHEUS, "/api/v1/query"),
    "other shape": (success({"result": 1}), Kind.NOT_PROMETHEUS, "another shape"),
    "odd number": (vector(({}, "one")), Kind.NOT_PROMETHEUS, "another shape"),
    "broken": (Answer(500, "oh no"), Kind.FAILED, "oh no"),
    "a secret of ours": (error(422, "execution", f"at {SECRET}!"), Kind.FAILED, "at ***!"),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_failures(engine: StandIn, case: str):
    """Each says what is there and what to do, and gives away no secret; none is tried again."""
    answer, kind, text = FAILURES[case]
    engine.answers = [answer]
    told = await refused(engine.endpoint(options=HttpOptions(credentials=SECRET)))
    assert (kind_of(told), len(engine.asked)) == (kind, 1), told
    assert text in str(told)
    assert SECRET not in str(told)


async def test_out_of_time(engine: StandIn):
    """An engine that does not answer in time is left; who waited for it had its time, too."""
    engine.answers = [replace(ONE, seconds=30)]
    with asking(replace(engine.endpoint(parallel=1), timeout_seconds=0.3)) as querier:
        errors = await asyncio.gather(
            *(querier.instant("up") for _ in range(2)), return_exceptions=True
        )
        assert not querier._api._places._running
    assert [kind_of(error) for error in errors] == [Kind.TIMED_OUT] * 2
    assert len(engine.asked) == 1


LARGE = vector(*(({"n": str(n)}, "1") for n in range(2_000)))


@pytest.mark.parametrize(
    ("answer", "settings"),
    [
        pytest.param(LARGE, {"max_bytes": 10_000}, id="bytes"),
        pytest.param(
            Answer(body=gzip.compress(LARGE.content), headers={"Content-Encoding": "gzip"}),
            {"max_bytes": 20_000},
            id="bytes when unpacked",
        ),
        pytest.param(LARGE, {"max_series": 1_999}, id="series"),
    ],
)
async def test_answers_that_are_too_large(
    engine: StandIn, answer: Answer, settings: dict[str, int]
):
    """They are not taken, and the error says so."""
    engine.answers = [answer]
    told = await refused(engine.endpoint(**settings))
    assert kind_of(told) is Kind.TOO_EXPENSIVE, told
    assert "ask for fewer series" in str(told)
    assert len(engine.asked) == 1


VICTORIA = 'error when executing query="a\\"b" for (time=1700000041000, step=300000): '
WORDS: dict[str, tuple[int, str, str, Kind]] = {
    # Prometheus
    "samples": (
        422,
        "execution",
        "query processing would load too many samples into memory in query execution",
        Kind.TOO_EXPENSIVE,
    ),
    "resolution": (
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries.",
        Kind.TOO_EXPENSIVE,
    ),
    "time": (503, "timeout", "query timed out in expression evaluation", Kind.TIMED_OUT),
    "ended": (503, "canceled", "query was canceled", Kind.CANCELLED),
    "matching": (422, "execution", "many-to-many matching not allowed", Kind.FAILED),
    "wrong": (400, "bad_data", "1:3: parse error: unexpected end of input", Kind.WRONG_QUERY),
    # VictoriaMetrics
    "victoria's points": (
        422,
        "422",
        f"{VICTORIA}too many points; cannot exceed -search.maxPointsPerTimeseries",
        Kind.TOO_EXPENSIVE,
    ),
    "victoria's series": (
        422,
        "422",
        f"{VICTORIA}the number of matching timeseries exceeds 3; -search.maxUniqueTimeseries",
        Kind.TOO_EXPENSIVE,
    ),
    "victoria's time": (422, "422", f"{VICTORIA}timeout exceeded: 30s", Kind.TIMED_OUT),
    "victoria's matching": (422, "422", f"{VICTORIA}duplicate time series", Kind.FAILED),
    # Mimir
    "mimir's chunks": (
        422,
        "execution",
        "the query exceeded the maximum number of chunks (err-mimir-max-chunks-per-query)",
        Kind.TOO_EXPENSIVE,
    ),
    "mimir's length": (
        422,
        "execution",
        "the query time range exceeds the limit: 721h0m0s (err-mimir-max-query-length)",
        Kind.TOO_EXPENSIVE,
    ),
    "mimir's queue": (429, "too_many_requests", "too many outstanding requests", Kind.BUSY),
    # Thanos
    "thanos's series": (
        422,
        "execution",
        "expanded matching postings: exceeded series limit: limit 10 violated (got 11)",
        Kind.TOO_EXPENSIVE,
    ),
    "thanos's stores": (
        503,
        "unavailable",
        "no store matched for this query",
        Kind.UNREACHABLE,
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_of_engines(case: str):
    """What each engine says of itself has the kind that it means, and is shown in its words."""
    status, of, text, kind = WORDS[case]
    said = {"status": "error", "errorType": of, "error": text}
    told = refusal(status, said, "http://engine", "1+", 30).error
    assert kind_of(told) is kind, told
    if kind in {Kind.TOO_EXPENSIVE, Kind.FAILED, Kind.BUSY, Kind.UNREACHABLE}:
        assert text.removeprefix(VICTORIA) in str(told)


def test_a_place_that_only_the_engine_knows():
    """Line and column of what it says become characters of the query."""
    said = {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 2:5: parse error: unknown function with name "new"',
    }
    told = refusal(400, said, "http://engine", "a +\n1 + new(up)", 30).error
    assert isinstance(told, ParseError)
    assert told.start == 8
    assert told.reason == 'unknown function with name "new"'


def test_endless_words():
    """An engine that says very much is cut short."""
    said = {"status": "error", "errorType": "execution", "error": "no " * 10_000}
    assert len(str(refusal(422, said, "http://engine", "up", 30).error)) < 400


# --- What its answers mean ---------------------------------------------------------------------


async def test_warnings(engine: StandIn):
    """Warnings, infos, and that a part is missing, come with the answer."""
    engine.answers = [vector(({}, "1"), warnings=["w"], infos=["i"], isPartial=True)]
    with asking(engine.endpoint()) as querier:
        answer = await querier.instant("up")
    assert answer.infos == ("i",)
    assert answer.warnings[0] == "w"
    assert "a part of the engine did not answer" in answer.warnings[1]


async def test_steps_that_were_moved(engine: StandIn):
    """Mimir may move the steps to multiples of the step: values stand at the nearest time."""
    engine.answers = [matrix([[60, "1"], [120, "2"], [240, "NaN"], [300, "5"]])]
    with asking(engine.endpoint()) as querier:
        answer = await querier.range("up", Span(70, 310, 60))
    assert answer.times.tolist() == [70, 130, 190, 250, 310]
    assert np.array_equal(answer.lines[0].values, [1, 2, np.nan, np.nan, 5], equal_nan=True)


async def test_metadata(engine: StandIn):
    """What is told of a metric is what is told of its family."""
    requests = [{"type": "counter", "help": "Requests.", "unit": ""}]
    engine.answers = [success({}), success({"requests": requests})]
    with asking(engine.endpoint()) as querier:
        found = await querier.metadata("requests_total")
    assert found == {"requests": Metadata("counter", "Requests.", "")}
    asked = [request.query_arguments["metric"] for request in engine.asked]
    assert asked == [[b"requests_total"], [b"requests"]]


async def test_cancelled(engine: StandIn):
    """A page that is left gives its place to others."""
    engine.answers = [replace(ONE, seconds=30), ONE]
    with asking(engine.endpoint(parallel=1)) as querier:
        left = asyncio.create_task(querier.instant("up"))
        await engine.was_asked.wait()
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert (await querier.instant("up")).value == 1
