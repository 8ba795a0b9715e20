"""The benchmark's queries: nine over a range, as dashboards ask, and nine rules, as alerts do."""

from __future__ import annotations

CPU = "jupyterhub_server_cpu_seconds_total"
MEMORY = "jupyterhub_server_memory_bytes"
LIMIT = "jupyterhub_server_memory_limit_bytes"
UP = "jupyterhub_server_up"
REQUESTS = "jupyterhub_request_duration_seconds"

RANGE_QUERIES = {
    "sum by (rate 5m)": f"sum by (profile) (rate({CPU}[5m]))",
    "histogram_quantile of sum by (le, handler) (rate)": (
        f"histogram_quantile(0.95, sum by (le, handler) (rate({REQUESTS}_bucket[5m])))"
    ),
    "topk(10, gauge)": f"topk(10, {MEMORY})",
    "avg by (avg_over_time 10m)": f"avg by (node) (avg_over_time({MEMORY}[10m]))",
    "max by (max_over_time 1h)": f"max by (profile) (max_over_time({MEMORY}[1h]))",
    "count by (up == 1)": f"count by (profile) ({UP} == 1)",
    "ratio of two rates": (
        f'sum(rate({REQUESTS}_count{{code="500"}}[5m])) / sum(rate({REQUESTS}_count[5m]))'
    ),
    "quantile(0.9, a / b)": f"quantile(0.9, {MEMORY} / {LIMIT})",
    "one user's rate": f'rate({CPU}{{user="student-00007"}}[5m])',
}

RULES = {
    "servers down": f"count by (node) ({UP} == 0) > 0",
    "errors of the Hub": (
        f'sum(rate({REQUESTS}_count{{code="500"}}[5m])) / sum(rate({REQUESTS}_count[5m])) > 0.05'
    ),
    "slow requests": (f"histogram_quantile(0.95, sum by (le) (rate({REQUESTS}_bucket[5m]))) > 1"),
    "slow handlers": (
        f"histogram_quantile(0.99, sum by (le, handler) (rate({REQUESTS}_bucket[10m]))) > 5"
    ),
    "memory near the limit": f"{MEMORY} / {LIMIT} > 0.95",
    "CPU of a node": f"sum by (node) (rate({CPU}[5m])) > 60",
    "busy for long": f"avg_over_time({MEMORY}[1h]) > 7e9",
    "no server": f"absent({UP})",
    "top users": f"topk(5, sum by (user) (rate({CPU}[15m]))) > 0.9",
}
