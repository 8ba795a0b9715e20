"""What is wrong with the service itself reaches people although no rule can tell of it."""

from __future__ import annotations

from collections.abc import Sequence

from jupyterhub_monitoring.alerting.alert import Alert
from jupyterhub_monitoring.health.codes import RULES_WRONG, STORE_CLOSED
from jupyterhub_monitoring.service.fault_alerts import FaultAlerts
from jupyterhub_monitoring.service.faults import Faults


class Sink:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def put(self, alerts: Sequence[Alert], now: int) -> None:
        self.alerts += alerts


def test_a_critical_code_is_an_alert_as_long_as_it_stands():
    """It fires, is sent again while it lasts, and ends once."""
    faults, sink = Faults(), Sink()
    watch = FaultAlerts(faults, sink, "https://example.org/runbooks/")
    now = 1_700_000_000_000
    watch.look(now)
    assert not sink.alerts
    faults.put(STORE_CLOSED, "the disk is gone")
    watch.look(now + 1)
    watch.look(now + 2)
    assert [alert.resolved(now + 2) for alert in sink.alerts] == [False, False]
    notes = dict(sink.alerts[0].annotations)
    assert notes["description"] == "MON-STORE-01: the disk is gone"
    assert notes["runbook_url"] == "https://example.org/runbooks/MON-STORE-01.md"
    faults.put(STORE_CLOSED, None)
    watch.look(now + 3)
    watch.look(now + 4)
    assert [alert.resolved(now + 4) for alert in sink.alerts] == [False, False, True]
    assert len({alert.labels for alert in sink.alerts}) == 1


def test_other_codes_are_for_rules():
    """They do not keep the rules from running."""
    faults, sink = Faults(), Sink()
    faults.put(RULES_WRONG, "line 1")
    FaultAlerts(faults, sink, "").look(1_700_000_000_000)
    assert not sink.alerts
