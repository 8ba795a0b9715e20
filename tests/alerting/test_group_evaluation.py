"""One evaluation of a group: what is written, who is told, and what a fault costs."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.errors import StoreError, UnknownSeries
from support.rules_rig import MINUTE, SECOND, STALE, Rig, run

CHAIN = """
- record: one
  expr: a + 1
- record: two
  expr: one * 10
- alert: TooMuch
  expr: two > 10
"""

APART = """
- record: one
  expr: a + 1
- record: two
  expr: a + 2
- alert: TooMuch
  expr: a > 0
"""


def alerts_of(group, name: str) -> dict[str, str]:
    """Return {value of `i`: state}."""
    alerts = run(group, name).status.alerts.values()
    return {dict(alert.labels).get("i", ""): alert.state.text for alert in alerts}


# --- What is written -----------------------------------------------------------------------------


def test_rules_see_what_the_rules_before_them_gave():
    """At the same evaluation: an alert on a recorded series is not one interval late."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group(CHAIN)
    group.evaluate(0)
    assert rig.series.written("two") == {0: 20}
    assert [alert.name for alert in rig.sink.told] == ["TooMuch"]


@pytest.mark.parametrize(("rules", "appends"), [(CHAIN, 3), (APART, 1)], ids=["chain", "apart"])
def test_a_group_is_written_at_once_where_that_can_be(rules, appends):
    """A transaction costs milliseconds: there is one more only for a rule that reads another's."""
    rig = Rig()
    rig.series.put(0, a=1)
    rig.group(rules).evaluate(0)
    assert rig.series.appends == appends


def test_an_alert_may_be_read_by_a_later_rule():
    """`ALERTS` is a series like any other."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("""
    - alert: A
      expr: a > 0
    - record: firing
      expr: count(ALERTS{alertstate="firing"})
    """)
    group.evaluate(0)
    assert rig.series.written("firing") == {0: 1}


def test_labels_of_a_recording_rule_go_before_those_of_its_series():
    """A label with an empty value is taken away; a number has the rule's labels only."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1",job="j"}': 5})
    rig.group("""
    - record: r
      expr: a
      labels: {i: "", team: ops}
    - record: n
      expr: "7"
      labels: {team: ops}
    """).evaluate(0)
    assert rig.series.written('r{job="j",team="ops"}') == {0: 5}
    assert rig.series.written('n{team="ops"}') == {0: 7}


def test_texts_that_the_query_made_are_labels_too():
    """`label_replace` makes label sets that no series has."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 1, 'a{i="2"}': 2})
    group = rig.group("""
    - record: r
      expr: label_replace(a, "new", "x$1", "i", "(.*)")
    """)
    for at in (0, MINUTE):
        group.evaluate(at)
    assert rig.series.written('r{i="2",new="x2"}') == {0: 2, MINUTE: 2}


def test_known_series_are_not_looked_up_again():
    """In whichever order they come: 20,000 label sets take longer than the query."""
    rig = Rig()
    rig.series.put(0, **{f'a{{i="{i}"}}': i for i in range(50)})
    group = rig.group("""
    - record: r
      expr: sort(a)
    """)
    group.evaluate(0)
    rig.series.put(MINUTE, **{f'a{{i="{i}"}}': -i for i in range(50)})
    rig.series.put(MINUTE, b=1)
    asked = rig.series.asked_ids
    group.evaluate(MINUTE)
    assert rig.series.asked_ids == asked
    assert rig.series.written('r{i="7"}') == {0: 7, MINUTE: -7}


def test_a_series_that_a_rule_no_longer_gives_has_ended():
    """Dashboards show a gap, not five minutes of the last value."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 1, 'a{i="2"}': 2})
    group = rig.group("""
    - record: r
      expr: a > 1
    """)
    group.evaluate(0)
    rig.series.put(MINUTE, **{'a{i="1"}': 3, 'a{i="2"}': 0})
    group.evaluate(MINUTE)
    group.evaluate(2 * MINUTE)
    assert rig.series.written('r{i="1"}') == {MINUTE: 3, 2 * MINUTE: 3}
    assert rig.series.written('r{i="2"}') == {0: 2, MINUTE: STALE}


def test_a_series_that_another_rule_goes_on_with_has_not_ended():
    """Two rules of one name, each for its own case."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("""
    - record: r
      expr: a < 5
    - record: r
      expr: a >= 5
    """)
    group.evaluate(0)
    rig.series.put(MINUTE, a=9)
    group.evaluate(MINUTE)
    rig.series.put(2 * MINUTE, a=2)
    group.evaluate(2 * MINUTE)
    assert rig.series.written("r") == {0: 1, MINUTE: 9, 2 * MINUTE: 2}


def test_the_query_offset():
    """A group with an offset asks of the past, and writes to it."""
    rig = Rig()
    rig.series.put(0, a=1)
    rig.series.put(MINUTE, a=2)
    group = rig.group(APART, head="query_offset: 30s")
    group.evaluate(MINUTE)
    assert rig.series.written("one") == {30 * SECOND: 2}
    assert rig.series.written('ALERTS{alertname="TooMuch",alertstate="firing"}') == {30 * SECOND: 1}
    (alert,) = rig.sink.told
    assert alert.starts_at == MINUTE


def test_the_series_of_an_alert_change_with_its_state():
    """`ALERTS` of the old state ends, `ALERTS_FOR_STATE` goes on with the same value."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("""
    - alert: A
      expr: a > 0
      for: 1m
    """)
    for at in (MINUTE, 2 * MINUTE):
        group.evaluate(at)
    rig.series.put(3 * MINUTE, a=0)
    group.evaluate(3 * MINUTE)
    since = rig.series.written('ALERTS_FOR_STATE{alertname="A"}')
    pending = rig.series.written('ALERTS{alertname="A",alertstate="pending"}')
    firing = rig.series.written('ALERTS{alertname="A",alertstate="firing"}')
    assert pending == {MINUTE: 1, 2 * MINUTE: STALE}
    assert firing == {2 * MINUTE: 1, 3 * MINUTE: STALE}
    assert since == {MINUTE: 60, 2 * MINUTE: 60, 3 * MINUTE: STALE}


# --- What fails ----------------------------------------------------------------------------------


def test_a_rule_that_fails_says_so_and_the_others_go_on():
    """As in Prometheus its series are not ended: nobody knows that they are over."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 1, "b": 1})
    group = rig.group("""
    - record: bad
      expr: a * on() b
    - record: good
      expr: b
    """)
    group.evaluate(0)
    assert run(group, "bad").status.health.value == "ok"
    rig.series.put(MINUTE, **{'a{i="1"}': 1, 'a{i="2"}': 1, "b": 2})
    group.evaluate(MINUTE)
    bad, good = run(group, "bad").status, run(group, "good").status
    assert (bad.health.value, good.health.value) == ("err", "ok")
    assert "many-to-" in bad.last_error or "duplicate series" in bad.last_error
    assert rig.series.written("bad") == {0: 1}
    assert rig.series.written("good") == {0: 1, MINUTE: 2}
    rig.series.put(2 * MINUTE, **{'a{i="1"}': 4, "b": 2})
    rig.series.put(10 * MINUTE, **{'a{i="1"}': 4, "b": 2})
    group.evaluate(10 * MINUTE)
    assert run(group, "bad").status.last_error == ""


FAILING = {
    "the same series twice": (
        "- record: r\n  expr: a\n  labels: {i: x}",
        "",
        "vector contains metrics with the same labelset after applying rule labels",
    ),
    "the same alert twice": (
        "- alert: r\n  expr: a\n  labels: {i: x}",
        "",
        "vector contains metrics with the same labelset after applying alert labels",
    ),
    "more series than may be": (
        "- record: r\n  expr: a",
        "limit: 1",
        "exceeded limit of 1 with 2 series",
    ),
    "more alerts than may be": (
        "- alert: r\n  expr: a",
        "limit: 1",
        "exceeded limit of 1 with 2 alerts",
    ),
}


@pytest.mark.parametrize(("rule", "head", "error"), FAILING.values(), ids=FAILING)
def test_what_a_rule_may_not_give(rule, head, error):
    """In Prometheus's words; nothing is written and nobody is told."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 1, 'a{i="2"}': 2})
    group = rig.group(rule, head)
    group.evaluate(0)
    assert run(group, "r").status.last_error == error
    assert rig.series.appends == 0
    assert rig.sink.puts == []
    assert alerts_of(group, "r") == {}


def test_alerts_are_cleared_when_there_are_too_many():
    """And begin anew when there are few enough again."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 1})
    group = rig.group("- alert: A\n  expr: a > 0", "limit: 1")
    group.evaluate(0)
    assert alerts_of(group, "A") == {"1": "firing"}
    rig.series.put(MINUTE, **{'a{i="2"}': 1})
    group.evaluate(MINUTE)
    assert alerts_of(group, "A") == {}


def test_a_store_that_fails_keeps_nobody_from_being_told():
    """The rules say that nothing was kept, for as long as that is so."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group(APART)
    rig.series.fails = [StoreError("the disk is gone")]
    group.evaluate(0)
    assert [alert.name for alert in rig.sink.told] == ["TooMuch"]
    assert "the disk is gone" in run(group, "one").status.last_error
    assert "the disk is gone" in run(group, "TooMuch").status.last_error
    group.evaluate(MINUTE)
    assert run(group, "one").status.last_error == ""
    assert rig.series.written("one") == {MINUTE: 2}


def test_a_full_disk_is_shown_beside_the_rules():
    """Alerts are told of all the same."""
    rig = Rig()
    rig.series.put(0, a=1)
    rig.series.full = True
    group = rig.group(CHAIN)
    group.evaluate(0)
    assert "the disk is full" in run(group, "one").status.last_error
    group = rig.group(APART)
    group.evaluate(0)
    assert [alert.name for alert in rig.sink.told] == ["TooMuch"]


def test_two_rules_that_contradict_each_other_are_told_of():
    """The first one counts; that the other one was lost is no secret."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("- record: r\n  expr: a\n- record: r\n  expr: a + 1")
    group.evaluate(0)
    assert rig.series.written("r") == {0: 1}
    assert "other samples of the same series" in group.runs[1].status.last_error


def test_ids_that_retention_took_back_are_asked_for_again():
    """A rule that was silent for 400 days is written like any other."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group(APART)
    group.evaluate(0)
    rig.series.fails = [UnknownSeries("gone")]
    group.evaluate(MINUTE)
    assert rig.series.written("one") == {0: 2, MINUTE: 2}
    assert run(group, "one").status.last_error == ""
    assert len(rig.sink.told) == 1


# --- Who is told ---------------------------------------------------------------------------------


def test_what_is_told():
    """Labels and texts with the number in them, and where the expression can be looked at."""
    rig = Rig()
    rig.series.put(0, **{'a{i="1"}': 7})
    group = rig.group("""
    - alert: A
      expr: a > 5
      labels: {severity: critical, where: "{{ $labels.i }}"}
      annotations:
        summary: "{{ $value | humanize }} on {{ $labels.i }} of {{ $externalLabels.hub }}"
        empty: ""
    """)
    group.evaluate(MINUTE)
    ((now, (alert,)),) = rig.sink.puts
    assert now == MINUTE
    assert alert.labels == (
        ("alertname", "A"),
        ("i", "1"),
        ("severity", "critical"),
        ("where", "1"),
    )
    assert alert.annotations == (("summary", "7 on 1 of a"),)
    assert (alert.starts_at, alert.ends_at) == (MINUTE, 5 * MINUTE)
    assert alert.generator_url == "http://hub/graph?g0.expr=a+%3E+5&g0.tab=1"


def test_a_text_that_cannot_be_made_says_so_in_its_place():
    """A wrong annotation must not keep an alert from being sent."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("""
    - alert: A
      expr: a > 0
      annotations: {summary: "{{ query \\"nothing\\" | first | value }}"}
    """)
    group.evaluate(0)
    (alert,) = rig.sink.told
    assert "error expanding template" in dict(alert.annotations)["summary"]


def test_a_text_may_ask_for_what_the_group_recorded():
    """`query` in an annotation sees this evaluation's samples."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group("""
    - record: one
      expr: a + 41
    - alert: A
      expr: a > 0
      annotations: {summary: "{{ range query \\"one\\" }}{{ .Value }}{{ end }}"}
    """)
    group.evaluate(0)
    (alert,) = rig.sink.told
    assert dict(alert.annotations)["summary"] == "42"


def test_what_could_not_be_handed_on_is_handed_on_at_the_next_evaluation():
    """A notifier that fails once loses nothing."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group(APART)
    rig.sink.fails = [OSError("no")]
    group.evaluate(0)
    group.evaluate(SECOND)
    assert [at for at, _ in rig.sink.puts] == [SECOND]


def test_ten_thousand_alerts_of_one_rule():
    """All are known, told of in one go, and cost no look-up at later evaluations."""
    rig = Rig()
    count = 10_000
    rig.series.put(0, **{f'a{{i="{i}"}}': 1 for i in range(count)})
    group = rig.group("""
    - alert: A
      expr: a > 0
      annotations: {summary: "{{ $labels.i }} has {{ $value }}"}
    """)
    group.evaluate(0)
    assert [len(alerts) for _, alerts in rig.sink.puts] == [count]
    assert group.counts.firing == count
    asked = rig.series.asked_ids
    group.evaluate(30 * SECOND)
    assert rig.series.asked_ids == asked
    assert len(rig.sink.puts) == 1
    rig.series.put(MINUTE, **{f'a{{i="{i}"}}': 0 for i in range(count)})
    group.evaluate(MINUTE)
    assert len(rig.sink.puts[1][1]) == count
    group.evaluate(17 * MINUTE)
    assert alerts_of(group, "A") == {}


# --- Another version of the group ----------------------------------------------------------------


def test_a_changed_group_goes_on_with_the_alerts_of_the_old_one():
    """A rule is the same by name and labels, whatever else changed."""
    rig = Rig()
    rig.series.put(0, a=1)
    rule = "- alert: A\n  expr: a > 0\n  for: 2m\n"
    old = rig.group(rule + "- record: r\n  expr: a")
    old.evaluate(0)
    new = rig.group("- record: s\n  expr: a\n" + rule.replace("a > 0", "a > 0.5"))
    new.take_over(old)
    new.evaluate(2 * MINUTE)
    assert alerts_of(new, "A") == {"": "firing"}
    assert rig.series.written("r") == {0: 1, 2 * MINUTE: STALE}
    assert rig.series.written('ALERTS{alertname="A",alertstate="pending"}') == {
        0: 1,
        2 * MINUTE: STALE,
    }


def test_the_series_of_a_group_that_is_gone_have_ended():
    """But those with which another group goes on."""
    rig = Rig()
    rig.series.put(0, a=1)
    old = rig.group("- record: r\n  expr: a\n- record: s\n  expr: a")
    old.evaluate(0)
    new = rig.group("- record: s\n  expr: a + 1")
    new.evaluate(MINUTE)
    old.end(MINUTE + 1, [new])
    assert rig.series.written("r") == {0: 1, MINUTE + 1: STALE}
    assert rig.series.written("s") == {0: 1, MINUTE: 2}


def test_a_group_that_is_stopped_leaves_out_the_rest():
    """The service ends within seconds."""
    rig = Rig()
    rig.series.put(0, a=1)
    group = rig.group(APART)
    group.stop()
    group.evaluate(0)
    assert rig.series.appends == 0
