"""Is the Hub well? Checks of its parts, their codes, and what /hub/health/… answers."""

from .checker import HealthChecker
from .codes import CODES, Code
from .result import CheckResult, Finding, Status
from .settings import MonitoringHealth

__all__ = [
    "CODES",
    "CheckResult",
    "Code",
    "Finding",
    "HealthChecker",
    "MonitoringHealth",
    "Status",
]
