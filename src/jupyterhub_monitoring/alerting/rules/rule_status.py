"""How a rule and a group are: what the API, the pages and `rules test` show of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from ..alert import Millis
from .alert_state import Active, AlertState
from .rule import AlertingRule, RecordingRule, RuleGroup


class Health(str, Enum):
    """How the last evaluation of a rule went."""

    UNKNOWN = "unknown"  # there was none yet
    OK = "ok"
    ERR = "err"


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule after its last evaluation. A new one replaces it, so that any thread may look."""

    health: Health = Health.UNKNOWN
    last_error: str = ""
    seconds: float = 0.0  # that it took
    evaluated_at: Millis | None = None
    alerts: Active = field(default_factory=lambda: MappingProxyType({}))

    @property
    def state(self) -> str:
        """The state of the rule's worst alert; "unknown" before the first evaluation."""
        if self.evaluated_at is None:
            return "unknown"
        states = (alert.state for alert in self.alerts.values())
        return max(states, default=AlertState.INACTIVE).text


@dataclass(frozen=True, slots=True)
class RuleSnapshot:
    """A rule and how it is."""

    rule: AlertingRule | RecordingRule
    status: RuleStatus


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """A group in force and how it is."""

    group: RuleGroup
    interval_ms: Millis
    rules: tuple[RuleSnapshot, ...]
    seconds: float = 0.0  # that the last evaluation took
    evaluated_at: Millis | None = None
