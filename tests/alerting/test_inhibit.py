"""Inhibition: what follows from an alert that fires is not told of."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.routing.inhibit import Inhibitor, InhibitRule
from jupyterhub_monitoring.alerting.routing.matcher import all_match
from jupyterhub_monitoring.alerting.routing.matcher_parser import parse_matchers
from jupyterhub_monitoring.alerting.routing.routing_config import simple_config

NOW = 1_000_000
LATER = NOW + 600_000


def alert(labels: str, *, starts_at: int = 0, ends_at: int = LATER) -> Alert:
    pairs = dict(pair.split("=") for pair in labels.split())
    return Alert(labels_of(pairs), (), starts_at, ends_at)


def rule(source: str, target: str, *equal: str) -> InhibitRule:
    return InhibitRule(parse_matchers(source), parse_matchers(target), equal)


DOWN = rule("name=HubDown", "severity=warning", "hub")
CHAIN = (rule("s=critical", "s=~warning|info", "x"), rule("s=warning", "s=info", "x"))

CASES = {
    "the same hub": (DOWN, "name=HubDown hub=a", "severity=warning hub=a", True),
    "another hub": (DOWN, "name=HubDown hub=a", "severity=warning hub=b", False),
    "no hub on either": (DOWN, "name=HubDown", "severity=warning", True),
    "no hub on one": (DOWN, "name=HubDown hub=a", "severity=warning", False),
    "no target": (DOWN, "name=HubDown hub=a", "severity=critical hub=a", False),
    "no source": (DOWN, "name=HubUp hub=a", "severity=warning hub=a", False),
    "nothing need be equal": (rule("a=1", "b=1"), "a=1 x=1", "b=1 x=2", True),
    "both match both sides": (rule("a=1", "a=1"), "a=1 x=1", "a=1 x=2", False),
    "the target matches both": (rule("a=1", "b=1"), "a=1", "a=1 b=1", True),
    "the source matches both": (rule("a=1", "b=1"), "a=1 b=1", "b=1", True),
    "everything": (rule("", ""), "a=1", "b=1", False),
}


@pytest.mark.parametrize("name", CASES)
def test_inhibits(name: str):
    """The target is quiet where it and a firing source have the same values of `equal`."""
    one, source, target, wanted = CASES[name]
    alerts = [alert(source), alert(target)]
    by = Inhibitor([one], alerts, NOW).inhibited_by(alerts[1])
    assert by == ((alerts[0].fingerprint,) if wanted else ())


def test_not_by_itself():
    """One alert that is source and target of a rule is told of."""
    one = alert("a=1")
    assert Inhibitor([rule("a=1", "a=1")], [one], NOW).inhibited_by(one) == ()


def test_a_source_that_is_over_inhibits_nothing():
    """With the end of the cause, what goes on is told of."""
    source, target = alert("name=HubDown", ends_at=NOW), alert("severity=warning")
    assert Inhibitor([DOWN], [source, target], NOW).inhibited_by(target) == ()
    assert Inhibitor([DOWN], [source, target], NOW - 1).inhibited_by(target) != ()


def test_an_inhibited_source_inhibits():
    """Causes are chained: the middle one keeps the last one quiet though it is quiet itself."""
    levels = ("critical", "warning", "info")
    alerts = [alert(f"s={level} x=1", starts_at=n) for n, level in enumerate(levels)]
    critical, warning, info = alerts
    inhibitor = Inhibitor(CHAIN, alerts, NOW)
    assert inhibitor.inhibited_by(critical) == ()
    assert inhibitor.inhibited_by(warning) == (critical.fingerprint,)
    assert inhibitor.inhibited_by(info) == (critical.fingerprint, warning.fingerprint)


def test_the_oldest_cause_is_named():
    """Pages name the same cause for as long as it lasts, in whatever order alerts come."""
    old, new = alert("name=HubDown x=1", starts_at=5), alert("name=HubDown x=2", starts_at=9)
    target = alert("severity=warning")
    for alerts in ([new, old], [old, new]):
        assert Inhibitor([DOWN], alerts, NOW).inhibited_by(target) == (old.fingerprint,)


HUB_DOWN = "alertname=JupyterHubDown job=hub component=hub severity=critical"
SPAWNS = "component=spawns job=hub"
RATIO = "alertname=JupyterHubSpawnFailureRatioHigh"
SIMPLE = {
    "what follows": (f"{HUB_DOWN} instance=a", f"{SPAWNS} instance=a", True),
    "on another Hub": (f"{HUB_DOWN} instance=a", f"{SPAWNS} instance=b", False),
    "of no target at all": (HUB_DOWN, f"{SPAWNS} instance=a", True),
    "of another job": (HUB_DOWN, "component=spawns job=hub2 instance=a", False),
    "what may be the cause": (HUB_DOWN, "component=storage job=hub", False),
    "somebody's own": (HUB_DOWN, "alertname=Mine job=hub", False),
    "the watchdog": (HUB_DOWN, "alertname=JupyterHubWatchdog component=monitoring job=hub", False),
    "itself": (HUB_DOWN, HUB_DOWN, False),
    "the same, less severe": (
        f"{RATIO} {SPAWNS} severity=critical",
        f"{RATIO} {SPAWNS} severity=warning",
        True,
    ),
    "the same, more severe": (
        f"{RATIO} {SPAWNS} severity=warning",
        f"{RATIO} {SPAWNS} severity=critical",
        False,
    ),
    "another rule": (
        f"{RATIO} {SPAWNS} severity=critical",
        f"alertname=JupyterHubSpawnsSlow {SPAWNS} severity=warning",
        False,
    ),
    "another disk": (
        "alertname=DiskFilling component=storage severity=critical path=x",
        "alertname=DiskFilling component=storage severity=warning path=y",
        False,
    ),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_the_simple_case(name: str):
    """With addresses only, a Hub that is down is one message, and what may be its cause is told."""
    source, target, wanted = SIMPLE[name]
    alerts = [alert(source), alert(target)]
    inhibitor = Inhibitor(simple_config().inhibit_rules, alerts, NOW)
    assert bool(inhibitor.inhibited_by(alerts[1])) is wanted


values = st.sampled_from(["", "1", "2"])
alerts_of = st.lists(
    st.builds(
        lambda a, b, c, over: Alert(
            labels_of({"a": a, "b": b, "c": c, "n": "x"}), (), 0, NOW if over else LATER
        ),
        values,
        values,
        values,
        st.booleans(),
    ),
    max_size=8,
)
sides = st.sampled_from(["a=1", "a=~.+", "b!=2", "c=1,b=1", ""])
rules_of = st.lists(
    st.builds(lambda s, t, e: rule(s, t, *e), sides, sides, st.lists(st.sampled_from("abc"))),
    max_size=3,
)


@given(rules_of, alerts_of)
def test_the_index_changes_nothing(rules: list[InhibitRule], alerts: list[Alert]):
    """An alert is quiet exactly if Alertmanager's two loops over rules and sources find a cause."""
    inhibitor = Inhibitor(rules, alerts, NOW)
    for one in alerts:
        causes = {s.fingerprint for r in rules for s in alerts if _causes(r, s, one)}
        found = inhibitor.inhibited_by(one)
        assert bool(found) == bool(causes)
        assert causes.issuperset(found)


def _causes(one: InhibitRule, source: Alert, target: Alert) -> bool:
    of_source, of_target = dict(source.labels), dict(target.labels)
    if source.resolved(NOW) or not all_match(one.source, of_source):
        return False
    if not all_match(one.target, of_target):
        return False
    if all_match(one.source, of_target) and all_match(one.target, of_source):
        return False
    return all(of_source.get(name, "") == of_target.get(name, "") for name in one.equal)


def test_ten_thousand_alerts():
    """A storm is sorted out in a moment: each alert is looked at once, not with each other."""
    alerts = [alert(f"name=HubDown hub=h{n} severity=critical") for n in range(5_000)]
    alerts += [alert(f"name=Slow hub=h{n} severity=warning") for n in range(5_000)]
    start = time.process_time()
    inhibitor = Inhibitor([DOWN, *CHAIN], alerts, NOW)
    assert sum(bool(inhibitor.inhibited_by(one)) for one in alerts) == 5_000
    assert time.process_time() - start < 60  # it is 0.2 s; with each other, it would be minutes
