"""The last changes of status, so that one can see what flapped, and when it began."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .result import CheckResult, Status

KEPT = 200


@dataclass(frozen=True, slots=True)
class Change:
    """*check* went from one status to another; *before* is None at its first run."""

    at: datetime
    check: str
    before: Status | None
    after: Status
    code: str | None
    message: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return {
            "time": self.at.isoformat(),
            "check": self.check,
            "from": self.before.value if self.before else None,
            "to": self.after.value,
            "code": self.code,
            "message": self.message,
        }


class History:
    """The last `KEPT` changes, oldest first. A change of code counts: the fault is another one."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=KEPT)

    def note(self, check: str, before: CheckResult | None, after: CheckResult) -> Change | None:
        """Keep the change, if there is one, and return it."""
        if before is not None and (before.status, before.code) == (after.status, after.code):
            return None
        old = before.status if before else None
        change = Change(after.at, check, old, after.status, after.code, after.message)
        self._changes.append(change)
        return change

    def changes(self) -> list[Change]:
        """Return what is kept, oldest first."""
        return list(self._changes)
