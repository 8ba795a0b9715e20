"""What `@guarded` promises: our faults stay ours."""

from __future__ import annotations

import logging

import pytest

import jupyterhub_monitoring.hub.monitor  # noqa: F401 -- its guarded functions are the points
from jupyterhub_monitoring.hub import guard
from jupyterhub_monitoring.metrics.catalogue import INSTRUMENTATION_ERRORS
from jupyterhub_monitoring.metrics.labels import Point

REPORTED = {Point.STOP, Point.SERVER_COUNT, Point.METRICS_PAGE}
"""Points in asynchronous code, which calls `report` by itself."""


def errors(point: Point) -> float:
    return INSTRUMENTATION_ERRORS.labels(point.value)._value.get()


@pytest.fixture(autouse=True)
def _log_from_anew(monkeypatch):
    monkeypatch.setattr(guard, "_last_logged", {})


def test_a_fault_is_counted_and_goes_no_further():
    """A guarded function that raises returns None, and the error is counted under its point."""

    @guard.guarded(Point.ATTACH)
    def broken() -> int:
        raise KeyError("bug")

    before = errors(Point.ATTACH)
    assert broken() is None
    assert errors(Point.ATTACH) == before + 1
    guard.GUARDED[Point.ATTACH].remove(broken)


def test_a_fault_in_every_request_does_not_fill_the_disk(caplog):
    """A thousand faults at one point are one traceback a minute, and a thousand counts."""
    before = errors(Point.REQUEST)
    with caplog.at_level(logging.ERROR):
        for _ in range(1000):
            guard.report(Point.REQUEST, ValueError("bug"))
    assert len(caplog.records) == 1
    assert errors(Point.REQUEST) == before + 1000


def test_what_ends_the_hub_is_not_held_back():
    """SystemExit and KeyboardInterrupt pass: they are not faults of ours."""

    @guard.guarded(Point.ATTACH)
    def stop() -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        stop()
    guard.GUARDED[Point.ATTACH].remove(stop)


@pytest.mark.parametrize("point", Point)
def test_every_point_is_somewhere(point):
    """No label value stands for a point that does not exist."""
    assert point in REPORTED or guard.GUARDED.get(point)
