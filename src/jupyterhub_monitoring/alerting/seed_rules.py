"""The three rules of the page that this project began with, with expressions that work.

The service has better ones, with thresholds, runbooks and tests, in its rule pack; see
docs/reference/seed.md for what is different here from the page.
"""

from __future__ import annotations

from ..metrics.spec import PREFIX

_FAILED = f"sum(rate({PREFIX}_spawn_failure_total[5m]))"
_SUCCEEDED = f"sum(rate({PREFIX}_spawn_success_total[5m]))"

ALERTING_RULES: dict[str, dict[str, str]] = {
    "high_spawn_failure_rate": {
        # Of all spawns, not of those that went well: these are none in a total outage.
        "expr": f"{_FAILED} / (({_SUCCEEDED} or vector(0)) + {_FAILED}) > 0.1",
        "for": "5m",
        "severity": "warning",
        "summary": "High spawn failure rate detected",
    },
    "hub_memory_high": {
        "expr": f"{PREFIX}_hub_memory_usage_bytes / {PREFIX}_hub_memory_total_bytes > 0.9",
        "for": "2m",
        "severity": "critical",
        "summary": "Hub memory usage critical",
    },
    "no_running_servers": {
        "expr": f"{PREFIX}_running_servers == 0",
        "for": "10m",
        "severity": "warning",
        "summary": "No servers currently running",
    },
}
