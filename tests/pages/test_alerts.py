"""Alerts: who looks reads what fires, who was told, and can keep it quiet with a reason."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.alerting.routing.silence import SilenceState
from jupyterhub_monitoring.alerting.rules.alert_state import AlertState
from jupyterhub_monitoring.errors import BadData, DeliveryFailed
from jupyterhub_monitoring.pages.alerts.alert_rows import alert_id
from jupyterhub_monitoring.pages.alerts.episodes import episodes, past
from jupyterhub_monitoring.pages.alerts.silences import until
from jupyterhub_monitoring.pages.alerts.threshold import Watched, watched
from jupyterhub_monitoring.pages.firing import AlertsNow
from jupyterhub_monitoring.pages.period import read_period
from jupyterhub_monitoring.promql.check import check
from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.querier import Stored
from jupyterhub_monitoring.usage.viewer import Viewer
from support.alert_pages import MINUTE, NASTY, NOW, AlertPages, active, alert_pages, past_store
from support.api_server import Reply, fetch
from support.eventually import eventually
from support.notifications import Inbox
from support.page_server import PREFIX, PageServer

FAIL = active("SpawnsFail", severity="critical", instance="hub")


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[AlertPages]:
    with alert_pages(tmp_path, {"team": [Inbox()]}) as it:
        yield it


def send(pages: AlertPages, path: str, headers: dict[str, str] | None = None, **form: str) -> Reply:
    return fetch(f"{pages.server.url}{PREFIX[1:]}{path}", form=form, headers=headers)


def silence(pages: AlertPages, fired: Any = FAIL, **more: str) -> Reply:
    form = {"alert": alert_id(fired.labels), "duration": "1h", "comment": "we know", **more}
    return send(pages, "alerts/silence", **form)


def first_line(page: str) -> str:
    found = re.search(r'<div class="answer (\w+)">\s*<p>(.*?)</p>', page, re.DOTALL)
    assert found
    return " ".join([found[1], *re.sub(r"<[^>]+>", "", found[2]).split()])


# --- What fires -----------------------------------------------------------------------------------


def test_what_fires_is_told_with_its_reason_rule_and_runbook(pages: AlertPages):
    """Since when, how bad, about what, whom to ask, and the number stands in the navigation."""
    pages.fire(FAIL)
    page = pages.page()
    assert first_line(page).startswith("fail ▲ 1 alert fires since ")
    assert "SpawnsFail it is." in first_line(page)
    assert f'id="{alert_id(FAIL.labels)}"' in page
    assert "team was not told yet." in page
    assert "instance=hub" in page
    assert 'href="https://docs.example/x.md"' in page
    assert f'href="{PREFIX}rule?group=spawns&amp;name=SpawnsFail"' in page
    assert '<span class="badge">1<span class="hidden"> firing</span></span>' in page


def test_all_is_well(pages: AlertPages):
    """No alert fires: it says so, there is no badge, and nothing is left out of the page."""
    page = pages.page()
    assert first_line(page) == "well ● No alert fires."
    assert 'class="badge"' not in page
    for said in ("Nothing is silenced.", "Nothing fired in this time.", "Nobody was sent anything"):
        assert said in page


def test_the_watchdog_is_no_alert(pages: AlertPages):
    """What fires always, so that its silence is noticed, alarms nobody here."""
    pages.fire(active("HubWatchdog"))
    assert first_line(pages.page()).startswith("well")
    assert "HubWatchdog" in pages.page("rules")


def test_pending_is_not_firing(pages: AlertPages):
    """It is listed behind, and neither the line nor the badge count it."""
    pages.fire(active("SpawnsFail", AlertState.PENDING))
    page = pages.page()
    assert first_line(page) == "well ● No alert fires. 1 is pending or kept quiet."
    assert ">pending<" in page


def test_who_sent_us_an_alert_of_his_own_finds_it(pages: AlertPages):
    """An alert without a rule of ours is listed, and can be silenced."""
    other = active("FromGrafana", severity="warning")
    pages.fire(other)
    pages.rules.alerts.clear()
    assert "FromGrafana" in first_line(pages.page())
    assert "we know" in silence(pages, other).body.decode()


def test_no_word_of_an_alert_is_html(pages: AlertPages):
    """Labels, summaries, reasons and addresses of runbooks run nothing."""
    bad = active("Nasty", who=NASTY)
    pages.fire(bad)
    assert silence(pages, bad, comment=NASTY).status == 200
    for path in ("alerts", "rules", "rule?group=spawns&name=Nasty"):
        page = pages.page(path)
        assert "<img src=x" not in page
    assert "&lt;img src=x" in pages.page()


def test_nobody_is_told(pages: AlertPages):
    """Where no setting says whom to tell, the page says so and what to do."""
    pages.context.tells_nobody = True
    pages.fire(FAIL)
    page = pages.page()
    assert "Nobody is told of alerts. Set <code>c.Monitoring.notify</code>" in page
    assert "was not told yet" not in page


def test_others_tell(pages: AlertPages):
    """With Alertmanagers elsewhere nothing can be silenced here, and the page says where."""
    pages.fire(FAIL)
    pages.context.notifier = None
    page = pages.page()
    assert "Your Alertmanagers are told." in page
    assert '<form method="post"' not in page
    assert silence(pages).status == 404


def test_ten_thousand_alerts_are_a_page_of_a_hundred(pages: AlertPages):
    """The rest is a number, and the next pages are a click away."""
    pages.rules.alerts["SpawnsFail"] = [active("SpawnsFail", n=str(n)) for n in range(10_000)]
    page = pages.page()
    assert first_line(page).startswith("warn ▲ 10,000 alerts fire")
    assert page.count('<li id="a') == 100
    assert "\N{EN DASH}100 of 10,000" in page
    assert "\N{EN DASH}10,000 of 10,000" in pages.page(offset="9900")
    assert pages.server.get("alerts", offset="-1").status == 400


def test_many_alerts_are_not_looked_at_for_each_page(pages: AlertPages):
    """What took long is good for some time; what takes none is looked at each time."""
    times = iter([0.0, 0.001, 1.0, 2.0, 3.0, 22.0, 22.0])
    now = AlertsNow(clock=lambda: next(times))
    pages.fire(FAIL)
    assert len(now.rows(pages.context)) == 1
    pages.fire(active("Nasty"))
    assert len(now.rows(pages.context)) == 2  # it took a second
    pages.fire(active("Nasty", who="else"))
    assert len(now.rows(pages.context)) == 2
    assert len(now.rows(pages.context)) == 3


# --- Silences -------------------------------------------------------------------------------------


def test_a_silence_keeps_quiet_what_it_was_made_for(pages: AlertPages):
    """It names the alert's labels, who made it and why; the alert fires no more in the line."""
    other = active("SpawnsFail", severity="critical", instance="another")
    pages.fire(FAIL, other)
    page = silence(pages).body.decode()
    assert "Silenced until" in page
    assert "by admin: we know" in page
    assert first_line(page).startswith("fail ▲ 1 alert fires")
    (made,) = pages.notifier.silences()
    assert {str(m) for m in made.matchers} == {f'{k}="{v}"' for k, v in FAIL.labels}
    assert (made.created_by, made.comment) == ("admin", "we know")
    assert abs(made.ends_at - made.starts_at - 60 * MINUTE) < MINUTE


def test_a_silence_is_ended(pages: AlertPages):
    """With one click; it fires again."""
    pages.fire(FAIL)
    silence(pages)
    (made,) = pages.notifier.silences()
    page = send(pages, "alerts/silence/end", silence=made.id).body.decode()
    assert first_line(page).startswith("fail ▲ 1 alert fires")
    assert "Nothing is silenced." in page
    assert pages.notifier.silence(made.id).state(pages.notifier.now()) is SilenceState.EXPIRED
    assert send(pages, "alerts/silence/end", silence="no-such").status == 404


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"comment": "  "}, 400, "a silence needs a reason"),
        ({"comment": "x" * 1001}, 400, "more than 1,000 characters"),
        ({"duration": "for ever"}, 400, "for how long?"),
        ({"alert": "a000"}, 404, "That alert is over"),
    ],
    ids=["no reason", "a long reason", "no end", "no such alert"],
)
def test_a_silence_that_cannot_be(pages: AlertPages, wrong: dict[str, str], status: int, said: str):
    """It is refused with a sentence, and nothing is silenced."""
    pages.fire(FAIL)
    reply = silence(pages, **wrong)
    assert reply.status == status
    assert said in reply.body.decode()
    assert pages.notifier.silences() == []


def test_another_site_silences_nothing(pages: AlertPages):
    """A page of another site that sends the form is refused, without a Hub too."""
    pages.fire(FAIL)
    form = {"alert": alert_id(FAIL.labels), "duration": "1h", "comment": "x"}
    reply = send(pages, "alerts/silence", {"Sec-Fetch-Site": "cross-site"}, **form)
    assert reply.status == 403
    assert pages.notifier.silences() == []


@pytest.mark.parametrize("others", [frozenset(), frozenset({"dora"})], ids=["user", "group admin"])
@pytest.mark.parametrize(
    "path", ["alerts", "rules", "rule?group=spawns&name=Nasty", "rule/data", "checks"]
)
def test_only_who_sees_everything_gets_here(pages: AlertPages, others: frozenset[str], path: str):
    """A plain user and a group's admin are refused, to look and to send."""
    pages.fire(FAIL)
    with PageServer(pages.context, Viewer("ben", False, others)) as server:
        assert fetch(f"{server.url}{PREFIX[1:]}{path}").status == 403
        form = {"alert": alert_id(FAIL.labels), "duration": "1h", "comment": "x"}
        assert fetch(f"{server.url}{PREFIX[1:]}alerts/silence", form=form).status == 403
    assert pages.notifier.silences() == []


@pytest.mark.parametrize(("duration", "hours"), [("1h", 1), ("4h", 4), ("1w", 168)])
def test_how_long_a_silence_is(duration: str, hours: int):
    """To the millisecond."""
    assert until(duration, NOW) == NOW + hours * 60 * MINUTE


def test_until_tomorrow_is_in_the_morning():
    """At most a day and a third away, and not today."""
    assert 8 * 60 <= (until("day", NOW) - NOW) / MINUTE <= 33 * 60
    with pytest.raises(BadData):
        until("never", NOW)


# --- Messages -------------------------------------------------------------------------------------


def test_what_was_sent_and_what_waits(tmp_path: Path):
    """To whom, about what, why it failed, and when it is tried again."""
    down = Inbox("webhook", down=DeliveryFailed("the hook says 500"))
    taken = Inbox("email")
    with alert_pages(tmp_path, {"team": [down, taken]}) as pages:
        pages.fire(FAIL)
        pages.begin_telling()
        eventually(lambda: down.attempts >= 1 and len(taken.messages) == 1)
        eventually(lambda: "● delivered" in pages.page() and "the hook says 500" in pages.page())
        page = pages.page()
        assert "1 message waits to be delivered." in page
        assert "not taken, waiting" in page
        assert "(email)" in page
        assert "team was told at" in page
        assert '1 message is <a href="#messages">not delivered</a>' in page
        # While it is being tried nobody knows when it is tried again.
        eventually(lambda: re.search(r"Tried again.*?in \d", pages.page(), re.DOTALL) is not None)


# --- The past -------------------------------------------------------------------------------------


def fired(*minutes: int) -> tuple[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    labels = {"__name__": "ALERTS", "alertstate": "firing", "alertname": "SpawnsFail"}
    at = NOW - NOW % MINUTE - 120 * MINUTE
    return tuple(sorted(labels.items())), [(at + each * MINUTE, 1.0) for each in minutes]


def test_what_fired(tmp_path: Path):
    """Two times, from when to when, the last one still: exact to an evaluation."""
    labels, samples = fired(*range(10, 21), *range(100, 121))
    period = read_period({"range": "6h"}.get, NOW / 1000)  # type: ignore[arg-type]
    with past_store(tmp_path, {labels: samples}) as querier:
        found = asyncio.run(past(querier, period, NOW / 1000))
        assert found.count == 2
        last, first = found.episodes
        assert last.end is None
        assert first.end is not None
        assert first.end - first.start == pytest.approx(11 * 60)
        assert first.start == samples[0][0] / 1000
        assert asyncio.run(past(querier, period, NOW / 1000, "Another")).count == 0


def test_what_fired_where_there_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is looked at step by step then, and says how exact that is."""
    monkeypatch.setattr("jupyterhub_monitoring.pages.alerts.episodes.MOST_SAMPLES", 5)
    labels, samples = fired(*range(10, 21), *range(60, 71))
    period = read_period({"range": "6h"}.get, NOW / 1000)  # type: ignore[arg-type]
    with past_store(tmp_path, {labels: samples}) as querier:
        found = asyncio.run(past(querier, period, NOW / 1000))
    assert found.exact == period.step
    assert found.count == 2
    assert found.episodes[1].start == pytest.approx(samples[0][0] / 1000, abs=2 * period.step)


def test_one_sample_is_an_episode():
    """It fired at one evaluation."""
    one = Stored({"alertname": "A"}, np.array([1000.0]), np.array([1.0]))
    (found,) = episodes(one, 9000)
    assert (found.start, found.seconds(9000)) == (1000, 60)


def test_the_past_that_cannot_be_read(pages: AlertPages):
    """The page is there, and says why the past is not."""
    pages.context.unavailable = "MON-STORE-01: the disk is gone"
    pages.fire(FAIL)
    page = pages.page()
    assert "Not known: MON-STORE-01: the disk is gone" in page
    assert "1 alert fires" in first_line(page)


# --- Rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("x > 5", Watched("x", "5")),
        ("5 < x", Watched("x", "5")),
        ("(rate(x[5m])) >= (2 * 3600)", Watched("rate(x[5m])", "2 * 3600")),
        ("x > 5 and on () y > 1", Watched("x", "5", more=True)),
        ("(x > 5 unless z) and y", Watched("x", "5", more=True)),
        ("x > bool -1", Watched("x", "-1")),
        ("x > scalar(y)", Watched("x", "scalar(y)")),
        ("x > y", Watched("x > y")),
        ("x > 5 or y > 6", Watched("x > 5 or y > 6")),
        ("absent(x)", Watched("absent(x)")),
        ('x{a="$b"} > 5 # why', Watched('x{a="$b"}', "5")),
    ],
)
def test_what_is_drawn_of_a_rule(expr: str, expected: Watched):
    """What is compared, and with which number; else the expression as it is."""
    tree = parse(expr)
    check(tree, expr)
    assert watched(tree) == expected


def test_a_rule_has_its_page(pages: AlertPages):
    """Expression, `for`, severity, state, evaluation, its alerts, its runbook, its plot."""
    pages.fire(FAIL)
    page = pages.page("rule", group="spawns", name="SpawnsFail")
    assert first_line(page) == "fail ▲ SpawnsFail fires."
    for said in ("increase(failures[30m])", "5 min", "critical", "SpawnsFail it is.", "3 ms"):
        assert said in page, said
    assert 'data-src="' + PREFIX + "rule/data?group=spawns&amp;name=SpawnsFail" in page
    assert "Other conditions of the expression have to hold, too." in page
    assert 'href="https://docs.example/SpawnsFail.md"' in page


def test_a_rule_that_fails_says_why(pages: AlertPages):
    """On its page and in the list of all."""
    pages.rules.errors = {"SpawnsFail": "many-to-many matching"}
    assert "cannot be evaluated: many-to-many matching" in first_line(
        pages.page("rule", group="spawns", name="SpawnsFail")
    )
    assert "1 fails: SpawnsFail, many-to-many matching" in first_line(pages.page("rules"))


def test_the_plot_of_a_rule_has_its_threshold(tmp_path: Path):
    """As a dashed line, in the JSON and in the CSV."""
    series = (("__name__", "failures"),)
    samples = [(NOW - each * MINUTE, float(60 - each)) for each in range(60, 0, -1)]
    with alert_pages(tmp_path) as pages, past_store(tmp_path / "more", {series: samples}) as asked:
        pages.context.querier = asked
        wanted = {"group": "spawns", "name": "SpawnsFail", "range": "1h"}
        drawn = pages.server.get("rule/data", **wanted).json
        assert drawn["queries"] == ["increase(failures[30m])", "2"]
        tones = {line["tone"]: line["values"] for line in drawn["lines"]}
        assert set(tones["limit"]) == {2.0}
        assert max(value for value in tones["series"] if value is not None) > 10
        assert pages.server.get("rule/data.csv", **wanted).body.startswith(b"time,")
        recorded = {"group": "spawns", "name": "hub:failures:sum", "range": "1h"}
        assert len(pages.server.get("rule/data", **recorded).json["lines"]) == 1


def test_rules_that_are_not_there(pages: AlertPages):
    """A rule that was taken out of its file has no page any more; it says so."""
    assert pages.server.get("rule", group="spawns", name="Old").status == 404
    assert pages.server.get("rule/data", group="spawns", name="Old").status == 404
    more = {"group": "spawns", "name": "Nasty", "number": "7"}
    assert pages.server.get("rule/data", **more).status == 404


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["SpawnsFail", "Nasty", "HubWatchdog", "hub:failures:sum"]),
        ("firing", ["SpawnsFail"]),
        ("RECORD", ["hub:failures:sum"]),
        ("spawns warning", ["Nasty"]),
        ("no such", []),
    ],
)
def test_rules_are_found(pages: AlertPages, search: str, found: list[str]):
    """By name, group, state, severity and kind."""
    pages.fire(FAIL)
    page = pages.page("rules", q=search)
    assert re.findall(r"rule\?group=spawns&amp;name=[^>]+>([^<]+)</a>", page) == found
    assert ("No rule matches" in page) is not found
