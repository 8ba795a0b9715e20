"""What is wrong with the service now: one sentence per health code, since when."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..health.codes import Code
from ..health.result import now
from ..metrics.service_catalogue import SERVICE_HEALTHY

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """A code that stands; *message* says what was seen and what to do."""

    code: Code
    message: str
    since: datetime


class Faults:
    """The codes that stand. Changed in the event loop only; each change goes to the log."""

    def __init__(self) -> None:
        self._standing: dict[str, Fault] = {}
        SERVICE_HEALTHY.set(1)

    def put(self, code: Code, message: str | None) -> None:
        """Say that *code* stands because of *message*, or with None that it does not."""
        before = self._standing.get(code.code)
        if message is None:
            if before is not None:
                del self._standing[code.code]
                log.info("%s is over: %s", code, before.message)
        elif before is None or before.message != message:
            since = before.since if before is not None else now()
            self._standing[code.code] = Fault(code, message, since)
            log.error("%s: %s", code, message)
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
                "jupyterhub:code": fault.code.code,
                "jupyterhub:title": fault.code.title,
                "links": {"runbook": fault.code.runbook},
            }
            found.setdefault(fault.code.check, []).append(check)
        return {"checks": found}
