"""What an exception in each phase of a spawn means."""

from __future__ import annotations

import asyncio

import pytest
import tornado.gen
from jupyterhub import spawner as jupyterhub_spawner
from sqlalchemy.exc import OperationalError
from tornado.web import HTTPError

from jupyterhub_monitoring.hub.spawn_outcome import (
    SUCCESS,
    Outcome,
    Verdict,
    outcome_of,
    refusal_of,
)
from jupyterhub_monitoring.metrics.labels import RefusalReason, SpawnPhase

PREPARE, START, CONNECT, ROUTE = SpawnPhase


def failed(reason: str) -> Outcome:
    return Outcome(Verdict.FAILURE, reason)


REFUSED = Outcome(Verdict.REFUSED, "policy")

OUTCOMES = {
    "all went well": (None, ROUTE, {}, SUCCESS),
    "a hook has a bug": (KeyError("x"), PREPARE, {}, failed("hook")),
    "a hook ran out of time": (TimeoutError(), PREPARE, {}, failed("hook")),
    "a hook says no": (HTTPError(403), PREPARE, {}, REFUSED),
    "the database is down": (
        OperationalError("", {}, OSError()),
        PREPARE,
        {},
        failed("OperationalError"),
    ),
    "start raises": (OSError("no fork"), START, {}, failed("OSError")),
    "start says no": (HTTPError(400), START, {}, REFUSED),
    "start gives a 503": (HTTPError(503), START, {}, failed("HTTPError")),
    "start takes too long": (asyncio.TimeoutError(), START, {}, failed("timeout")),
    "tornado's own time-out": (tornado.gen.TimeoutError(), START, {}, failed("timeout")),
    "no answer": (TimeoutError(), CONNECT, {}, failed("http_timeout")),
    "no answer, gone": (TimeoutError(), CONNECT, {"had_exited": True}, failed("exited")),
    "a bad answer": (ValueError(), CONNECT, {}, failed("ValueError")),
    "the proxy said no": (None, ROUTE, {"route_failed": True}, failed("proxy")),
    "the Hub stopped": (
        asyncio.CancelledError(),
        CONNECT,
        {"had_exited": True},
        failed("cancelled"),
    ),
}


@pytest.mark.parametrize(("error", "phase", "facts", "outcome"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcome(error, phase, facts, outcome):
    """Each way of ending has one verdict and one reason."""
    assert outcome_of(error, phase, **facts) == outcome


def test_a_spawn_exception_is_a_refusal_whatever_its_status():
    """JupyterHub 6: "server is full" with a 503 is a policy, not a fault."""
    if not hasattr(jupyterhub_spawner, "SpawnException"):
        pytest.skip("JupyterHub 5 has no SpawnException")
    error = jupyterhub_spawner.SpawnException("full", reason="capacity", status_code=503)
    assert outcome_of(error, PREPARE) == REFUSED


def limit(retry_after: int | None) -> HTTPError:
    error = HTTPError(429, "no")
    if retry_after is not None:
        error.headers = {"Retry-After": retry_after}
    return error


REFUSALS = {
    "too many at once": (limit(30), RefusalReason.THROTTLED),
    "too many in all": (limit(None), RefusalReason.TOO_MANY_USERS),
    "one is pending": (RuntimeError("ada pending spawn"), RefusalReason.ALREADY_PENDING),
    "login has expired": (HTTPError(403), RefusalReason.POLICY),
    "a bug": (RuntimeError("oops"), None),
}


@pytest.mark.parametrize(("error", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_refusal(error, reason):
    """What is raised before a spawn begins is a refusal with its reason, or a fault."""
    assert refusal_of(error) == reason
