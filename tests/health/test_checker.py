"""HealthChecker without a Hub: what checks may return, how they may misbehave, what is kept."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_monitoring.errors import UnknownCheck
from jupyterhub_monitoring.health import CODES, Finding, HealthChecker, Status, result
from jupyterhub_monitoring.health import checker as checker_module
from jupyterhub_monitoring.health.history import KEPT
from jupyterhub_monitoring.health.report import readiness
from jupyterhub_monitoring.metrics import (
    HEALTH_CHECK_DURATION_SECONDS,
    HEALTH_CHECK_LAST_RUN,
    HEALTH_CHECK_STATUS,
)


@pytest.fixture
def checker() -> HealthChecker:
    return HealthChecker(SimpleNamespace())


async def _true() -> bool:
    return True


async def _raises() -> bool:
    raise ValueError("lost")


async def _hangs() -> bool:
    await asyncio.sleep(60)
    return True


WARNED = Finding(Status.WARNING, "few seats", "MY-01")

OUTCOMES = {
    "true": (lambda: True, "healthy", None),
    "none": (lambda: None, "healthy", None),
    "false": (lambda: False, "unhealthy", "HUB-CHECK-03"),
    "zero": (lambda: 0, "unhealthy", "HUB-CHECK-03"),
    "async": (_true, "healthy", None),
    "plain function that returns a coroutine": (lambda: _true(), "healthy", None),  # noqa: PLW0108
    "a finding": (lambda: WARNED, "warning", "MY-01"),
    "a finding without code": (lambda: Finding(Status.WARNING), "warning", "HUB-CHECK-03"),
    "raises": (_raises, "error", "HUB-CHECK-02"),
    "raises in a thread": (lambda: 1 / 0, "error", "HUB-CHECK-02"),
    "exits": (lambda: (_ for _ in ()).throw(SystemExit(3)), "error", "HUB-CHECK-02"),
    "hangs": (_hangs, "error", "HUB-CHECK-01"),
    "hangs in a thread": (lambda: time.sleep(8), "error", "HUB-CHECK-01"),
}


@pytest.mark.parametrize(("func", "status", "code"), OUTCOMES.values(), ids=OUTCOMES)
async def test_outcome(checker: HealthChecker, func: Any, status: str, code: str | None) -> None:
    """Whatever a check does becomes a result with a status and, unless healthy, a code."""
    checker.register_check("mine", func, timeout=0.3 if code == "HUB-CHECK-01" else 60)
    result = (await checker.run_checks())["mine"]
    assert (result["status"], result["code"]) == (status, code)
    assert 0 <= result["duration"] < 7
    assert dt.datetime.fromisoformat(result["timestamp"]).tzinfo is not None
    assert set(dict(result.items())) >= {"status", "duration", "timestamp", "message", "error"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("database", "HUB-DB-01"),
        ("proxy", "HUB-PROXY-01"),
        ("public_url", "HUB-URL-01"),
        ("spawners", "HUB-CHECK-02"),
        ("disk", "HUB-CHECK-02"),
        ("event_loop", "HUB-CHECK-02"),
    ],
)
async def test_a_check_that_cannot_look_says_what_is_true(
    checker: HealthChecker, name: str, code: str
) -> None:
    """What does not answer is told so; of a disk that nobody could look at nothing is claimed."""
    checker.register_check(name, _raises, interval=60)
    result = (await checker.run_checks())[name]
    assert (result["status"], result["code"]) == ("error", code)


async def test_the_query_of_a_database_error_is_left_out(checker: HealthChecker) -> None:
    """What SQLAlchemy adds is long and may name people."""

    def locked() -> bool:
        raise OSError("database is locked\n[SQL: SELECT * FROM users]\n[parameters: ('ana',)]")

    checker.register_check("mine", locked)
    result = (await checker.run_checks())["mine"]
    assert result["message"] == "OSError: database is locked"


async def test_checks_run_side_by_side(checker: HealthChecker) -> None:
    """Five checks in threads and five in the loop all run at the same time."""
    in_threads, in_loop, all_in_loop = threading.Barrier(5), [], asyncio.Event()

    async def wait_for_the_others() -> bool:
        in_loop.append(1)
        if len(in_loop) == 5:
            all_in_loop.set()
        return await all_in_loop.wait()

    for i in range(5):
        checker.register_check(f"plain{i}", lambda: in_threads.wait() >= 0, timeout=60)
        checker.register_check(f"async{i}", wait_for_the_others, timeout=60)
    results = await checker.run_checks()
    assert {result["status"] for result in results.values()} == {"healthy"}


async def test_a_hung_thread_is_not_piled_up(checker: HealthChecker) -> None:
    """A check that hangs is not started again until it has ended, and then works again."""
    release, starts = threading.Event(), []

    def hang() -> bool:
        starts.append(1)
        return release.wait(60)

    checker.register_check("mine", hang, timeout=0.1)
    for _ in range(5):
        assert (await checker.run_check("mine"))["status"] == "error"
    assert len(starts) == 1
    release.set()
    await until_healthy(checker)
    assert len(starts) >= 2


async def until_healthy(checker: HealthChecker) -> None:
    """Run the check "mine" until it is well again."""
    for _ in range(600):
        if (await checker.run_check("mine"))["status"] == "healthy":
            return
        await asyncio.sleep(0.05)
    pytest.fail("it stays ill")


async def test_a_task_that_ignores_its_cancellation(checker: HealthChecker) -> None:
    """An async check that swallows its cancellation holds up nobody and is not started again."""
    starts, end = [], asyncio.Event()

    async def stubborn() -> bool:
        starts.append(1)
        while not end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await end.wait()
        return True

    checker.register_check("mine", stubborn, timeout=0.1)
    for _ in range(3):
        assert (await checker.run_check("mine"))["status"] == "error"
    assert len(starts) == 1
    end.set()
    await until_healthy(checker)


async def test_two_who_ask_at_once_share_a_run(checker: HealthChecker) -> None:
    """run_checks() beside the background runs does not run a check twice at a time."""
    runs = []

    async def count() -> None:
        runs.append(1)
        await asyncio.sleep(0.1)

    checker.register_check("mine", count)
    await asyncio.gather(checker.run_checks(), checker.run_checks(), checker.run_check("mine"))
    assert len(runs) == 1


async def test_each_check_has_its_own_interval(checker: HealthChecker) -> None:
    """Started, a check runs at once and then at its interval; after stop() no more."""
    runs: dict[str, int] = {"often": 0, "seldom": 0}
    for name, interval in (("often", 0.1), ("seldom", 30)):
        checker.register_check(
            name, lambda name=name: runs.update({name: runs[name] + 1}), interval=interval
        )
    began, task = time.monotonic(), asyncio.ensure_future(checker.start())
    for _ in range(200):
        if runs["often"] < 4:
            await asyncio.sleep(0.05)
    checker.stop()
    await asyncio.wait_for(task, 20)
    seen = dict(runs)
    assert seen["seldom"] == 1
    assert 4 <= seen["often"] <= (time.monotonic() - began) / 0.1 + 1
    await asyncio.sleep(0.3)
    assert runs == seen


async def test_metrics_follow_the_results(checker: HealthChecker) -> None:
    """1 ok, 0.5 warning, 0 failing; and they go away with the check."""
    answers = iter([True, WARNED, False])
    checker.register_check("metrics-test", lambda: next(answers))
    for expected in (1, 0.5, 0):
        await checker.run_check("metrics-test")
        assert HEALTH_CHECK_STATUS.labels("metrics-test")._value.get() == expected
    assert abs(HEALTH_CHECK_LAST_RUN.labels("metrics-test")._value.get() - time.time()) < 60
    assert HEALTH_CHECK_DURATION_SECONDS.labels("metrics-test")._value.get() > 0
    checker.unregister_check("metrics-test")
    shown = [s.labels["check"] for f in HEALTH_CHECK_STATUS.collect() for s in f.samples]
    assert "metrics-test" not in shown


async def test_history_keeps_changes_only_and_the_last_of_them(checker: HealthChecker) -> None:
    """A status that stays is one entry; 200 changes are kept."""
    flips = iter([True, True, False, False, *[bool(i % 2) for i in range(1, 2 * KEPT)]])
    checker.register_check("mine", lambda: next(flips))
    for _ in range(4):
        await checker.run_check("mine")
    told = [(c.before and c.before.value, c.after.value) for c in checker.history.changes()]
    assert told == [(None, "healthy"), ("healthy", "unhealthy")]
    for _ in range(2 * KEPT - 1):
        await checker.run_check("mine")
    assert len(checker.history.changes()) == KEPT


async def test_a_result_that_is_too_old_is_not_believed(
    checker: HealthChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the checks no longer run, the last "healthy" does not stand for ever."""
    checker.register_check("mine", lambda: True, interval=100, timeout=100)
    await checker.run_checks()
    last = result.now()
    monkeypatch.setattr(checker_module, "now", lambda: last + dt.timedelta(seconds=390))
    assert checker.results()["mine"]["status"] == "healthy"
    monkeypatch.setattr(checker_module, "now", lambda: last + dt.timedelta(seconds=410))
    assert checker.results()["mine"]["code"] == "HUB-CHECK-04"


async def test_readiness(checker: HealthChecker) -> None:
    """Not ready before the first results and while a critical check fails; else at most "warn"."""
    well = {"critical": False, "other": True}
    checker.register_check("critical", lambda: well["critical"], critical=True)
    checker.register_check("other", lambda: well["other"], critical=False)
    assert readiness(checker).waiting == ("critical",)
    assert readiness(checker).http_status == 503
    await checker.run_checks()
    assert (readiness(checker).failing, readiness(checker).http_status) == (("critical",), 503)
    assert readiness(checker, exclude={"critical"}).status == "pass"
    well.update(critical=True, other=False)
    await checker.run_checks()
    assert (readiness(checker).status, readiness(checker).http_status) == ("warn", 200)
    well.update(other=True)
    await checker.run_checks()
    assert readiness(checker).status == "pass"


async def test_unknown_check(checker: HealthChecker) -> None:
    """Asking for a check that nobody registered names those that are."""
    checker.register_check("mine", lambda: True)
    with pytest.raises(UnknownCheck, match="registered: mine"):
        await checker.run_check("other")


@pytest.mark.parametrize("wrong", [{"interval": 0}, {"interval": -1}, {"timeout": 0}])
def test_interval_and_timeout_are_above_zero(checker: HealthChecker, wrong: Any) -> None:
    """A check that would run without pause is refused when it is registered."""
    with pytest.raises(ValueError, match="above 0"):
        checker.register_check("mine", lambda: True, **wrong)


def test_codes_are_unique() -> None:
    """Each code is declared once, and is the key under which it is found."""
    assert all(code.code == key for key, code in CODES.items())
    assert len({code.title for code in CODES.values()}) == len(CODES)
