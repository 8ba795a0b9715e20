"""The Hub's report on its health as somebody reads it who asked for it (see `report.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LONGEST_MESSAGE = 2000
MOST = 500
"""Checks, and changes, that are read: of what is beyond nothing is known."""

STATUSES = ("healthy", "warning", "unhealthy", "error")
WORST_FIRST = ("error", "unhealthy", "warning", "unknown", "healthy")


@dataclass(frozen=True, slots=True)
class ReportedCheck:
    """The last result of one check. *status* is one of `WORST_FIRST`; times are Unix seconds.

    *since* is when it began to be so, None where that is not known.
    """

    name: str
    status: str
    message: str = ""
    code: str = ""
    title: str = ""  # of the code
    critical: bool = False
    at: float | None = None
    took: float | None = None  # seconds
    since: float | None = None

    @property
    def failing(self) -> bool:
        """Whether it fails, as far as anybody knows."""
        return self.status in ("unhealthy", "error")

    @property
    def wrong(self) -> bool:
        """Whether it fails or warns."""
        return self.failing or self.status == "warning"

    @property
    def rank(self) -> tuple[bool, int]:
        """The worst is the smallest."""
        return not (self.critical and self.failing), WORST_FIRST.index(self.status)


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """A check went from *before*, empty at its first run, to *after*."""

    at: float
    check: str
    before: str
    after: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class HubReport:
    """What the Hub says. *details* is whether it tells us more than whether it is ready."""

    status: str  # pass, warn, fail
    details: bool
    checks: tuple[ReportedCheck, ...] = ()
    changes: tuple[ReportedChange, ...] = ()  # the latest first

    @property
    def wrong(self) -> list[ReportedCheck]:
        """The checks that fail or warn, the worst first."""
        found = [check for check in self.checks if check.wrong]
        return sorted(found, key=lambda check: check.rank)


@dataclass(frozen=True, slots=True)
class HubHealth:
    """The last *report* of the Hub, and when it came; None: none yet.

    *problem* is why there is none now, and has been *since*; empty while the Hub answers.
    """

    report: HubReport | None = None
    at: float | None = None
    problem: str = ""
    since: float | None = None


def read_report(body: bytes) -> HubReport:
    """Return what *body* says. Raises ValueError where it is no report."""
    try:
        report = json.loads(body)
        status, checks = report["status"], report.get("checks")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("no report on health") from None
    if status not in ("pass", "warn", "fail"):
        raise ValueError("no report on health")
    if not isinstance(checks, dict):
        return HubReport(status, details=False)
    history = report.get("history")
    entries = history[:MOST] if isinstance(history, list) else []
    changes = tuple(change for entry in entries if (change := _change(entry)))
    latest = {change.check: change for change in reversed(changes)}
    found = (_check(name, entry, latest) for name, entry in [*checks.items()][:MOST])
    return HubReport(status, True, tuple(check for check in found if check), changes)


def _check(name: str, entries: Any, latest: Mapping[str, ReportedChange]) -> ReportedCheck | None:
    entry = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(entry, dict):
        return None
    status = entry.get("jupyterhub:status")
    status = status if status in STATUSES else "unknown"
    code, at, took = _text(entry, "jupyterhub:code"), _time(entry.get("time")), None
    if isinstance(entry.get("observedValue"), int | float):
        took = float(entry["observedValue"])
    change = latest.get(name)
    since = change.at if change and (change.after, change.code) == (status, code) else None
    return ReportedCheck(
        name,
        status,
        _text(entry, "output"),
        code,
        _text(entry, "jupyterhub:title"),
        entry.get("jupyterhub:critical") is True,
        at,
        took,
        # A result that is overdue is no change: it is from its last run on.
        since or (at if status in ("unhealthy", "error") else None),
    )


def _change(entry: Any) -> ReportedChange | None:
    if not isinstance(entry, dict) or (at := _time(entry.get("time"))) is None:
        return None
    texts = (_text(entry, name) for name in ("check", "from", "to", "code", "message"))
    return ReportedChange(at, *texts)


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value[:LONGEST_MESSAGE] if isinstance(value, str) else ""


def _time(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError, OverflowError, OSError):
        return None
