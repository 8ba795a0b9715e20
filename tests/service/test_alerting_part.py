"""Alerting as a part of the service: what it notices of its files while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry

from jupyterhub_monitoring.service import alerting_part, settings
from jupyterhub_monitoring.service.alerting_part import AlertingPart
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.outside import Outside

ROUTING = """
route: {receiver: team}
receivers:
  - name: team
    slack_configs: [{api_url: "https://127.0.0.1/hook", text: '{{ template "mine" . }}'}]
templates: [texts/*.tmpl]
"""


async def holds(condition: Callable[[], bool], within_seconds: float = 60.0) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + within_seconds
    while not condition():
        assert loop.time() < end, "not in time"
        await asyncio.sleep(0.01)


async def test_a_template_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As a rule file is: broken, mended, one more; the routing file stays as it is."""
    monkeypatch.setattr(alerting_part, "LOOK_SECONDS", 0.02)
    (tmp_path / "alertmanager.yml").write_text(ROUTING)
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.tmpl").write_text('{{ define "mine" }}good{{ end }}')
    text = orjson.dumps({"MonitoringAlerts": {"routing_file": "alertmanager.yml"}}).decode()
    host = Host(tmp_path / "data", settings.read(text), CollectorRegistry())
    part = AlertingPart(host, Outside(), tmp_path)

    def problems() -> list[str]:
        return [problem for fault in host.context.faults.standing() for problem in fault.problems]

    await part.start()
    try:
        assert not problems()
        (texts / "a.tmpl").write_text('{{ define "mine" }}{{ if }}{{ end }}')
        await holds(lambda: any(f"{texts / 'a.tmpl'}:1: " in problem for problem in problems()))
        (texts / "a.tmpl").write_text('{{ define "mine" }}good again{{ end }}')
        await holds(lambda: not problems())
        (texts / "b.tmpl").write_text("{{ nonsense")
        await holds(lambda: any(f"{texts / 'b.tmpl'}:1: " in problem for problem in problems()))
        (texts / "b.tmpl").unlink()
        await holds(lambda: not problems())
    finally:
        for task in host._tasks:
            task.cancel()
        await part.stop()
