"""A real Prometheus scrapes a real Hub: what it stores is what happened."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import actions, peers
from support.actions import wait_until
from support.prometheus import RealPrometheus, Wiretap, lint
from support.real_hub import RealHub

pytestmark = pytest.mark.peer("prometheus", "promtool")

# Two minutes are what the release is checked with; the suite takes less.
SECONDS = float(os.environ.get("MONITORING_PROMETHEUS_SECONDS", "20"))

# The page's names. `resource_usage`, its last one, is per user server and comes from the service.
PAGE = {
    "total_users": "gauge",  # the page says Counter and calls set(): a gauge, as the Hub's own
    "running_servers": "gauge",
    "pending_servers": "gauge",
    "active_users": "gauge",
    "request_duration_seconds": "histogram",
    "request_count_total": "counter",
    "login_success_total": "counter",
    "login_failure_total": "counter",
    "spawn_duration_seconds": "histogram",
    "spawn_success_total": "counter",
    "spawn_failure_total": "counter",
    "hub_response_duration_seconds": "histogram",
    "api_request_duration_seconds": "histogram",
    "hub_memory_usage_bytes": "gauge",
    "hub_memory_total_bytes": "gauge",
    "hub_cpu_usage_percent": "gauge",
    "custom_events_total": "counter",
    "custom_resource_usage": "gauge",
    "custom_operation_duration_seconds": "histogram",
    "user_login_total": "counter",
    "notebook_launch_duration_seconds": "histogram",
}

# What we add to the page.
OURS = {
    "servers": "gauge",
    "login_attempts_total": "counter",
    "spawn_refused_total": "counter",
    "spawn_phase_duration_seconds": "histogram",
    "server_exits_total": "counter",
    "spawn_limit": "gauge",
    "active_server_limit": "gauge",
    "spawn_consecutive_failures": "gauge",
    "spawn_consecutive_failure_limit": "gauge",
    "health_check_status": "gauge",
    "health_check_duration_seconds": "gauge",
    "health_check_last_run_timestamp_seconds": "gauge",
    "stuck_servers": "gauge",
    "disk_free_bytes": "gauge",
    "disk_size_bytes": "gauge",
    "certificate_expiry_timestamp_seconds": "gauge",
    "monitoring_build_info": "gauge",
    "hub_info": "gauge",
    "monitoring_collect_duration_seconds": "histogram",
    "monitoring_collect_errors_total": "counter",
    "monitoring_collect_last_success_timestamp_seconds": "gauge",
    "monitoring_instrumentation_errors_total": "counter",
    "monitoring_series_dropped_total": "counter",
}

# There is nothing to show until the limit of series is reached, or where there is no certificate.
WITHOUT_SERIES = {"monitoring_series_dropped_total", "certificate_expiry_timestamp_seconds"}

# What promtool may say against names of ours: the page's own choices, kept for its readers.
ALLOWED_REMARKS: dict[str, str] = {}

CONFIG = """
from jupyterhub_monitoring import record_custom_event, time_custom_operation, update_custom_gauge

def pre_spawn(spawner):
    record_custom_event("course-opened", user=spawner.user.name)
    update_custom_gauge("licences", 7)
    with time_custom_operation("prepare-home"):
        if spawner.user.name == "bad":
            raise ValueError("no home")

c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Monitoring.collect_interval_seconds = 2
"""


@dataclass
class Scraped:
    hub: RealHub
    prometheus: RealPrometheus
    wire: Wiretap


@pytest.fixture(scope="module")
def scraped(
    module_hub: Callable[..., RealHub], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    """A Hub where things happen while a Prometheus scrapes it every second, then at rest."""
    hub = module_hub(config=CONFIG).start()
    folder = tmp_path_factory.mktemp("prometheus")
    with Wiretap(hub) as wire:
        targets = {"hub": f"127.0.0.1:{hub.hub_port}", "wire": wire.address}
        program = str(peers.find("prometheus"))
        with RealPrometheus(program, folder, targets, hub.token) as prometheus:
            began = time.monotonic()
            drive(hub)
            time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))
            yield Scraped(hub, prometheus, wire)


def drive(hub: RealHub) -> None:
    """3 logins, 2 denied ones, 2 servers, 1 failed spawn, 1 stop."""
    for user in ("ann", "ben", "cid"):
        assert hub.login(user).status == 200
    for user in ("ann", "eve"):
        assert hub.login(user, "wrong").status == 403
    for user in ("ann", "ben"):
        actions.start_and_wait(hub, user)
    assert actions.start_server(hub, "bad").status == 500
    assert hub.delete(actions.server_path("ben")).status in (202, 204)
    actions.wait_gone(hub, "ben")


DRIVEN = {
    "jupyterhub_login_success_total": 3,
    "jupyterhub_login_failure_total": 2,
    'jupyterhub_login_attempts_total{outcome="denied"}': 2,
    'jupyterhub_user_login_total{username="ann",authenticator="DummyAuthenticator"}': 1,
    'jupyterhub_spawn_success_total{spawner_class="SimpleLocalProcessSpawner"}': 2,
    'jupyterhub_spawn_failure_total{error_type="hook"}': 1,
    'jupyterhub_spawn_duration_seconds_count{spawner_class="SimpleLocalProcessSpawner"}': 2,
    'jupyterhub_spawn_phase_duration_seconds_count{phase="prepare"}': 3,
    'jupyterhub_notebook_launch_duration_seconds_count{username="bad"}': 1,
    'jupyterhub_server_exits_total{cause="service"}': 1,
    'jupyterhub_custom_events_total{event_type="course-opened",user="ann"}': 1,
    'jupyterhub_custom_resource_usage{resource_type="licences",user="system"}': 7,
    'jupyterhub_custom_operation_duration_seconds_count{status="error"}': 1,
    'jupyterhub_custom_operation_duration_seconds_count{status="success"}': 2,
    "jupyterhub_running_servers": 1,
    'jupyterhub_servers{state="ready"}': 1,
    "jupyterhub_pending_servers": 0,
    "jupyterhub_total_users": 5,  # admin, ann, ben, cid, bad
    'jupyterhub_active_users{period="24h"}': 4,  # admin never came
    "sum(jupyterhub_monitoring_instrumentation_errors_total)": 0,
    "sum(jupyterhub_monitoring_collect_errors_total)": 0,
}


def test_the_target_is_up_at_every_scrape(scraped: Scraped) -> None:
    """A Hub that is busy with logins and spawns answers every single scrape in time."""
    range_ = f"[{SECONDS:.0f}s]"
    assert scraped.prometheus.value(f'min_over_time(up{{job="hub"}}{range_})') == 1
    count = scraped.prometheus.value(f'count_over_time(up{{job="hub"}}{range_})')
    assert count is not None
    assert count >= 0.8 * SECONDS - 2


@pytest.mark.parametrize(("name", "kind"), (PAGE | OURS).items(), ids=[*PAGE, *OURS])
def test_every_name_is_there_with_its_type(scraped: Scraped, name: str, kind: str) -> None:
    """Prometheus knows each name of the page and of the issue, with its type and series."""
    metadata = scraped.prometheus.api("targets/metadata", match_target='{job="hub"}', limit="2000")
    types = {row["metric"]: row["type"] for row in metadata}
    full = f"jupyterhub_{name}"
    assert types.get(full, types.get(full.removesuffix("_total"))) == kind
    if name not in WITHOUT_SERIES:
        series = f"{full}_count" if kind == "histogram" else full
        assert scraped.prometheus.query(f'{series}{{job="hub"}}')


@pytest.mark.parametrize(("expression", "value"), DRIVEN.items(), ids=list(DRIVEN))
def test_prometheus_holds_what_was_driven(scraped: Scraped, expression: str, value: float) -> None:
    """What a query answers is what happened at the Hub."""
    wait_until(
        lambda: scraped.prometheus.value(on_hub(expression)) == value,
        20,
        why=f"{expression} == {value}, not {scraped.prometheus.query(on_hub(expression))}",
    )


def on_hub(expression: str) -> str:
    """Look at one of the two jobs that scrape the same Hub, whatever labels there are."""
    if expression.startswith("sum("):
        return f'sum({expression[4:-1]}{{job="hub"}})'
    return f'sum({expression} and on (job) up{{job="hub"}})'


def test_prometheus_negotiates_openmetrics(scraped: Scraped) -> None:
    """With the headers that Prometheus sends, it gets OpenMetrics, gzipped, and can read it."""
    wait_until(lambda: len(scraped.wire.exchanges) > 3)
    last = scraped.wire.exchanges[-1]
    assert "application/openmetrics-text" in last.accept
    assert last.status == 200
    assert last.content_type.startswith("application/openmetrics-text")
    assert "gzip" in last.accept_encoding
    assert last.content_encoding == "gzip"
    assert scraped.prometheus.value('min_over_time(up{job="wire"}[10s])') == 1


def test_both_ways_of_asking_hold_the_same_numbers(scraped: Scraped) -> None:
    """The text format and OpenMetrics show the same values."""
    from prometheus_client.openmetrics.parser import (  # noqa: PLC0415
        text_string_to_metric_families,
    )

    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = scraped.hub.get("hub/metrics", headers=accept)
    families = text_string_to_metric_families(answer.text)
    samples = {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}
    plain = scraped.hub.metrics()
    steady = ("login_", "spawn_", "user_login", "notebook_", "server_exits", "custom_")
    for key, value in plain.items():
        if key[0].startswith(tuple(f"jupyterhub_{name}" for name in steady)):
            assert samples[key] == value, key


def test_promtool_has_nothing_to_say(
    scraped: Scraped, make_hub: Callable[..., RealHub], tmp_path: Path
) -> None:
    """`promtool check metrics` makes no remark that a stock Hub does not get, but the page's."""
    promtool = str(peers.find("promtool"))
    stock = make_hub(setup_line=False).start()
    stock_remarks = lint(promtool, stock.get("hub/metrics").body)
    remarks = set(lint(promtool, scraped.hub.get("hub/metrics").body)) - set(stock_remarks)
    assert remarks == {f"{name} {remark}" for name, remark in ALLOWED_REMARKS.items()}
