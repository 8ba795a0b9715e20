"""Remote write in the service: with a real Hub, on the page Status, as a health code."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from jupyterhub_monitoring.pages.sources import Sources
from jupyterhub_monitoring.remote_write.state import Refused, WriteState
from jupyterhub_monitoring.service import settings
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.hub_pages import open_routes
from jupyterhub_monitoring.service.outside import Outside
from jupyterhub_monitoring.service.remote_write_part import LATE_MS, RemoteWritePart, problem_of
from support.service_hub import ServiceHub, eventually
from support.write_receiver import WriteReceiver

CONFIG = """
c.Monitoring.external_labels = {{"hub": "physics"}}
c.Monitoring.remote_write = [
    {{"url": {url!r}, "authorization": {{"credentials": "t0k3n-t0k3n"}}}},
    {{"url": "http://127.0.0.1:1/", "bearer_tokn": "t0k3n-t0k3n"}},
]
"""
UP = (("__name__", "up"), ("hub", "physics"), ("instance", "hub"), ("job", "jupyterhub"))
NOW = 1_700_000_000_000


@pytest.fixture
def receiver() -> Iterator[WriteReceiver]:
    with WriteReceiver() as made:
        yield made


def test_a_real_hub(tmp_path: Path, receiver: WriteReceiver):
    """Its samples arrive, over a kill -9 of the service too; no secret is shown anywhere."""
    hub = ServiceHub(tmp_path / "hub", config=CONFIG.format(url=receiver.url))
    hub.start()
    try:
        hub.wait_until_open()
        eventually(lambda: len(receiver.kept.get(UP, ())) >= 2)
        assert "did you mean 'bearer_token'?" in hub.wait_for_code("MON-CFG-01")
        before = len(receiver.kept[UP])
        hub.services[0].send_signal(signal.SIGKILL)
        eventually(lambda: len(receiver.kept[UP]) >= before + 3)
        samples = set(receiver.kept[UP])
        assert len(samples) == len(dict(samples)), "an instant has two values"
        (name,) = eventually(lambda: [*(hub.data_dir / "remote-write").glob("*.json")])
        assert name.stat().st_mode & 0o777 == 0o600
        assert json.loads(name.read_text())["streams"]
        shown = [hub.log, name.read_text(), hub.ask("status").text, hub.ask("health").text]
        shown.append(hub.ask("metrics").text)
        assert "jupyterhub_monitoring_remote_write_samples_total" in shown[-1]
    finally:
        hub.kill()
    assert all("t0k3n" not in text for text in shown)
    assert receiver.requests[0].headers["Authorization"] == "Bearer t0k3n-t0k3n"


async def test_each_receiver_has_its_line(tmp_path: Path):
    """Status says who takes samples and who does not, and why."""
    host = Host(tmp_path, settings.read("{}"), CollectorRegistry())
    host.context.writing = [
        WriteState("central", "https://c", sent=1234, taken_ms=NOW),
        WriteState("other", "https://o", oldest_ms=NOW, failing_since_ms=NOW, failure="<gone>"),
    ]
    server = HTTPServer(Application(open_routes(host.context, Sources(host.context, "/"))))
    sock, port = bind_unused_port()
    server.add_socket(sock)
    page = (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/status")).body.decode()
    server.stop()
    assert "Remote write" in page
    assert "1,234" in page
    assert "takes samples" in page
    assert "takes nothing" in page
    assert "&lt;gone&gt;" in page


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (WriteState("far", "x", oldest_ms=NOW), None),
        (WriteState("far", "x", failing_since_ms=NOW - 1000, failure="refused"), None),
        (
            WriteState("far", "x", 0, None, NOW, NOW - LATE_MS, "connection refused"),
            "far takes nothing since 2023-11-14 22:08:20 UTC: connection refused.",
        ),
        (
            WriteState("far", "x", refused=Refused(5000, NOW, "answered 400: bad")),
            "far refused 5,000 samples for good since the start",
        ),
        (WriteState("far", "x", refused=Refused(5000, NOW - 4_000_000, "bad")), None),
        (WriteState("far", "x", lost_ms=NOW), "Retention dropped what came before 2023-11-14"),
        (
            WriteState("far", "x", problem="the file cannot be read"),
            "far: the file",
        ),
    ],
    ids=["well", "a moment", "long", "refused", "long ago", "lost", "file"],
)
def test_problems(state: WriteState, told: str | None):
    """Each has its sentence; what passes by itself has none."""
    said = problem_of(state, NOW)
    assert (said is None) if told is None else told in (said or "")


async def test_with_another_engine_there_is_nothing_to_send(tmp_path: Path):
    """It is told that the setting is not used then."""
    host = Host(tmp_path, settings.read("{}"), CollectorRegistry(), beside=object())  # type: ignore[arg-type]
    RemoteWritePart(host, Outside(remote_write=({"url": "http://x/w"},)), tmp_path)
    ((problem,),) = [fault.problems for fault in host.context.faults.standing()]
    assert "c.Monitoring.remote_write is not used with c.Monitoring.prometheus_url" in problem
