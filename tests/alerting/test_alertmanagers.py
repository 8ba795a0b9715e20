"""Alertmanagers of the operator's own: all get every alert, those that are away get it later."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.notifying.alertmanagers import (
    BATCH,
    Alertmanagers,
    Waiting,
    alertmanagers_of,
)
from support.alertmanager import RealAlertmanager
from support.hook import Hook
from support.messages import NOW, alert

SECRET = "s3cretT0kenABCDEF"
DEADLINE = 60.0


def sink(*urls: str, **labels: str) -> Alertmanagers:
    made, problems = alertmanagers_of(urls, labels, {"TOKEN": SECRET})
    assert problems == []
    for peer in made.peers:
        peer.first_wait_seconds = 0.05
    return made


async def until(holds: Callable[[], Any]) -> None:
    """Return once *holds*, which may be a coroutine function's."""
    end = time.monotonic() + DEADLINE
    while True:
        found = holds()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert time.monotonic() < end, f"not within {DEADLINE:g} s"
        await asyncio.sleep(0.05)


def sent(hook: Hook) -> list[dict[str, Any]]:
    return [one for request in hook.requests for one in json.loads(request.body)]


async def test_all_of_them_get_every_alert():
    """As Alertmanager's API takes them, with the external labels that an alert has not itself."""
    async with Hook() as first, Hook() as second:
        made = sink(first.url, f"{second.url}/prefix/", hub="physics", alertname="no")
        await made.start()
        made.put([alert(), alert(hub="maths", over=True)], NOW)
        await until(lambda: len(sent(first)) == len(sent(second)) == 2)
        await made.stop()
    assert (first.requests[0].uri, second.requests[0].uri) == (
        "/api/v2/alerts",
        "/prefix/api/v2/alerts",
    )
    assert sent(first) == sent(second)
    assert sent(first)[0] == {
        "labels": {"alertname": "SpawnsFail", "severity": "critical", "hub": "physics"},
        "annotations": dict(alert().annotations),
        "startsAt": "2025-11-24T15:48:00Z",
        "endsAt": "2025-11-24T16:05:00Z",
        "generatorURL": "http://hub.example.org/graph",
    }
    assert sent(first)[1]["labels"]["hub"] == "maths"


async def test_one_that_fails_delays_no_other():
    """It is tried again; that none takes alerts is said only when none does."""
    async with Hook(status=503) as ill, Hook(wait=True) as silent, Hook() as well:
        made = sink(ill.url, silent.url, well.url)
        await made.start()
        made.put([alert()], NOW)
        await until(lambda: len(ill.requests) >= 2)
        await until(lambda: len(sent(well)) == 1)
        assert made.problem() == ""
        ill.status = 200
        await until(lambda: made.peers[0].failure == "" and not len(made.peers[0].waiting))
        await made.stop()
    assert len(sent(well)) == 1


async def test_none_takes_alerts():
    """Then nobody is told, which is a problem that says which and why, without their passwords."""
    async with Hook(status=500, echo=True) as one, Hook(status=502) as two:
        made = sink(
            one.url.replace("://", f"://ana:{SECRET}@"), two.url.replace("://", "://${TOKEN}@")
        )
        await made.start()
        made.put([alert()], NOW)
        await until(made.problem)
        problem = made.problem()
        await made.stop()
        authorization = two.requests[0].headers["Authorization"]
    assert problem.startswith("no Alertmanager takes alerts, so nobody is told: http://127.0.0.1:")
    assert "500" in problem
    assert "502" in problem
    assert SECRET not in f"{problem} {made.peers!r}"
    assert authorization == f"Bearer {SECRET}"


async def test_what_it_refuses_is_not_sent_again():
    """An alert that Alertmanager finds wrong would hold up all others."""
    async with Hook(status=400) as hook:
        made = sink(hook.url)
        await made.start()
        made.put([alert()], NOW)
        await until(lambda: hook.requests and not len(made.peers[0].waiting))
        hook.status = 200
        made.put([alert(hub="maths")], NOW)
        await until(lambda: len(hook.requests) == 2)
        await made.stop()


async def test_many_go_in_batches():
    """A request stays small, whatever waits."""
    async with Hook() as hook:
        made = sink(hook.url)
        made.put([alert(hub=f"hub{i}") for i in range(200)], NOW)  # before it is started, too
        await made.start()
        await until(lambda: len(sent(hook)) == 200)
        await made.stop()
    assert max(len(json.loads(r.body)) for r in hook.requests) == BATCH


def test_what_waits_is_bounded():
    """Of ten thousand and one alerts the oldest goes, and is counted."""
    waiting = Waiting(limit=10)
    alerts = [alert(hub=f"hub{i}") for i in range(12)]
    assert waiting.put(alerts[:10]) == 0
    assert waiting.put(alerts[10:]) == 2
    assert waiting.first() == alerts[2:]


def test_what_waits_is_as_it_is_now():
    """An alert that ends while an Alertmanager is away is told once, as over."""
    waiting, ended = Waiting(), replace(alert(), ends_at=NOW)
    waiting.put([alert()])
    (taken,) = waiting.first()
    waiting.put([ended])
    waiting.done([taken])  # what was sent meanwhile is not what waits now
    assert waiting.first() == [ended]
    waiting.done([ended])
    assert len(waiting) == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("am:9093", "http://host:9093"),
        (f"https://{SECRET}:99999999/", "http://host:9093"),
        ("https://${NOPE}@am", "no variable NOPE"),
    ],
)
def test_a_wrong_address_is_said(url: str, said: str):
    """The others still get alerts."""
    made, problems = alertmanagers_of([url, "http://am:9093"], None, {})
    assert len(made.peers) == 1
    assert said in problems[0]
    assert SECRET not in problems[0]


@pytest.mark.peer("alertmanager")
async def test_real_alertmanagers(tmp_path: Path):
    """Two real ones: both know the alert; one is killed, and knows the next when it is back."""
    first, second = RealAlertmanager(tmp_path / "a"), RealAlertmanager(tmp_path / "b")
    made = sink(first.url, second.url, cluster="test")
    now = int(time.time() * 1000)

    def live(hub: str) -> Alert:
        labels = labels_of({"alertname": "Up", "hub": hub})
        return Alert(labels, labels_of({"summary": "x"}), now, now + 3_600_000, "http://h/g")

    async def hubs(one: RealAlertmanager) -> set[str]:
        try:
            alerts = await asyncio.to_thread(one.api, "alerts")
        except OSError:
            return set()
        return {alert["labels"]["hub"] for alert in alerts}

    async def both_know(names: set[str]) -> bool:
        return await hubs(first) == await hubs(second) == names

    await made.start()
    try:
        first.start()
        second.start()
        made.put([live("physics")], now)
        await until(lambda: both_know({"physics"}))
        second.kill()
        made.put([live("maths")], now)
        await until(lambda: made.peers[1].failure)
        assert made.problem() == ""
        second.start()
        made.put([live("physics")], now)  # rules send again what fires still
        await until(lambda: both_know({"physics", "maths"}))
    finally:
        await made.stop()
        first.kill()
        second.kill()
