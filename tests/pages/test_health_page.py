"""Health: what the Hub's checks say, said before, and what is so while the Hub is silent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import Application, RequestHandler

from jupyterhub_monitoring.dashboards import Unit
from jupyterhub_monitoring.health.codes import CHECK_RAISED, DB_READ_ONLY, RULES_WRONG
from jupyterhub_monitoring.health.reported import HubHealth, read_report
from jupyterhub_monitoring.pages.checks.strips import strips
from jupyterhub_monitoring.pages.overview import overview_answer
from jupyterhub_monitoring.pages.period import read_period
from jupyterhub_monitoring.pages.sources import Sources
from jupyterhub_monitoring.pages.tiles import Figure, Tile
from jupyterhub_monitoring.service.faults import Faults
from jupyterhub_monitoring.service.hub_health import HubHealthPoll
from jupyterhub_monitoring.usage.listing import HubApi
from support.alert_pages import MINUTE, NASTY, NOW, AlertPages, active, alert_pages, past_store
from support.page_server import PREFIX, Context

AT = datetime.fromtimestamp(NOW // 1000 - 60, timezone.utc).isoformat()
BEGAN = datetime.fromtimestamp(NOW // 1000 - 600, timezone.utc).isoformat()


def entry(status: str = "healthy", code: str = "", output: str = "fine", **more: Any) -> Any:
    found = {"jupyterhub:status": status, "time": AT, "observedValue": 0.004, "output": output}
    return [found | ({"jupyterhub:code": code} if code else {}) | more]


def report(*, history: Any = (), **checks: Any) -> bytes:
    return json.dumps({"status": "fail", "checks": checks, "history": history}).encode()


def change(check: str, code: str, message: str, after: str = "unhealthy") -> dict[str, Any]:
    before = "healthy"
    return {"time": BEGAN, "check": check, "from": before, "to": after, "code": code,
            "message": message}  # fmt: skip


READONLY = report(
    database=entry("unhealthy", DB_READ_ONLY.code, "read only", **{"jupyterhub:critical": True}),
    licences=entry("warning", "LIC-1", NASTY),
    proxy=entry(),
    disk=[{"status": "unknown", "output": "has not run yet"}],
    history=[change("database", DB_READ_ONLY.code, "read only")],
)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[AlertPages]:
    with alert_pages(tmp_path) as it:
        it.context.faults = Faults()
        yield it


def shown(pages: AlertPages, hub: HubHealth | None) -> str:
    pages.context.hub_health = hub
    return pages.page("checks")


def first_line(page: str) -> str:
    found = re.search(r'<div class="answer (\w+)">\s*<p>(.*?)</p>', page, re.DOTALL)
    assert found
    return " ".join([found[1], *re.sub(r"<[^>]+>", "", found[2]).split()])


# --- The page -------------------------------------------------------------------------------------


def test_all_checks_pass(pages: AlertPages):
    """One sentence, and a line for each check."""
    page = shown(pages, HubHealth(read_report(report(proxy=entry(), database=entry())), NOW / 1000))
    assert first_line(page) == "well ● All 2 checks pass."
    assert page.count("● passes") == 2
    assert "4 ms" in page


def test_what_is_wrong_comes_first_with_its_code_and_since_when(pages: AlertPages):
    """The critical one is the sentence; its code is a place on the page and leads to a runbook."""
    page = shown(pages, HubHealth(read_report(READONLY), NOW / 1000))
    when = re.escape(f"{datetime.fromisoformat(BEGAN):%Y-%m-%d %H:%M} UTC")
    told = rf"fail ▲ {DB_READ_ONLY.title} since {when} \({DB_READ_ONLY.code}\)\."
    assert re.fullmatch(rf"{told} 1 more check is not well\.", first_line(page))
    assert f'id="{DB_READ_ONLY.code}"' in page
    assert f'href="https://docs.example/runbooks/{DB_READ_ONLY.code}.md"' in page
    assert "healthy → unhealthy" in page
    assert "○ has not run yet" in page
    assert page.index("database") < page.index("licences") < page.index("proxy")
    assert "<img src=x" not in page


def test_a_hub_that_is_silent_is_told_with_the_last_that_it_said(pages: AlertPages):
    """Since when, why, and that what one sees is of before."""
    known = read_report(report(proxy=entry()))
    hub = HubHealth(known, NOW / 1000 - 300, "the Hub does not answer: refused", NOW / 1000 - 290)
    page = shown(pages, hub)
    assert first_line(page).startswith("fail ▲ The Hub does not answer: refused since ")
    assert "The results below are of" in page
    assert "● passes" in page
    never = shown(pages, HubHealth(None, None, "the Hub does not answer: refused", NOW / 1000))
    assert "It never answered." in never


def test_nothing_is_known_yet(pages: AlertPages):
    """The first seconds, and a service without a Hub."""
    assert "was not asked yet" in first_line(shown(pages, HubHealth()))
    assert first_line(shown(pages, None)) == "unknown ○ No Hub is asked here."


def test_faults_of_the_monitoring_are_there_too(pages: AlertPages):
    """Each with its code, what was seen, and its runbook."""
    pages.context.faults.put(RULES_WRONG, "ours.yaml:3: <b>", "theirs.yaml:4: y")
    page = shown(pages, HubHealth(read_report(report(proxy=entry())), NOW / 1000))
    assert f'<a href="#{RULES_WRONG.code}">' in page
    assert f'id="{RULES_WRONG.code}"' in page
    assert "ours.yaml:3: &lt;b&gt;" in page
    pages.context.faults.put(RULES_WRONG)


def test_a_store_that_is_broken_hides_no_check(pages: AlertPages):
    """What the Hub says now is shown; of the past it says why it is not."""
    pages.context.unavailable = "MON-STORE-01: no disk"
    page = shown(pages, HubHealth(read_report(READONLY), NOW / 1000))
    assert "How the checks were is not known: MON-STORE-01: no disk" in page
    assert DB_READ_ONLY.title in first_line(page)


# --- The past -------------------------------------------------------------------------------------


def test_strips_show_what_was(tmp_path: Path):
    """The worst of each step; gaps are gaps; in words for who does not see it."""
    values = [1.0] * 60 + [0.0] * 3 + [1.0] * 20 + [0.5] * 10
    labels = (("__name__", "jupyterhub_health_check_status"), ("check", "proxy"))
    at = NOW - len(values) * MINUTE
    samples = [(at + index * MINUTE, value) for index, value in enumerate(values)]
    period = read_period({"range": "6h"}.get, NOW / 1000)  # type: ignore[arg-type]
    with past_store(tmp_path, {labels: samples}) as querier:
        (strip,) = asyncio.run(strips(querier, period)).values()
    states = [piece.state for piece in strip.pieces]
    assert states == ["well", "fail", "well", "warn"]
    assert strip.pieces[0].x > 300  # nothing is known of the first four hours
    fails = strip.pieces[1]
    assert fails.end - fails.start == pytest.approx(180, abs=2 * period.step)
    assert re.fullmatch(r"well for 8\d % of this time, 2 times not", strip.summary)


def test_a_check_that_is_no_more_has_its_past(tmp_path: Path):
    """A strip alone, drawn without a script."""
    labels = (("__name__", "jupyterhub_health_check_status"), ("check", "old"))
    samples = [(NOW - each * MINUTE, 0.0) for each in range(30, 0, -1)]
    with alert_pages(tmp_path) as pages, past_store(tmp_path / "more", {labels: samples}) as asked:
        pages.context.querier = asked
        page = shown(pages, HubHealth(read_report(report(proxy=entry())), NOW / 1000))
    assert 'aria-label="old: well for 0 % of this time, once not"' in page
    assert '<rect class="fail"' in page
    assert "○ not asked" in page


# --- The report -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"status": "ok"}', b"<html>", b'{"status": ["fail"]}', b"[" * 10_000],
)
def test_what_is_no_report(body: bytes):
    """Is refused, whatever it is."""
    with pytest.raises(ValueError, match="no report"):
        read_report(body)


def test_a_strange_report_is_read_as_far_as_it_goes():
    """Another version may say other things: nothing of that ends the page."""
    odd = {"a": [], "b": [3], "c": [{"jupyterhub:status": 7, "time": "never", "output": 5}]}
    history = [3, {"time": "x"}, {"time": AT, "check": 4}]
    found = read_report(json.dumps({"status": "warn", "checks": odd, "history": history}).encode())
    assert [check.name for check in found.checks] == ["c"]
    assert found.checks[0].status == "unknown"
    assert not read_report(b'{"status": "fail"}').details


# --- Asking the Hub -------------------------------------------------------------------------------


Answers = Callable[[RequestHandler], None]


def asked(answers: list[Answers]) -> list[HubHealth]:
    """Return what is told after each of *answers* of a Hub; one that is None hangs up."""
    told: list[HubHealth] = []
    waiting = iter(answers)

    class Ready(RequestHandler):
        def get(self) -> None:
            assert self.request.headers["Authorization"] == "Bearer s3cret"
            next(waiting)(self)

    async def work() -> None:
        (socket,) = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/base/hub/health/ready", Ready)]))
        server.add_sockets([socket])
        api = HubApi(f"http://127.0.0.1:{socket.getsockname()[1]}/base/hub/api", "s3cret")
        times = iter(range(100))
        poll = HubHealthPoll(api, told.append, clock=lambda: float(next(times)))
        client = SimpleAsyncHTTPClient(force_instance=True)
        for _ in answers:
            await poll.ask(client)
        server.stop()
        await server.close_all_connections()
        await poll.ask(client)
        client.close()

    asyncio.run(work())
    return told


def test_the_hub_is_asked(caplog: pytest.LogCaptureFixture):
    """Its report is kept while it does not answer, with since when and why; no secret is told."""
    told = asked(
        [
            lambda hub: hub.finish(READONLY),
            lambda hub: (hub.set_status(503), hub.finish('{"status": "fail"}')),  # type: ignore[func-returns-value]
            lambda hub: (hub.set_status(403), hub.finish("no"))[0],  # type: ignore[func-returns-value]
            lambda hub: hub.finish("<html>"),
            lambda hub: hub.finish(READONLY),
        ]
    )
    good, bare, refused, html, again, gone = told
    assert good.report is not None
    assert good.at == 0
    assert good.problem == ""
    assert "the Hub says fail and no more" in bare.problem
    assert "HTTP 403" in refused.problem
    assert "no report on its health" in html.problem
    assert {each.report for each in (bare, refused, html)} == {good.report}
    assert {each.since for each in (bare, refused, html)} == {1}
    assert (again.problem, again.at) == ("", 4)
    assert "does not answer" in gone.problem
    assert gone.since == 5
    assert "s3cret" not in repr(told) + caplog.text


# --- The Overview ---------------------------------------------------------------------------------


def overview(context: Context) -> list[tuple[str, bool, str]]:
    tile = Tile(Figure("servers run", Unit.COUNT, ("x",), ""), (3.0,), ())
    said = overview_answer(Sources(context, PREFIX), [tile, tile])
    return [(wrong.text, wrong.critical, wrong.href) for wrong in said.more]


def test_the_overview_tells_of_failing_checks(pages: AlertPages):
    """The critical one first, with the place where it says what to do."""
    pages.context.hub_health = HubHealth(read_report(READONLY), NOW / 1000)
    first, second = overview(pages.context)
    assert first == (
        f"{DB_READ_ONLY.title} ({DB_READ_ONLY.code}): read only.",
        True,
        f"checks#{DB_READ_ONLY.code}",
    )
    assert second == (f"The check licences warns (LIC-1): {NASTY}.", False, "checks#LIC-1")


def test_the_overview_says_nothing_twice(pages: AlertPages):
    """An alert about a check that is told of is not told; others are."""
    pages.context.hub_health = HubHealth(read_report(READONLY), NOW / 1000)
    pages.fire(active("Nasty", check="database", severity="critical"), active("SpawnsFail"))
    texts = [text for text, *_ in overview(pages.context)]
    assert len(texts) == 3
    assert not any("Nasty" in text for text in texts)
    assert any("SpawnsFail it is." in text for text in texts)


def test_the_overview_says_of_a_silent_hub_that_it_is_silent(pages: AlertPages):
    """What it said before is old, and not told as if it were so now."""
    known = read_report(READONLY)
    pages.context.hub_health = HubHealth(known, NOW / 1000 - 600, "no answer", NOW / 1000)
    assert overview(pages.context) == [("No answer.", True, "checks")]


def test_a_check_that_did_not_finish_found_nothing(pages: AlertPages):
    """The title of its code would tell of servers that are stuck, which nobody saw."""
    locked = report(spawners=entry("error", CHECK_RAISED.code, "database is locked"))
    pages.context.hub_health = HubHealth(read_report(locked), NOW / 1000)
    text = f"The check spawners did not finish ({CHECK_RAISED.code}): database is locked."
    assert overview(pages.context) == [(text, False, f"checks#{CHECK_RAISED.code}")]
    page = pages.page("checks")
    assert "The check spawners did not finish" in page
    assert CHECK_RAISED.title not in page
