"""Pages about alerts without a Hub: rules as they are now, a real notifier, a store with a past."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.message import Receivers
from jupyterhub_monitoring.alerting.notifying.notifier import Notifier
from jupyterhub_monitoring.alerting.routing.route import Route
from jupyterhub_monitoring.alerting.rules.alert_state import ActiveAlert, AlertState
from jupyterhub_monitoring.alerting.rules.rule_file import read_rules
from jupyterhub_monitoring.alerting.rules.rule_status import (
    GroupSnapshot,
    Health,
    RuleSnapshot,
    RuleStatus,
)
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier
from jupyterhub_monitoring.querier.runner import QueryRunner
from support.notifications import routing
from support.page_server import Context, PageServer
from support.stores import Clock, open_store, put

NASTY = "<img src=x onerror=alert(1)>\"'"
MINUTE = 60_000
NOW = time.time_ns() // 1_000_000

RULES = f"""
groups:
  - name: spawns
    rules:
      - alert: SpawnsFail
        expr: increase(failures[30m]) > 2 and on () up == 1
        for: 5m
        labels: {{severity: critical}}
        annotations:
          summary: Servers fail to start.
          runbook_url: https://docs.example/SpawnsFail.md
      - alert: Nasty
        expr: vector(1)
        labels: {{severity: warning}}
        annotations: {{summary: '{NASTY.replace("'", "''")}'}}
      - alert: HubWatchdog
        expr: vector(1)
      - record: hub:failures:sum
        expr: sum(failures)
"""


def active(name: str, state: AlertState = AlertState.FIRING, **labels: str) -> ActiveAlert:
    """Return an alert that began ten minutes ago, of a rule with the summary *name*."""
    found = labels_of({"alertname": name, **labels})
    notes = labels_of({"summary": f"{name} it is.", "runbook_url": "https://docs.example/x.md"})
    return ActiveAlert(found, notes, 1.0, NOW - 10 * MINUTE, state, fired_at=NOW - 5 * MINUTE)


@dataclass
class Rules:
    """A rule book whose alerts a test sets: by the names of rules."""

    alerts: dict[str, list[ActiveAlert]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    text: str = RULES

    def snapshot(self) -> list[GroupSnapshot]:
        return [
            GroupSnapshot(group, 15_000, tuple(map(self._rule, group.rules)), 0.02, NOW)
            for group in read_rules("ours.yaml", self.text)
        ]

    def _rule(self, rule: Any) -> RuleSnapshot:
        alerts = {alert.labels: alert for alert in self.alerts.get(rule.name, ())}
        error = self.errors.get(rule.name, "")
        health = Health.ERR if error else Health.OK
        status = RuleStatus(health, error, 0.003, NOW, MappingProxyType(alerts))
        return RuleSnapshot(rule, status)


@dataclass
class AlertPages:
    """Served pages, and what they are made of."""

    server: PageServer
    context: Context
    rules: Rules
    notifier: Notifier

    def fire(self, *alerts: ActiveAlert) -> None:
        """Let *alerts* be active, and the firing ones be at the notifier."""
        for alert in alerts:
            self.rules.alerts.setdefault(dict(alert.labels)["alertname"], []).append(alert)
        firing = [a for a in alerts if a.state is AlertState.FIRING]
        sent = [Alert(a.labels, a.annotations, a.active_at, NOW + 60 * MINUTE) for a in firing]
        self.notifier.put(sent, NOW)

    def page(self, path: str = "alerts", **query: str) -> str:
        """Return a page's text."""
        reply = self.server.get(path, **query)
        assert reply.status == 200, reply.body
        return reply.body.decode()

    def begin_telling(self) -> None:
        """Let the notifier decide and deliver."""
        asyncio.run_coroutine_threadsafe(self.notifier.start(), self.server.loop).result(30)


@contextmanager
def alert_pages(
    folder: Path, receivers: Receivers | None = None, rules: Rules | None = None
) -> Iterator[AlertPages]:
    """Serve pages; nothing fires yet. The store knows of no alert."""
    route = Route("team", group_by=frozenset({"alertname"}), group_wait=0)
    notifier = Notifier(folder, routing(route), receivers or {})
    rules = rules or Rules()
    with past_store(folder / "store", {}) as querier:
        context = Context(querier=querier, rules=rules, notifier=notifier)
        with PageServer(context) as server:
            yield AlertPages(server, context, rules, notifier)
            asyncio.run_coroutine_threadsafe(notifier.stop(), server.loop).result(30)


@contextmanager
def past_store(
    folder: Path, samples: Mapping[tuple[tuple[str, str], ...], list[tuple[int, float]]]
) -> Iterator[EmbeddedQuerier]:
    """Give what asks a store with *samples*: for label sets, milliseconds and values."""
    folder.mkdir(exist_ok=True)
    store = open_store(folder, Clock(NOW + MINUTE))
    rows: dict[int, list[tuple[Any, float]]] = {}
    for labels, pairs in samples.items():
        for at, value in pairs:
            rows.setdefault(at, []).append((labels, value))
    for at in sorted(rows):
        put(store, at, [labels for labels, _ in rows[at]], [value for _, value in rows[at]])
    runner = QueryRunner(Limits())
    parts = SimpleNamespace(engine=Engine(store, Limits()), store=store, unavailable=None)
    yield EmbeddedQuerier(runner, parts)
    runner.close()
    store.close()
