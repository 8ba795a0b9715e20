"""What is wrong with the service now: the health codes that stand, each with its problems."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..health.codes import Code
from ..health.result import now
from ..metrics.service_catalogue import SERVICE_HEALTHY

log = logging.getLogger(__name__)


MOST_PROBLEMS = 50
"""Problems of one code that are told; of the others it says how many there are."""


@dataclass(frozen=True)
class Fault:
    """A code that stands; each of its *problems* says what was seen and what to do."""

    code: Code
    problems: tuple[str, ...]  # at least one
    since: datetime

    @property
    def message(self) -> str:
        """All problems, one in each line."""
        return "\n".join(self.problems)


class Faults:
    """The codes that stand. Changed in the event loop only; each change goes to the log."""

    def __init__(self) -> None:
        self._standing: dict[str, Fault] = {}
        SERVICE_HEALTHY.set(1)

    def put(self, code: Code, *problems: str | None) -> None:
        """Say that *code* stands because of *problems*, or without one that it does not."""
        told = _bounded([problem for problem in problems if problem])
        before = self._standing.pop(code.code, None)
        known = () if before is None else before.problems
        if told:
            since = now() if before is None else before.since
            self._standing[code.code] = Fault(code, told, since)
        for problem in told:
            if problem not in known:
                log.error("%s: %s", code, problem)
        for problem in () if told else known:
            log.info("%s is over: %s", code, problem)
        SERVICE_HEALTHY.set(0 if self._standing else 1)

    def standing(self) -> list[Fault]:
        """Return what is wrong, the worst first."""
        return sorted(self._standing.values(), key=lambda f: (not f.code.critical, f.code.code))

    @property
    def status(self) -> str:
        """Return pass, warn or fail, as health+json has them."""
        if any(fault.code.critical for fault in self._standing.values()):
            return "fail"
        return "warn" if self._standing else "pass"

    def report(self) -> dict[str, object]:
        """Return what stands as health+json (see `health/report.py`)."""
        found: dict[str, list[dict[str, object]]] = {}
        for fault in self.standing():
            check: dict[str, object] = {
                "status": "fail" if fault.code.critical else "warn",
                "time": fault.since.isoformat(),
                "output": fault.message,
                "jupyterhub:problems": [*fault.problems],
                "jupyterhub:code": fault.code.code,
                "jupyterhub:title": fault.code.title,
                "links": {"runbook": fault.code.runbook},
            }
            found.setdefault(fault.code.check, []).append(check)
        return {"checks": found}


def _bounded(problems: list[str]) -> tuple[str, ...]:
    """Return *problems*, each once, as far as they are told."""
    once = [*dict.fromkeys(problems)]
    more = len(once) - MOST_PROBLEMS
    return (*once[:MOST_PROBLEMS], *([f"And {more:,} more."] if more > 0 else []))
