"""/hub/health/…, as a probe, an anonymous visitor and a monitoring service see it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from support.health import QUICK
from support.real_hub import RealHub

COUNTED = """
runs = []
def counted(app):
    runs.append(1)
    return True
def failing(app):
    return False
c.MonitoringHealth.extra_checks = {"counted": counted, "failing": failing}
c.MonitoringHealth.intervals = {"counted": 3600, "failing": 1}
c.JupyterHub.services += [dict(name="nosy", api_token="nosy-token")]
"""


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    hub = module_hub(config=QUICK + COUNTED).start()
    deadline = time.monotonic() + 60
    while hub.get("hub/health/ready", token=None).status != 200:
        assert time.monotonic() < deadline, hub.log
        time.sleep(0.1)
    return hub


def test_stock_page_stays(hub: RealHub) -> None:
    """/hub/health answers as on every JupyterHub: 200 and nothing."""
    answer = hub.get("hub/health", token=None)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["live", "ready", "checks/database"])
def test_anonymous_sees_the_status_only(hub: RealHub, path: str) -> None:
    """Without a token: `{"status": …}` in application/health+json, and HEAD without the body."""
    answer = hub.get(f"hub/health/{path}?verbose", token=None)
    assert answer.status == 200
    assert list(answer.json) == ["status"]
    assert answer.headers["Content-Type"] == "application/health+json"
    head = hub.request("HEAD", f"hub/health/{path}", token=None)
    assert (head.status, head.body) == (200, b"")


def test_token_without_the_scope_sees_the_status_only(hub: RealHub) -> None:
    """A token is not enough: it must have read:metrics or admin-ui."""
    assert list(hub.get("hub/health/ready", token="nosy-token").json) == ["status"]


def test_details(hub: RealHub) -> None:
    """With the scope: every check with its result; the history only when asked for."""
    report = hub.get("hub/health/ready").json
    assert {"database", "proxy", "public_url", "counted"} <= set(report["checks"])
    assert report["status"] == "warn"  # "failing" is not critical
    failing = report["checks"]["failing"][0]
    assert (failing["status"], failing["jupyterhub:code"]) == ("fail", "HUB-CHECK-03")
    assert failing["links"]["runbook"].endswith("HUB-CHECK-03.md")
    assert "history" not in report
    for query in ("verbose", "verbose=1"):
        history = hub.get(f"hub/health/ready?{query}").json["history"]
        told = [
            (change["from"], change["to"]) for change in history if change["check"] == "failing"
        ]
        assert told == [(None, "unhealthy")]


def test_admin_sees_details_in_the_browser(hub: RealHub) -> None:
    """A logged-in admin needs no token; another user sees the status."""
    assert "checks" in hub.login("admin").open("hub/health/ready").json
    assert list(hub.login("ada").open("hub/health/ready").json) == ["status"]


def test_exclude(hub: RealHub) -> None:
    """What is excluded neither counts nor shows; a name that is none is refused with the known."""
    report = hub.get("hub/health/ready?exclude=failing&exclude=public_url").json
    assert report["status"] == "pass"
    assert not {"failing", "public_url"} & set(report["checks"])
    wrong = hub.get("hub/health/ready?exclude=databse")
    assert wrong.status == 400
    assert "databse" in wrong.json["output"]
    assert "database" in wrong.json["output"]
    anonymous = hub.get("hub/health/ready?exclude=databse", token=None)
    assert anonymous.status == 400
    assert "counted" not in anonymous.text


def test_one_check(hub: RealHub) -> None:
    """A failing check is 503 though the Hub is ready; one that is not there is 404."""
    assert hub.get("hub/health/checks/failing", token=None).status == 503
    assert hub.get("hub/health/checks/failing").json["jupyterhub:critical"] is False
    assert hub.get("hub/health/checks/nothing").status == 404


def test_no_request_runs_a_check(hub: RealHub) -> None:
    """However often one asks: the check ran at the Hub's start, once."""
    first = hub.get("hub/health/checks/counted").json["time"]
    for _ in range(50):
        hub.get("hub/health/ready", token=None)
        hub.get("hub/health/checks/counted", token=None)
    hub.get("hub/health/ready?verbose")
    assert hub.get("hub/health/checks/counted").json["time"] == first


def test_metrics(hub: RealHub) -> None:
    """The results are on /hub/metrics too."""
    assert hub.metric("health_check_status", check="database") == 1
    assert hub.metric("health_check_status", check="failing") == 0
    assert hub.metric("health_check_duration_seconds", check="database") > 0
    assert (
        abs(hub.metric("health_check_last_run_timestamp_seconds", check="database") - time.time())
        < 60
    )
