"""Alertmanager's API v2: `amtool` works against it, and it answers as a real Alertmanager does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.notifying.notifier import Notifier
from jupyterhub_monitoring.alerting.routing.routing_file import load_routing
from support.alertmanager import RealAlertmanager
from support.api_server import ApiServer, Context, Reply, fetch
from support.notifications import Inbox
from support.peers import find

CONFIG = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  routes:
    - receiver: night
      matchers: [severity="critical"]
      group_by: [hub]
receivers:
  - name: team
    webhook_configs:
      - url: http://127.0.0.1:9/hook
  - name: night
inhibit_rules:
  - source_matchers: [alertname="HubDown"]
    target_matchers: [severity="warning"]
"""


class Served:
    """A notifier behind the API, below a prefix as the Hub gives it."""

    def __init__(self, folder: Path, **context: Any) -> None:
        self.inbox = Inbox()
        self.notifier = Notifier(folder, load_routing(CONFIG), {"team": [self.inbox], "night": []})
        self.server = ApiServer(Context(notifier=self.notifier, **context), "/services/monitoring")

    def __enter__(self) -> Served:  # noqa: PYI034 -- nobody subclasses it
        self.server.__enter__()
        self._on_loop(self.notifier.start())
        return self

    def __exit__(self, *exc: object) -> None:
        self._on_loop(self.notifier.stop())
        self.server.__exit__()

    def _on_loop(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.server.loop).result(30)

    @property
    def url(self) -> str:
        return f"{self.server.url}/alertmanager"

    def get(self, path: str, query: Any = ()) -> Reply:
        return self.server.ask(f"/alertmanager{path}", query)

    def send(
        self, path: str, body: Any, method: str = "POST", headers: dict[str, str] | None = None
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(f"{self.url}{path}", raw, method, headers)

    def amtool(self, *arguments: str, **more: Any) -> str:
        return amtool(self.url, *arguments, **more)


def send(url: str, body: bytes, method: str, headers: dict[str, str] | None = None) -> Reply:
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, body, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def amtool(url: str, *arguments: str, fails: bool = False, stdin: str | None = None) -> str:
    """What amtool says; its version differs from ours, which it would mention each time."""
    done = subprocess.run(
        [find("amtool"), f"--alertmanager.url={url}", "--no-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input=stdin,
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + (done.stderr if fails else "")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path) as made:
        yield made


# --- amtool ----------------------------------------------------------------------------------


@pytest.mark.peer("amtool")
def test_amtool_adds_and_finds_alerts(served: Served):
    """An alert that somebody adds is shown, found by its labels, and told of."""
    served.amtool("alert", "add", "Fire", "room=12", "--annotation=summary=smoke")
    served.amtool("alert", "add", "HubDown", "severity=critical", "hub=a")
    said = served.amtool("alert", "query", "-o", "json")
    alerts = {alert["labels"]["alertname"]: alert for alert in json.loads(said)}
    assert alerts["Fire"]["annotations"] == {"summary": "smoke"}
    assert alerts["Fire"]["status"]["state"] == "active"
    assert alerts["Fire"]["receivers"] == [{"name": "team"}]
    assert "smoke" in served.amtool("alert", "query", "Fire")
    assert "HubDown" not in served.amtool("alert", "query", "room=~1.")
    assert "HubDown" in served.amtool("alert", "query", "--receiver=night")
    assert "Fire" not in served.amtool("alert", "query", "--receiver=night")
    until = time.monotonic() + 30
    while not served.inbox.messages:
        assert time.monotonic() < until, "nobody was told"
        time.sleep(0.02)
    assert served.inbox.messages[0].group_labels == (("alertname", "Fire"),)


@pytest.mark.peer("amtool")
def test_amtool_silences(served: Served, tmp_path: Path):
    """`silence add`, `query`, `update`, `expire`, `import`: the life of a silence."""
    served.amtool("alert", "add", "Fire", "room=12")
    silence = served.amtool(
        *("silence", "add", "Fire", "room=~1.+", "--author=me", "--comment=drill", "-d", "2h")
    ).strip()
    assert silence in served.amtool("silence", "query", "-q")
    assert "drill" in served.amtool("silence", "query", "alertname=Fire")
    assert served.amtool("alert", "query", "--active", "-o", "json") == "[]\n"
    (alert,) = json.loads(served.amtool("alert", "query", "--silenced", "-o", "json"))
    assert alert["status"] == {
        **alert["status"],
        "state": "suppressed",
        "silencedBy": [silence],
    }
    served.amtool("silence", "update", silence, "--comment=longer", "-d", "5h")
    exported = served.amtool("silence", "query", "-o", "json")
    (updated,) = json.loads(exported)
    assert (updated["id"], updated["comment"]) == (silence, "longer")
    served.amtool("silence", "expire", silence)
    assert served.amtool("silence", "query", "-q") == ""
    assert silence in served.amtool("silence", "query", "--expired", "-q")
    assert "Fire" in served.amtool("alert", "query")
    file = tmp_path / "silences.json"
    file.write_text(exported)
    imported = served.amtool("silence", "import", str(file)).strip()
    assert imported != silence
    assert "Fire" not in served.amtool("alert", "query")


@pytest.mark.peer("amtool")
def test_amtool_is_told_what_is_wrong(served: Served):
    """An unknown silence is no success."""
    unknown = "c5a0a31c-8e1b-4a3b-9d5c-2f4a4f2c7d11"
    assert "404" in served.amtool("silence", "expire", unknown, fails=True)


@pytest.mark.peer("amtool")
def test_amtool_shows_a_configuration_that_it_accepts(served: Served, tmp_path: Path):
    """`config show` prints the file in force, and `check-config` finds nothing wrong with it."""
    shown = served.amtool("config", "show")
    assert "receiver: team" in shown
    file = tmp_path / "shown.yml"
    file.write_text(shown)
    assert "SUCCESS" in amtool(served.url, "check-config", str(file))
    assert "night" in served.amtool("config", "routes", "test", "severity=critical")


@pytest.mark.peer("amtool")
def test_amtool_shows_a_token(tmp_path: Path):
    """`--http.config.file` carries the Hub's token: as it does for any Prometheus tool."""
    seen: list[str | None] = []
    with Served(tmp_path) as served:
        config = tmp_path / "http.yml"
        config.write_text("authorization:\n  credentials: s3cret\n")
        show = _recording(served, seen)
        served.amtool(f"--http.config.file={config}", "silence", "add", "x", "-c", "y")
        show()
    assert set(seen) == {"Bearer s3cret"}


def _recording(served: Served, seen: list[str | None]) -> Callable[[], None]:
    from jupyterhub_monitoring.api.alertmanager.handler import AlertmanagerHandler  # noqa: PLC0415

    prepare = AlertmanagerHandler.prepare

    async def recording(self: AlertmanagerHandler) -> None:
        seen.append(self.request.headers.get("Authorization"))
        await prepare(self)

    AlertmanagerHandler.prepare = recording  # type: ignore[method-assign]

    def restore() -> None:
        AlertmanagerHandler.prepare = prepare  # type: ignore[method-assign]

    return restore


# --- A real Alertmanager beside it -----------------------------------------------------------


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """The URL of an Alertmanager with the same configuration."""
    alertmanager = RealAlertmanager(tmp_path / "real", CONFIG)
    try:
        alertmanager.start()
        alertmanager.ready()
        yield alertmanager.url
    finally:
        alertmanager.kill()


ALERTS = [
    {"labels": {"alertname": "HubDown", "severity": "critical", "hub": "a"}},
    {
        "labels": {"alertname": "Slow", "severity": "warning", "empty": ""},
        "annotations": {"summary": "ü"},
        "generatorURL": "http://prometheus/graph?g0",
    },
    {
        "labels": {"alertname": "Past"},
        "startsAt": "2026-01-01T10:00:00Z",
        "endsAt": "2096-01-01T00:00:00.123456789Z",
    },
    {"labels": {"alertname": "Over"}, "endsAt": "2026-01-01T00:00:00Z"},
]
SILENCE = {
    "matchers": [
        {"name": "alertname", "value": "Pa.*", "isRegex": True},
        {"name": "hub", "value": "b", "isRegex": False, "isEqual": False},
    ],
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2096-01-01T00:00:00Z",
    "createdBy": "me",
    "comment": "known",
}
QUESTIONS = {
    "alerts": "/alerts",
    "active alerts": "/alerts?silenced=false&inhibited=false",
    "suppressed alerts": "/alerts?active=false",
    "filtered": "/alerts?filter=severity%3D~%22crit.*%22&filter=hub%21%3D%22b%22",
    "by receiver": "/alerts?receiver=ni.*",
    "by part of a receiver's name": "/alerts?receiver=nig",
    "groups": "/alerts/groups",
    "groups of a receiver": "/alerts/groups?receiver=team&active=true&silenced=false",
    "filtered groups": "/alerts/groups?filter=alertname%3DSlow",
    "silences": "/silences",
    "silences of a matcher": "/silences?filter=hub%21%3D%22b%22",
    "silences of another matcher": "/silences?filter=hub%3D%22b%22",
    "receivers": "/receivers",
    "a wrong filter": "/alerts?filter=%7B%7B",
    "a wrong receiver": "/alerts?receiver=%28",
    "a wrong filter of silences": "/silences?filter=a%7Eb",
    "an unknown silence": "/silence/c5a0a31c-8e1b-4a3b-9d5c-2f4a4f2c7d11",
}
TIMES = {"updatedAt", "uptime"}
NOT_IN_0_25 = {"mutedBy", "routeLabels"}


def comparable(answer: Any, silence: str) -> Any:
    """Leave out when, and which id; sort what has no order."""
    if isinstance(answer, dict):
        kept = {k: comparable(v, silence) for k, v in answer.items() if k not in NOT_IN_0_25}
        return {k: "when" if k in TIMES or _is_now(k, v) else v for k, v in kept.items()}
    if isinstance(answer, list):
        listed = [comparable(item, silence) for item in answer]
        return sorted(listed, key=lambda item: json.dumps(item, sort_keys=True))
    return "SILENCE" if answer == silence else answer


def _is_now(name: str, value: Any) -> bool:
    """Whether it is a time of this test: the year is neither that of the past nor of the end."""
    return name in {"startsAt", "endsAt"} and value[:4] != "2096" and value[:7] != "2026-01"


@pytest.mark.peer("alertmanager")
def test_it_answers_as_a_real_alertmanager(served: Served, real: str):
    """The same alerts and silence, the same questions, the same answers."""
    both = (f"{served.url}/api/v2", f"{real}/api/v2")
    silences = []
    for url in both:
        assert send(f"{url}/alerts", json.dumps(ALERTS).encode(), "POST").status == 200
        made = send(f"{url}/silences", json.dumps(SILENCE).encode(), "POST")
        assert made.status == 200, made.body
        silences.append(made.json["silenceID"])
    time.sleep(1.5)  # Alertmanager knows who inhibits and silences what once it has told
    for name, question in QUESTIONS.items():
        ours, theirs = (fetch(f"{url}{question}") for url in both)
        assert ours.status == theirs.status, name
        if theirs.status == 200:
            answers = [
                comparable(reply.json, silence)
                for reply, silence in zip((ours, theirs), silences, strict=True)
            ]
            assert answers[0] == answers[1], name
        elif theirs.status == 400:
            assert isinstance(ours.json, str), name
            assert isinstance(theirs.json, str), name
    status = [fetch(f"{url}/status").json for url in both]
    assert {key: set(value) for key, value in status[0].items() if key != "uptime"} == {
        key: set(value) for key, value in status[1].items() if key != "uptime"
    }


@pytest.mark.peer("alertmanager")
def test_it_takes_and_refuses_what_a_real_alertmanager_does(served: Served, real: str):
    """What is wrong for one is wrong for the other."""
    posts = {
        "/alerts": {
            "nothing": [],
            "no labels": [{"labels": {}}],
            "only empty labels": [{"labels": {"a": ""}}],
            "an end before the start": [
                {
                    "labels": {"alertname": "x"},
                    "startsAt": "2026-01-02T00:00:00Z",
                    "endsAt": "2026-01-01T00:00:00Z",
                }
            ],
            "no times": [{"labels": {"alertname": "x"}}],
        },
        "/silences": {
            "ends before it begins": {**SILENCE, "startsAt": "2097-01-01T00:00:00Z"},
            "over": {**SILENCE, "endsAt": "2026-01-02T00:00:00Z"},
            "matches everything": {
                **SILENCE,
                "matchers": [{"name": "a", "value": ".*", "isRegex": True}],
            },
            "a wrong regular expression": {
                **SILENCE,
                "matchers": [{"name": "a", "value": "(", "isRegex": True}],
            },
            "an unknown id": {**SILENCE, "id": "c5a0a31c-8e1b-4a3b-9d5c-2f4a4f2c7d11"},
            "right": SILENCE,
        },
    }
    for path, bodies in posts.items():
        for name, body in bodies.items():
            raw = json.dumps(body).encode()
            ours, theirs = (send(f"{url}/api/v2{path}", raw, "POST") for url in (served.url, real))
            assert ours.status == theirs.status, f"{path}: {name}: {ours.body!r} {theirs.body!r}"


# --- Ours ------------------------------------------------------------------------------------


WRONG = {
    "no JSON": ("/api/v2/alerts", b"{", 400),
    "no list": ("/api/v2/alerts", {}, 400),
    "no object": ("/api/v2/alerts", [1], 400),
    "labels that are no strings": ("/api/v2/alerts", [{"labels": {"a": 1}}], 400),
    "half a surrogate": ("/api/v2/alerts", b'[{"labels": {"a": "\\ud800"}}]', 400),
    "a time in words": ("/api/v2/alerts", [{"labels": {"a": "b"}, "startsAt": "noon"}], 400),
    "a silence without an end": ("/api/v2/silences", {**SILENCE, "endsAt": ""}, 400),
    "a silence without matchers": ("/api/v2/silences", {**SILENCE, "matchers": []}, 400),
    "a silence of a list": ("/api/v2/silences", [], 400),
    "too much": ("/api/v2/alerts", b" " * ((1 << 20) + 1), 413),
}


@pytest.mark.parametrize(("path", "body", "status"), WRONG.values(), ids=WRONG)
def test_wrong_bodies_are_refused_and_nothing_changes(
    served: Served, path: str, body: Any, status: int
):
    """What is wrong is said in a string of JSON."""
    reply = served.send(path, body)
    assert (reply.status, type(reply.json)) == (status, str)
    assert served.get("/api/v2/alerts").json == []
    assert served.get("/api/v2/silences").json == []


def test_right_alerts_are_taken_beside_wrong_ones(served: Served):
    """One sender's mistake does not keep its other alerts from being told."""
    body = [{"labels": {}}, {"labels": {"alertname": "Right"}}]
    assert served.send("/api/v2/alerts", body).status == 400
    (alert,) = served.get("/api/v2/alerts").json
    assert alert["labels"] == {"alertname": "Right"}


FROM_ELSEWHERE = {
    "a page of another site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "a page of another service of this site": ({"Sec-Fetch-Site": "same-site"}, 403),
    "an old browser, another site": ({"Origin": "https://evil.example"}, 403),
    "a page without a site": ({"Origin": "null"}, 403),
    "our own page": ({"Sec-Fetch-Site": "same-origin", "Origin": "https://hub.example"}, 200),
    "a token": ({"Authorization": "token x", "Origin": "https://grafana.example"}, 200),
    "a program": ({}, 200),
    "no JSON, which a form can send": ({"Content-Type": "text/plain"}, 415),
}


@pytest.mark.parametrize(("headers", "status"), FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_pages_of_other_sites_change_nothing(served: Served, headers: dict[str, str], status: int):
    """Who looks at a bad page while logged in does not silence the Hub's alerts with it."""
    assert served.send("/api/v2/silences", SILENCE, headers=headers).status == status
    assert len(served.get("/api/v2/silences").json) == (status == 200)


def test_a_page_of_another_site_ends_no_silence(served: Served):
    """A DELETE is guarded as a POST is."""
    silence = served.send("/api/v2/silences", SILENCE).json["silenceID"]
    path = f"/api/v2/silence/{silence}"
    assert served.send(path, b"", "DELETE", {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert served.get(path).json["status"] == {"state": "active"}
    assert served.send(path, b"", "DELETE").status == 200
    assert served.get(path).json["status"] == {"state": "expired"}


def test_without_a_notifier_it_says_who_is_told(tmp_path: Path):
    """Where real Alertmanagers are told, this API is not there, and says why."""
    with ApiServer(Context(), "/m") as server:
        reply = server.ask("/alertmanager/api/v2/alerts")
        assert reply.status == 404
        assert "Alertmanagers" in reply.json
        assert server.ask("/alertmanager/-/ready").status == 503


def test_it_is_healthy_and_ready(served: Served):
    """What a load balancer asks of an Alertmanager."""
    assert [served.get(f"/-/{name}").status for name in ("healthy", "ready")] == [200, 200]
    assert served.get("/api/v1/alerts").status == 404
    assert isinstance(served.get("/nowhere").json, str)


def test_muted_groups_say_so(tmp_path: Path):
    """Grafana shows which groups are quiet at this time of day."""
    with Served(tmp_path) as served:
        text = CONFIG.replace("group_wait: 1s", "group_wait: 1s\n  mute_time_intervals: []")
        text = text.replace("group_by: [hub]", "group_by: [hub]\n      mute_time_intervals: [ever]")
        text += "time_intervals:\n  - name: ever\n    time_intervals: [{years: ['2000:2100']}]\n"
        served.notifier.update(load_routing(text), served.notifier._dispatcher.receivers)
        served.send("/api/v2/alerts", ALERTS[:1])
        (group,) = served.get("/api/v2/alerts/groups").json
        assert group["alerts"][0]["status"]["mutedBy"] == ["ever"]
        assert group["alerts"][0]["status"]["state"] == "suppressed"
        assert served.get("/api/v2/alerts/groups", {"muted": "false"}).json == []
