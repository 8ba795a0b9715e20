"""`AlertManager` and `ALERTING_RULES`: what the page shows works."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

import pytest

from jupyterhub_monitoring import ALERTING_RULES, AlertManager
from jupyterhub_monitoring.alerting import alert_manager
from jupyterhub_monitoring.alerting.expositions import MOST, Expositions
from jupyterhub_monitoring.errors import BadData
from jupyterhub_monitoring.promql.engine import Engine
from support.hook import Hook
from support.memory_store import MemoryStore

MEMORY = "jupyterhub_hub_memory_usage_bytes {}\njupyterhub_hub_memory_total_bytes 100\n"


def spawns(good: int, bad: int) -> str:
    return f"jupyterhub_spawn_success_total {good}\njupyterhub_spawn_failure_total {bad}\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time in milliseconds, which a test may move."""
    now = [1_764_000_000_000]
    monkeypatch.setattr(alert_manager, "_now", lambda: now[0])
    return now


def test_the_rules_are_the_pages():
    """Its names and keys; `for` and severity as there."""
    assert {
        name: (rule["for"], rule["severity"], rule["summary"])
        for name, rule in ALERTING_RULES.items()
    } == {
        "high_spawn_failure_rate": ("5m", "warning", "High spawn failure rate detected"),
        "hub_memory_high": ("2m", "critical", "Hub memory usage critical"),
        "no_running_servers": ("10m", "warning", "No servers currently running"),
    }
    assert all(set(r) == {"expr", "for", "severity", "summary"} for r in ALERTING_RULES.values())


@pytest.mark.parametrize(
    ("expr", "text", "holds"),
    [
        (ALERTING_RULES["hub_memory_high"]["expr"], MEMORY.format(95), True),
        (ALERTING_RULES["hub_memory_high"]["expr"], MEMORY.format(85), False),
        (ALERTING_RULES["no_running_servers"]["expr"], "jupyterhub_running_servers 0\n", True),
        (ALERTING_RULES["no_running_servers"]["expr"], "jupyterhub_running_servers 1\n", False),
        (ALERTING_RULES["no_running_servers"]["expr"], "", False),
        ('up{job="a"} == 0', b'up{job="a"} 0\nup{job="b"} 1\n', True),
        ('up{job="b"} == 0', b'up{job="a"} 0\nup{job="b"} 1\n', False),
        ("1 > bool 0", "", True),
        ("1 > bool 2", "", False),
        ("rate(jupyterhub_spawn_failure_total[5m]) > 0", spawns(1, 1), False),
    ],
)
def test_a_condition_is_evaluated(expr: str, text: str | bytes, holds: bool):
    """PromQL over one exposition; in a single one there is no rate."""
    assert AlertManager().evaluate_condition(expr, text) is holds


@pytest.mark.parametrize(
    ("good", "bad", "holds"),
    [(0, 5, True), (5, 5, True), (95, 5, False), (5, 0, False), (0, 0, False)],
    ids=["total outage", "half", "a few", "all well", "nothing happened"],
)
def test_failures_are_of_all_spawns(clock: list[int], good: int, bad: int, holds: bool):
    """The page's expression divides by zero when all fail, and is silent then; ours is not."""
    manager, expr = AlertManager(), ALERTING_RULES["high_spawn_failure_rate"]["expr"]
    assert not manager.evaluate_condition(expr, spawns(10, 10))
    clock[0] += 60_000
    assert manager.evaluate_condition(expr, spawns(10 + good, 10 + bad)) is holds


def test_no_success_was_ever_counted(clock: list[int]):
    """A Hub on which no spawn went well yet has no such series; that must not hide failures."""
    manager, expr = AlertManager(), ALERTING_RULES["high_spawn_failure_rate"]["expr"]
    manager.evaluate_condition(expr, "jupyterhub_spawn_failure_total 1\n")
    clock[0] += 60_000
    assert manager.evaluate_condition(expr, "jupyterhub_spawn_failure_total 2\n")


def test_a_store_or_an_engine_will_do():
    """What the service keeps can be asked the same way."""
    now = alert_manager._now()
    store = MemoryStore.of({"jupyterhub_running_servers": {now - 1_000: 0.0}})
    for metrics in (store, Engine(store)):
        assert AlertManager().evaluate_condition("jupyterhub_running_servers == 0", metrics)
        assert not AlertManager().evaluate_condition("jupyterhub_running_servers > 0", metrics)


@pytest.mark.parametrize(("expr", "text"), [("up ==", "up 1\n"), ("up", "{{{ no metrics\n")])
def test_what_cannot_be_read_is_an_error(expr: str, text: str):
    """Never a quiet False."""
    with pytest.raises(BadData):
        AlertManager().evaluate_condition(expr, text)


async def test_a_webhook_is_told():
    """The page's JSON, once while the condition holds, and again when it comes back."""
    async with Hook() as hook:
        manager = AlertManager(webhook_url=hook.url)
        await manager.check_alerts(MEMORY.format(95))
        await manager.check_alerts(MEMORY.format(96))
        assert list(manager.alerts) == ["hub_memory_high"]
        told = hook.json
        at = datetime.fromisoformat(told.pop("timestamp"))
        assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=5)
        assert told == {
            "alert": "hub_memory_high",
            "severity": "critical",
            "summary": "Hub memory usage critical",
        }
        assert len(hook.requests) == 1
        await manager.check_alerts(MEMORY.format(50))
        assert manager.alerts == {}
        await manager.check_alerts(MEMORY.format(95))
        assert len(hook.requests) == 2


async def test_a_webhook_that_fails_is_told_at_the_next_check(caplog: pytest.LogCaptureFixture):
    """And the log says so, without the token in its address."""
    caplog.set_level(logging.WARNING)
    async with Hook(status=503) as hook:
        manager = AlertManager(f"{hook.url}/s3cretT0ken")
        await manager.check_alerts(MEMORY.format(95))
        assert manager.alerts == {}
        assert "hub_memory_high" in caplog.text
        assert "s3cretT0ken" not in caplog.text
        hook.status = 200
        await manager.check_alerts(MEMORY.format(95))
        assert list(manager.alerts) == ["hub_memory_high"]
        assert len(hook.requests) == 2


async def test_without_a_webhook_it_only_looks():
    """`alerts` says what holds."""
    manager = AlertManager()
    await manager.check_alerts("jupyterhub_running_servers 0\n")
    assert list(manager.alerts) == ["no_running_servers"]


def test_what_is_remembered_is_bounded(clock: list[int]):
    """A manager that runs for weeks keeps an hour, however often it looks."""
    remembered = Expositions()
    for _ in range(2 * MOST + 10):
        clock[0] += 1_000
        remembered.add("up 1\n", clock[0])
    assert len(remembered._read) == MOST
    assert remembered._written < 2 * MOST
    assert Engine(remembered).instant("count_over_time(up[10s])", clock[0]).value.values == [[10]]
