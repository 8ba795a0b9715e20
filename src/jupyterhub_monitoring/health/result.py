"""What a health check says: one frozen record, which reads as a mapping too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from .codes import Code


class Status(str, Enum):
    """How a component is. The order of `SEVERITY` makes the worst of several a `max()`."""

    HEALTHY = "healthy"
    WARNING = "warning"  # works, and somebody should look
    UNHEALTHY = "unhealthy"  # the check ran and found a fault
    ERROR = "error"  # the check itself did not finish: nothing is known, treated as failing

    @property
    def failing(self) -> bool:
        """Whether this counts against readiness."""
        return self in (Status.UNHEALTHY, Status.ERROR)

    @property
    def severity(self) -> int:
        """0 for healthy; higher is worse."""
        return _SEVERITY.index(self)


_SEVERITY = list(Status)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check function may return when True or False says too little.

    It is true unless the component fails, so that it can stand where a bool is expected.
    """

    status: Status
    message: str = ""
    code: Code | str | None = None

    def __bool__(self) -> bool:
        return not self.status.failing


HEALTHY = Finding(Status.HEALTHY)


def healthy(message: str = "") -> Finding:
    """Return "all is well", with what was seen."""
    return Finding(Status.HEALTHY, message)


def warning(code: Code | str | None, message: str) -> Finding:
    """Return "works, and somebody should look"."""
    return Finding(Status.WARNING, message, code)


def unhealthy(code: Code | str | None, message: str) -> Finding:
    """Return "does not work"."""
    return Finding(Status.UNHEALTHY, message, code)


def worst(findings: list[Finding]) -> Finding:
    """Return the worst finding, with the messages of all that are not healthy, worst first."""
    ordered = sorted(findings, key=lambda f: f.status.severity, reverse=True)
    if not ordered:
        return HEALTHY
    first = ordered[0]
    told = [f for f in ordered if f.status is not Status.HEALTHY] or ordered
    return Finding(first.status, "; ".join(f.message for f in told if f.message), first.code)


@dataclass(frozen=True)
class CheckResult(Mapping[str, Any]):
    """One run of one check.

    As a mapping it has the keys of the fields, in the types that JSON has: `result["status"]` is
    "healthy", "warning", "unhealthy" or "error"; `result["timestamp"]` is ISO 8601 with its zone.
    """

    status: Status
    duration: float  # seconds
    at: datetime  # aware
    message: str = ""
    code: str | None = None
    error: str | None = None  # the exception, when the check did not finish

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return {
            "status": self.status.value,
            "duration": self.duration,
            "timestamp": self.at.isoformat(),
            "message": self.message,
            "code": self.code,
            "error": self.error,
        }

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())


def now() -> datetime:
    """Return the time with its zone."""
    return datetime.now(timezone.utc)
