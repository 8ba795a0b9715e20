"""What the service tells of the engine beside it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_monitoring.errors import (
    BadData,
    EngineUnauthorised,
    EngineUnreachable,
    NotPrometheus,
    QueryTimedOut,
)
from jupyterhub_monitoring.querier import Instant, Sample, Shape
from jupyterhub_monitoring.service.engine_part import SETTLED_SECONDS, EnginePart
from jupyterhub_monitoring.service.faults import Faults


@dataclass
class Engine:
    """An engine that has everything, but for what a test takes away."""

    place: str = "https://prometheus.example.org"
    error: Exception | None = None
    lacks: str = ""
    groups: Any = ("a group",)
    victoria: bool = False
    asked: list[str] = field(default_factory=list)

    async def instant(self, expr: str) -> Instant:
        self.asked.append(expr)
        if self.error is not None:
            raise self.error
        if "default" in expr and not self.victoria:
            raise BadData("parse error")
        value = math.nan if self.lacks and self.lacks in expr else 1.0
        return Instant(0.0, Shape.VECTOR, (Sample({}, value),))

    async def rules(self, _own: Any) -> Any:
        if isinstance(self.groups, Exception):
            raise self.groups
        return self.groups


@dataclass
class Rig:
    engine: Engine
    now: float = 0.0
    alerts: bool = True

    def __post_init__(self) -> None:
        self.faults = Faults()
        self.context = SimpleNamespace(
            faults=self.faults, rules=None, victoria=False, own_labels={}, querier=self.engine
        )
        settings = SimpleNamespace(alerts=SimpleNamespace(enabled=self.alerts))
        host: Any = SimpleNamespace(context=self.context, settings=settings)
        querier: Any = self.engine
        self.part = EnginePart(host, querier, lambda: self.now)

    def look(self, times: int = 1) -> dict[str, str]:
        for _ in range(times):
            asyncio.run(self.part.look())
        return {fault.code.code: fault.message for fault in self.faults.standing()}


def test_a_well_engine_is_told_nothing_of():
    """Its rules are the service's, and no code stands."""
    rig = Rig(Engine(), now=SETTLED_SECONDS)
    assert rig.look() == {}
    assert rig.context.rules.snapshot() == ("a group",)
    assert not rig.context.victoria


def test_one_miss_is_a_restart_and_two_are_a_fault():
    """Nobody is told of a moment; the fault is over with the first answer."""
    rig = Rig(Engine(error=EngineUnreachable("https://prometheus.example.org is away")))
    assert rig.look() == {}
    assert rig.look() == {"MON-QUERY-01": "https://prometheus.example.org is away."}
    rig.engine.error = None
    assert rig.look() == {}


@pytest.mark.parametrize("error", [EngineUnauthorised, NotPrometheus])
def test_what_does_not_pass_by_itself_is_told_at_once(error: Callable[[str], Exception]):
    """A wrong token or a login page stays until somebody changes it."""
    assert Rig(Engine(error=error("no"))).look() == {"MON-QUERY-01": "no."}


def test_a_slow_engine_is_told_of():
    """It may be overloaded for long."""
    assert "timed out" in Rig(Engine(error=QueryTimedOut(30))).look(2)["MON-QUERY-01"]


def test_a_bug_of_ours_is_a_fault_and_no_end():
    """The service goes on."""
    assert "ValueError" in Rig(Engine(error=ValueError("odd"))).look()["MON-QUERY-01"]


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (Engine(lacks="hub_info"), "no numbers of the Hub"),
        (Engine(lacks="service_build_info"), "no numbers of its monitoring service"),
        (Engine(groups=()), "no rule about this Hub"),
        (Engine(groups=NotPrometheus("404")), "no rule about this Hub"),
    ],
    ids=["hub", "service", "rules", "cannot tell of rules"],
)
def test_what_is_missing_is_told_when_it_should_be_there(engine: Engine, said: str):
    """Not in the first minutes, in which nothing may be scraped yet."""
    rig = Rig(engine)
    assert rig.look() == {}
    rig.now = SETTLED_SECONDS
    told = rig.look()["MON-QUERY-02"]
    assert said in told
    assert "jupyterhub-monitoring export prometheus" in told


def test_who_wants_no_rules_is_not_told_of_them():
    """`c.MonitoringAlerts.enabled = False`."""
    assert Rig(Engine(groups=()), now=SETTLED_SECONDS, alerts=False).look() == {}


def test_victoria_metrics_is_known_by_its_own_words():
    """Plots of events are right on it only if they know."""
    rig = Rig(Engine(victoria=True))
    rig.look()
    assert rig.context.victoria
