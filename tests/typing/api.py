"""What the public names are to a type checker: mypy reads this file, nothing runs it."""

from __future__ import annotations

from typing import Any

from typing_extensions import assert_type

import jupyterhub_monitoring as jm
from jupyterhub_monitoring.metrics import Label, MetricSpec, counter, gauge, histogram
from jupyterhub_monitoring.metrics.instruments import Counter, Gauge, Histogram

assert_type(jm.__version__, str)
assert_type(jm.setup(object()), None)
assert_type(jm.record_custom_event("export", user="ana"), None)
assert_type(jm.update_custom_gauge("licences", 7), None)
assert_type(jm.update_resource_metrics(object(), "gpu"), None)
assert_type(jm.ALERTING_RULES, dict[str, dict[str, str]])
assert_type(jm.DASHBOARD_METRICS, dict[str, list[str]])
assert_type(jm.generate_grafana_queries(), dict[str, str])
assert_type(jm.AlertManager("http://hook").evaluate_condition("up == 0", "up 1"), bool)

with jm.time_custom_operation("backup") as timer:
    assert_type(timer, jm.time_custom_operation)


@jm.time_custom_operation("backup")
def backup(folder: str) -> int:
    """Keep its own signature under the decorator."""
    return len(folder)


@jm.time_custom_operation("sync")
async def sync(group: str) -> list[str]:
    """Keep its own signature too."""
    return [group]


async def use(app: Any) -> str:
    """What awaits."""
    assert_type(backup("/home"), int)
    assert_type(await sync("staff"), list[str])
    async with jm.time_custom_operation("backup"):
        pass
    checker = jm.HealthChecker(app)
    checker.register_check("licences", lambda: True, interval=120)
    results = await checker.run_checks()
    status: str = results["licences"]["status"]
    backup(7)  # type: ignore[arg-type] # a wrong call is still seen
    return status


FREE = gauge("licences_free", "Free licences.", labels=["pool", Label("user", private=True)])
assert_type(FREE, Gauge)
assert_type(FREE.spec, MetricSpec)
assert_type(FREE.labels("teaching", "ana"), Gauge)
assert_type(counter("backups_total", "Backups."), Counter)
assert_type(histogram("copy_seconds", "Copies.", buckets=[1, 10]), Histogram)
