"""Hub first: with any part of ours broken or hanging, the Hub does what a stock Hub does."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

from jupyterhub_monitoring import hub as room
from jupyterhub_monitoring.metrics.labels import Point
from support.faulty import HANG, WALK_CONFIG, Walk, breaking, walk
from support.real_hub import RealHub

# Points that do not depend on each other are broken together: a Hub takes seconds to start.
GROUPS = {
    "what a request passes": {
        Point.REQUEST,
        Point.LOGIN,
        Point.SPAWN_REQUEST,
        Point.SERVER_STOP,
        Point.DATABASE_EVENT,
    },
    "inside a spawn": {Point.SPAWN, Point.EVENT_LOG, Point.LOGOUT},
    "what the service is told": {Point.ACTIVITY},
    "phases and pages": {Point.SPAWN_PHASE, Point.METRICS_PAGE, Point.START},
    "counts": {Point.SERVER_COUNT, Point.STOP, Point.RESOURCE_USAGE},
    "settings": {Point.SETTINGS},
    "attach": {Point.ATTACH},
    "everything": set(Point),
}

# Their code is awaited, so it is not a guarded function: support/faulty.py breaks it by name.
AWAITED = {Point.SERVER_COUNT, Point.METRICS_PAGE, Point.STOP}


def guarded_points() -> set[Point]:
    """Return the points that some function of ours is guarded for."""
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")
    from jupyterhub_monitoring.hub.guard import GUARDED  # noqa: PLC0415

    return {point for point, functions in GUARDED.items() if functions}


@pytest.fixture(scope="module")
def stock(module_hub: Callable[..., RealHub]) -> Walk:
    """What a Hub without us gives at each step."""
    return walk(module_hub(config=WALK_CONFIG, setup_line=False))


def test_every_point_is_broken_by_some_test() -> None:
    """No instrumentation point is left out below."""
    tried = set().union(*(points for name, points in GROUPS.items() if name != "everything"))
    assert tried == set(Point)
    assert guarded_points() | AWAITED == tried


@pytest.mark.parametrize("group", GROUPS)
def test_a_fault_of_ours_changes_nothing(
    stock: Walk, make_hub: Callable[..., RealHub], group: str
) -> None:
    """Login, spawn, stop, logout, pages and shutdown go as on a stock Hub, and faults are told."""
    points = {point.value for point in GROUPS[group]}
    way = walk(make_hub(config=WALK_CONFIG, before=breaking(points)))
    assert way.got == stock.got
    assert {point for point in points if f"failed at {point};" not in way.log} <= not_passed(points)
    if registered(points):
        assert set(way.errors) == {p for p in points if p in way.errors or not after_page(p)} - (
            not_passed(points)
        )


def registered(points: set[str]) -> bool:
    """Tell whether our metrics can be on the page with these points broken."""
    return not points & {Point.ATTACH.value, Point.SETTINGS.value}


def after_page(point: str) -> bool:
    """Tell whether the Hub passes *point* only when it stops: too late for the metrics page."""
    return point == Point.STOP.value


def not_passed(points: set[str]) -> set[str]:
    """Return those of *points* that the Hub cannot come to, because an earlier one is broken."""
    return points - {Point.ATTACH.value} if Point.ATTACH.value in points else set()


def test_a_fault_is_counted_each_time(make_hub: Callable[..., RealHub]) -> None:
    """Three logins with a broken login counter are three errors and no login."""
    hub = make_hub(before=breaking({"login"})).start()
    for _ in range(3):
        assert hub.login("ann").status == 200
    assert hub.metric("monitoring_instrumentation_errors_total", point="login") == 3
    assert hub.metric("login_success_total") == 0
    assert hub.log.count("failed at login;") == 1, "one traceback a minute is enough"


def test_a_hang_of_ours_delays_nothing(stock: Walk, make_hub: Callable[..., RealHub]) -> None:
    """Queries, health checks, listeners and our own shutdown that take 60 s delay no one."""
    hub = make_hub(config=WALK_CONFIG + HANG_SETTINGS, before=HANG)
    way = walk(hub, scrape=False)
    assert way.got == {step: got for step, got in stock.got.items() if "metrics" not in step}
    hung = set((hub.folder / "hung").read_text().split())
    assert {"query", "listener", "stop"} <= hung, "the faults were in nobody's way"
    slow = {step: s for step, s in way.seconds.items() if s > stock.seconds[step] + 8}
    assert slow == {}


HANG_SETTINGS = """
c.Monitoring.collect_interval_seconds = 1
"""
