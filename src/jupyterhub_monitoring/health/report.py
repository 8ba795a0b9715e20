"""What /hub/health/… answers: `application/health+json` (draft-inadarei-api-health-check-06).

    {"status": "pass" | "warn" | "fail", "output": …,
     "checks": {NAME: [{"status", "time", "observedValue", "observedUnit", "output", …}]},
     "history": [{"time", "check", "from", "to", "code", "message"}]}

Our own keys, which the draft allows, have the prefix `jupyterhub:`, except `history`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._version import __version__
from .codes import CODES
from .result import CheckResult, Status

if TYPE_CHECKING:
    from .checker import HealthChecker

CONTENT_TYPE = "application/health+json"
STATUS = {
    Status.HEALTHY: "pass",
    Status.WARNING: "warn",
    Status.UNHEALTHY: "fail",
    Status.ERROR: "fail",
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the Hub may be sent users. *failing* are critical checks; *waiting* have not run."""

    status: str  # pass, warn, fail
    failing: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def http_status(self) -> int:
        """200 for pass and warn, 503 for fail."""
        return 503 if self.status == "fail" else 200


def readiness(checker: HealthChecker, exclude: Collection[str] = ()) -> Readiness:
    """Judge by the last results.

    Not ready while a critical check fails, or has not run yet: what is not known is not well. A
    check that is not critical makes it "warn" at most.
    """
    results = checker.results()
    counted = [check for name, check in checker.checks.items() if name not in exclude]
    critical = [check.name for check in counted if checker.is_critical(check)]
    failing = tuple(n for n in critical if n in results and results[n].status.failing)
    waiting = tuple(n for n in critical if n not in results)
    if failing or waiting:
        return Readiness("fail", failing, waiting)
    well = all(
        results[check.name].status is Status.HEALTHY for check in counted if check.name in results
    )
    return Readiness("pass" if well else "warn")


def ready_report(
    checker: HealthChecker, ready: Readiness, exclude: Collection[str], *, history: bool
) -> dict[str, Any]:
    """Return the whole report, for those who may see it."""
    results = checker.results()
    report: dict[str, Any] = {
        "status": ready.status,
        "version": "1",
        "releaseId": __version__,
        "description": "health of JupyterHub",
        "checks": {
            name: [check_report(checker, name, results.get(name))]
            for name in checker.checks
            if name not in exclude
        },
    }
    if ready.failing or ready.waiting:
        report["output"] = _output(ready)
    if history:
        report["history"] = [change.as_dict() for change in reversed(checker.history.changes())]
    return report


def _output(ready: Readiness) -> str:
    parts = [f"failing: {', '.join(ready.failing)}"] if ready.failing else []
    parts += [f"starting, no result yet: {', '.join(ready.waiting)}"] if ready.waiting else []
    return "; ".join(parts)


def check_report(checker: HealthChecker, name: str, result: CheckResult | None) -> dict[str, Any]:
    """Return what is known about one check; status "unknown" before its first run."""
    own: dict[str, Any] = {
        "jupyterhub:critical": checker.is_critical(checker.check(name)),
        "jupyterhub:interval": checker.check(name).interval,
    }
    if result is None:
        return {"status": "unknown", "output": "has not run yet", **own}
    report = {
        "status": STATUS[result.status],
        "time": result.at.isoformat(),
        "observedValue": round(result.duration, 6),
        "observedUnit": "s",
        "output": result.message,
        "jupyterhub:status": result.status.value,
        **own,
    }
    if result.code:
        report["jupyterhub:code"] = result.code
    if result.code in CODES:
        report["jupyterhub:title"] = CODES[result.code].title
        report["links"] = {"runbook": CODES[result.code].runbook}
    if result.error:
        report["jupyterhub:error"] = result.error
    return report


def unknown_names(checker: HealthChecker, names: Iterable[str]) -> list[str]:
    """Return those of *names* that no check has."""
    return [name for name in names if name not in checker.checks]
