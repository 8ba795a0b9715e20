"""What the service's own page and its health say, without a Hub around it."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from jupyterhub_monitoring.health.codes import NOTIFY_WRONG, RULES_WRONG
from jupyterhub_monitoring.pages.sources import Sources
from jupyterhub_monitoring.service import settings
from jupyterhub_monitoring.service.alerting_part import AlertingPart
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.faults import MOST_PROBLEMS, Faults
from jupyterhub_monitoring.service.hub_pages import open_routes
from jupyterhub_monitoring.service.outside import Outside


class Served:
    """The pages of a host whose settings are *text*."""

    def __init__(self, folder: Path, text: str = "{}") -> None:
        self.host = Host(folder, settings.read(text), CollectorRegistry())
        sources = Sources(self.host.context, "/")
        self.server = HTTPServer(Application(open_routes(self.host.context, sources)))
        sock, self.port = bind_unused_port()
        self.server.add_socket(sock)

    async def get(self, path: str = "/status") -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        return (await AsyncHTTPClient().fetch(url)).body.decode()

    async def codes(self) -> dict[str, Any]:
        checks = orjson.loads(await self.get("/health"))["checks"]
        return {one["jupyterhub:code"]: one for found in checks.values() for one in found}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()


async def test_each_problem_has_its_line(served: Served, caplog: pytest.LogCaptureFixture):
    """Two settings that are wrong are two points on the page, in the health and in the log."""
    with caplog.at_level(logging.ERROR):
        served.host.add_problem("c.A.x is wrong.")
        served.host.add_problem("c.B.y is <wrong>.")
    assert [record.getMessage() for record in caplog.records] == [
        "MON-CFG-01: c.A.x is wrong.",
        "MON-CFG-01: c.B.y is <wrong>.",
    ]
    page = await served.get()
    assert "<li>c.A.x is wrong.</li><li>c.B.y is &lt;wrong&gt;.</li>" in page
    said = (await served.codes())["MON-CFG-01"]
    assert said["jupyterhub:problems"] == ["c.A.x is wrong.", "c.B.y is <wrong>."]
    assert said["output"] == "c.A.x is wrong.\nc.B.y is <wrong>."


def test_problems_are_told_of_once_and_are_not_endless(caplog: pytest.LogCaptureFixture):
    """What stands already is not logged again; a thousand problems are fifty and a number."""
    faults = Faults()
    with caplog.at_level(logging.INFO):
        faults.put(RULES_WRONG, "a", "b", "a")
        faults.put(RULES_WRONG, "b", "c")
        faults.put(RULES_WRONG, None)
        faults.put(RULES_WRONG)
    assert [record.getMessage() for record in caplog.records] == [
        *("MON-RULES-01: a", "MON-RULES-01: b", "MON-RULES-01: c"),
        *("MON-RULES-01 is over: b", "MON-RULES-01 is over: c"),
    ]
    assert not faults.standing()
    faults.put(RULES_WRONG, *map(str, range(1000)))
    (fault,) = faults.standing()
    assert len(fault.problems) == MOST_PROBLEMS + 1
    assert fault.problems[-1] == "And 950 more."


@pytest.mark.parametrize(
    ("base", "link"),
    [
        ("https://wiki.example.org/hub/", 'href="https://wiki.example.org/hub/MON-NOTIFY-01.md"'),
        ("javascript:alert(1)", "<code>docs/runbooks/MON-NOTIFY-01.md</code>"),
    ],
    ids=["a copy of ours", "no address"],
)
async def test_a_code_leads_to_its_page(tmp_path: Path, base: str, link: str):
    """The same pages that alerts lead to, wherever the operator has them."""
    text = orjson.dumps({"MonitoringRules": {"runbook_base": base}}).decode()
    served = Served(tmp_path, text)
    served.host.context.faults.put(NOTIFY_WRONG, "x")
    page = await served.get()
    served.server.stop()
    assert link in page
    assert not re.search("href=.?javascript", page)


@pytest.mark.parametrize(
    ("outside", "routing_file", "nobody"),
    [
        (Outside(), "", True),
        (Outside(notify=("https://hook.example.org/",)), "", False),
        (Outside(alertmanagers=("http://127.0.0.1:9093",)), "", False),
        (Outside(), "alertmanager.yml", False),
    ],
    ids=["nothing", "notify", "alertmanagers", "routing file"],
)
async def test_that_nobody_is_told_is_said(
    tmp_path: Path, outside: Outside, routing_file: str, *, nobody: bool
):
    """An operator who set nothing learns that alerts reach nobody, and what to set."""
    text = orjson.dumps({"MonitoringAlerts": {"routing_file": routing_file}}).decode()
    served = Served(tmp_path, text)
    AlertingPart(served.host, outside, tmp_path)
    page = await served.get()
    served.server.stop()
    assert ("Nobody is told of alerts. Set <code>c.Monitoring.notify</code>" in page) is nobody
