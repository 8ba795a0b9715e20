"""From alerts to messages: when a group is told of, to whom, why, and when not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.message import Reason
from jupyterhub_monitoring.alerting.notifying.delivery_queue import QueueLimits
from jupyterhub_monitoring.alerting.notifying.notification_store import NotificationLimits
from jupyterhub_monitoring.alerting.routing.inhibit import InhibitRule
from jupyterhub_monitoring.alerting.routing.matcher import Matcher
from jupyterhub_monitoring.alerting.routing.route import Route
from jupyterhub_monitoring.alerting.routing.silence import Silence
from jupyterhub_monitoring.alerting.routing.time_interval import TimeInterval
from jupyterhub_monitoring.store.matcher import MatchType
from support.notifications import HOUR, MINUTE, SECOND, START, Desk, Inbox, alert, names, routing

MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[MakeDesk]:
    made: list[Desk] = []

    def make(*args: Any, **kwargs: Any) -> Desk:
        made.append(Desk(tmp_path, *args, **kwargs))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


def is_(name: str, value: str) -> Matcher:
    return Matcher(name, MatchType.EQUAL, value)


BY_NAME = frozenset({"alertname"})


# --- When ------------------------------------------------------------------------------------


def test_a_group_waits_for_others_before_its_first_message(make_desk: MakeDesk):
    """Three users fail within half a minute: that is one message."""
    desk = make_desk()
    for number in range(3):
        desk.put(alert(at=desk.now, user=str(number)))
        assert desk.advance(9 * SECOND) == []
    (message,) = desk.advance(3 * SECOND)
    assert sorted(names(message.alerts, "user")) == ["0", "1", "2"]
    assert message.reason is Reason.FIRST
    assert message.status == "firing"
    assert message.group_key == '{}:{alertname="SpawnsFail"}'
    assert message.external_url == "https://hub/m/"


def test_an_old_alert_is_told_at_once(make_desk: MakeDesk):
    """An alert that fires for longer than the wait has been waited for."""
    desk = make_desk()
    desk.put(alert(at=START - MINUTE))
    assert len(desk.advance(0)) == 1


def test_changes_are_told_in_the_interval_and_nothing_new_is_not(make_desk: MakeDesk):
    """A second alert comes five minutes after the first message; then all is quiet."""
    desk = make_desk()
    desk.put(alert(user="a"))
    assert len(desk.advance(30 * SECOND)) == 1
    desk.put(alert(at=desk.now, user="b"))
    assert desk.advance(5 * MINUTE - SECOND) == []
    (message,) = desk.advance(SECOND)
    assert message.reason is Reason.NEW_ALERTS
    assert names(message.alerts, "user") == ["a", "b"]
    assert desk.advance(HOUR) == []


def test_what_still_fires_is_repeated(make_desk: MakeDesk):
    """Four hours later somebody is reminded."""
    desk = make_desk()
    desk.put(alert())
    desk.advance(30 * SECOND)
    assert desk.advance(4 * HOUR - SECOND) == []
    assert [message.reason for message in desk.advance(SECOND)] == [Reason.REPEAT_DUE]


def test_ends_are_told_once(make_desk: MakeDesk):
    """One of two ends, then the other: two messages, the second of them says all is well."""
    desk = make_desk()
    desk.put(alert(user="a"), alert(user="b"))
    desk.advance(30 * SECOND)
    desk.put(alert(user="a", ends=desk.now))
    (first,) = desk.advance(5 * MINUTE)
    assert (first.reason, first.status) == (Reason.NEW_RESOLVED, "firing")
    assert (names(first.firing, "user"), names(first.resolved, "user")) == (["b"], ["a"])
    desk.put(alert(user="b", ends=desk.now))
    (last,) = desk.advance(5 * MINUTE)
    assert (last.reason, last.status) == (Reason.ALL_RESOLVED, "resolved")
    assert names(last.alerts, "user") == ["b"]
    assert desk.advance(24 * HOUR) == []
    assert len(desk.dispatcher.groups) == 0


def test_an_alert_that_nobody_sends_again_ends(make_desk: MakeDesk):
    """A rule that is taken away does not leave its alert behind for ever."""
    desk = make_desk()
    desk.put(alert(ends=START + 4 * MINUTE))
    assert [m.status for m in desk.advance(10 * MINUTE)] == ["firing", "resolved"]


def test_what_begins_and_ends_within_the_wait_is_not_told(make_desk: MakeDesk):
    """A blip of seconds wakes nobody."""
    desk = make_desk()
    desk.put(alert())
    desk.advance(SECOND)
    desk.put(alert(ends=desk.now))
    assert desk.advance(HOUR) == []


def test_what_comes_back_is_news(make_desk: MakeDesk):
    """After the end of a group, the next alert of it waits and is told like the first."""
    desk = make_desk()
    desk.put(alert())
    desk.advance(30 * SECOND)
    desk.put(alert(ends=desk.now))
    desk.advance(5 * MINUTE)
    desk.put(alert(at=desk.now))
    assert desk.advance(29 * SECOND) == []
    assert [m.reason for m in desk.advance(SECOND)] == [Reason.FIRST]


def test_a_clock_that_was_set_moves_the_groups(make_desk: MakeDesk):
    """A clock set back by a day does not hold up messages for a day."""
    desk = make_desk()
    desk.put(alert(user="a"))
    desk.advance(30 * SECOND)
    desk.put(alert(user="b"))
    desk.now -= 24 * HOUR
    desk.dispatcher.groups.shift(-24 * HOUR)
    assert len(desk.advance(5 * MINUTE)) == 1


# --- To whom ---------------------------------------------------------------------------------


def test_groups_are_made_by_route_and_labels(make_desk: MakeDesk):
    """Each route has its receiver and its own idea of what belongs together."""
    night = Route("night", (is_("severity", "critical"),), key="{}/critical", id="1")
    root = Route("team", group_by=frozenset({"alertname", "hub"}), routes=(night,))
    desk = make_desk(routing(root))
    desk.put(
        alert("A", severity="critical", hub="x"),
        alert("B", severity="critical", hub="y"),
        alert("A", hub="x"),
        alert("A", hub="y"),
    )
    messages = desk.advance(30 * SECOND)
    got = sorted((m.receiver, m.group_labels, len(m.alerts)) for m in messages)
    assert got == [
        ("night", (), 2),
        ("team", (("alertname", "A"), ("hub", "x")), 1),
        ("team", (("alertname", "A"), ("hub", "y")), 1),
    ]


def test_each_way_to_tell_a_receiver_gets_its_own_message(make_desk: MakeDesk):
    """A mail that is not told of ends does not keep the webhook from being."""
    receivers = {"team": [Inbox("webhook"), Inbox("email", sends_resolved=False)]}
    desk = make_desk(receivers=receivers)
    desk.put(alert(user="a"), alert(user="b"))
    assert len(desk.advance(30 * SECOND)) == 2
    desk.put(alert(user="a", ends=desk.now))
    (webhook,) = desk.advance(5 * MINUTE)
    assert webhook.reason is Reason.NEW_RESOLVED
    desk.put(alert(at=desk.now, user="c"))
    both = desk.advance(5 * MINUTE)
    assert [names(m.alerts, "user") for m in both] == [["b", "c"], ["b", "c"]]
    desk.put(*(alert(user=user, ends=desk.now) for user in "bc"))
    assert [m.status for m in desk.advance(HOUR)] == ["resolved"], "the mail is not told"


def test_a_receiver_without_a_way_to_tell_it_is_told_nothing(make_desk: MakeDesk):
    """`receivers: [{name: nobody}]` is how one route is made silent."""
    desk = make_desk(receivers={"team": []})
    desk.put(alert())
    assert desk.advance(HOUR) == []


def test_a_message_holds_so_many_alerts_and_counts_the_rest(make_desk: MakeDesk):
    """A message stays of a size that can be sent; those that fire come first."""
    desk = make_desk(limits=NotificationLimits(alerts_per_message=3))
    desk.put(*(alert(user=str(number)) for number in range(3)))
    desk.advance(30 * SECOND)
    desk.put(alert(user="0", ends=desk.now), alert(at=desk.now, user="new"))
    (message,) = desk.advance(5 * MINUTE)
    assert names(message.alerts, "user") == ["1", "2", "new"]
    assert message.truncated_alerts == 1


def test_a_group_that_cannot_be_told_of_keeps_no_other_from_it(make_desk: MakeDesk, caplog):
    """A fault of ours in one group is logged; the others are told at the same time."""

    class Faulty(Inbox):
        @property
        def sends_resolved(self):
            raise RuntimeError("a fault")

        @sends_resolved.setter
        def sends_resolved(self, _):
            pass

    other = Route("other", (is_("alertname", "Other"),), key="{}/other", id="1")
    config = routing(Route("team", group_by=BY_NAME, routes=(other,)))
    desk = make_desk(config, receivers={"team": [Faulty()], "other": [Inbox()]})
    desk.put(alert(), alert("Other"))
    assert [message.receiver for message in desk.advance(30 * SECOND)] == ["other"]
    assert "cannot be told of" in caplog.text


# --- When not --------------------------------------------------------------------------------


def test_inhibited_alerts_are_not_told(make_desk: MakeDesk):
    """While the Hub is down nobody hears what follows from it; after that they do."""
    rule = InhibitRule((is_("alertname", "HubDown"),), (is_("severity", "warning"),))
    desk = make_desk(routing(inhibit_rules=(rule,)))
    desk.put(alert("HubDown"), alert("Slow", severity="warning"))
    assert [m.group_labels for m in desk.advance(30 * SECOND)] == [(("alertname", "HubDown"),)]
    desk.put(alert("HubDown", ends=desk.now))
    messages = desk.advance(5 * MINUTE)
    assert sorted((names(m.alerts), m.status) for m in messages) == [
        (["HubDown"], "resolved"),
        (["Slow"], "firing"),
    ]


def test_silenced_alerts_are_not_told_until_the_silence_ends(make_desk: MakeDesk):
    """Whoever silences an alert hears of it when the silence is over and it still fires."""
    desk = make_desk()
    wish = Silence((is_("user", "a"),), START, START + HOUR, "me", "known")
    desk.store.silences.put(wish, desk.now)
    desk.put(alert(user="a"), alert(user="b"))
    (message,) = desk.advance(30 * SECOND)
    assert names(message.alerts, "user") == ["b"]
    (later,) = desk.advance(HOUR + 5 * MINUTE)
    assert later.reason is Reason.NEW_ALERTS
    assert names(later.alerts, "user") == ["a", "b"]


def test_with_a_silence_neither_begin_nor_end_is_told(make_desk: MakeDesk):
    """As in Alertmanager: what ends while it is silenced is over for everybody."""
    desk = make_desk()
    wish = Silence((is_("alertname", "SpawnsFail"),), START, START + HOUR, "me", "known")
    desk.store.silences.put(wish, desk.now)
    desk.put(alert())
    desk.advance(MINUTE)
    desk.put(alert(ends=desk.now))
    assert desk.advance(24 * HOUR) == []
    assert len(desk.dispatcher.groups) == 0


def test_an_alert_that_ended_in_silence_is_news_when_it_comes_back(make_desk: MakeDesk):
    """Told, silenced, ended, fires again after the silence: that is told."""
    desk = make_desk()
    desk.put(alert())
    desk.advance(30 * SECOND)
    wish = Silence((is_("alertname", "SpawnsFail"),), desk.now, desk.now + 20 * MINUTE, "me", "x")
    desk.store.silences.put(wish, desk.now)
    desk.put(alert(ends=desk.now))
    assert desk.advance(30 * MINUTE) == []
    desk.put(alert(at=desk.now))
    assert [m.reason for m in desk.advance(30 * SECOND)] == [Reason.FIRST]


def test_a_route_is_quiet_in_its_mute_times(make_desk: MakeDesk):
    """At night the route waits; in the morning it tells what still fires."""
    minutes = (START // MINUTE) % (24 * 60)
    night = TimeInterval(times=((minutes, minutes + 60),))
    route = Route("team", group_by=BY_NAME, mute_time_intervals=("night",))
    desk = make_desk(routing(route, time_intervals={"night": (night,)}))
    desk.put(alert())
    assert desk.advance(55 * MINUTE) == []
    assert len(desk.advance(15 * MINUTE)) == 1


# --- Restarts --------------------------------------------------------------------------------


def test_a_restart_tells_nothing_twice(make_desk: MakeDesk):
    """Alerts, silences and what was told are known again."""
    desk = make_desk()
    desk.put(alert(user="a"))
    assert len(desk.advance(30 * SECOND)) == 1
    desk.restart(after=MINUTE)
    assert desk.advance(3 * HOUR) == []
    assert [m.reason for m in desk.advance(HOUR)] == [Reason.REPEAT_DUE]


def test_a_restart_in_the_wait_does_not_prolong_it(make_desk: MakeDesk):
    """The first message comes when it would have come."""
    desk = make_desk()
    desk.put(alert())
    desk.advance(20 * SECOND)
    desk.restart()
    assert desk.advance(9 * SECOND) == []
    assert len(desk.advance(SECOND)) == 1


def test_a_restart_in_the_interval_does_not_shorten_it(make_desk: MakeDesk):
    """Who is to be told every five minutes at most is not told sooner because we restart."""
    desk = make_desk()
    desk.put(alert(user="a"))
    desk.advance(30 * SECOND)
    desk.put(alert(at=desk.now, user="b"))
    desk.restart(after=MINUTE)
    assert desk.advance(4 * MINUTE - SECOND) == []
    assert len(desk.advance(SECOND)) == 1


def test_an_end_during_the_restart_is_told(make_desk: MakeDesk):
    """What is not sent any more after a restart is over, after some patience."""
    desk = make_desk()
    desk.put(alert(ends=START + 4 * MINUTE))
    desk.advance(30 * SECOND)
    desk.restart(after=HOUR)
    assert desk.advance(4 * MINUTE) == [], "the rules get time to send it again"
    assert [m.status for m in desk.advance(10 * MINUTE)] == ["resolved"]


def test_silences_outlive_a_restart(make_desk: MakeDesk):
    """A silence is a promise."""
    desk = make_desk()
    desk.store.silences.put(Silence((is_("user", "a"),), START, START + HOUR, "me", ""), desk.now)
    desk.restart()
    desk.put(alert(user="a"))
    assert desk.advance(HOUR - SECOND) == []


def test_a_new_configuration_repeats_nothing_and_holds_for_what_fires(make_desk: MakeDesk):
    """An edit of an unrelated route tells nobody anything; a new receiver is told of all."""
    desk = make_desk()
    desk.put(alert(severity="critical"))
    desk.advance(30 * SECOND)
    other = Route("other", (is_("severity", "info"),), key='{}/{severity="info"}', id="1")
    root = replace(desk.config.route, routes=(other,))
    receivers = {"team": [Inbox()], "other": [Inbox()], "boss": [Inbox()]}
    desk.dispatcher.update(routing(root), receivers, desk.now)
    assert desk.advance(HOUR) == []
    desk.dispatcher.update(routing(replace(root, receiver="boss")), receivers, desk.now)
    assert [(m.receiver, m.reason) for m in desk.advance(5 * MINUTE)] == [("boss", Reason.FIRST)]


# --- The queue -------------------------------------------------------------------------------


def look(desk: Desk, until: int) -> None:
    """Let time pass while nobody delivers."""
    while (at := desk.dispatcher.next_at()) is not None and at <= until:
        desk.now = at
        desk.dispatcher.flush_due(at)
    desk.now = until


def test_a_receiver_that_is_down_is_not_reminded_of_what_it_was_not_told(make_desk: MakeDesk):
    """A day of repetitions does not pile up behind a message that waits."""
    desk = make_desk()
    desk.put(alert())
    look(desk, START + 24 * HOUR)
    assert [queued.reason for queued in desk.store.queue.waiting()] == [Reason.FIRST]


def test_beyond_the_limit_of_a_lane_the_oldest_message_goes_and_is_shown(make_desk: MakeDesk):
    """The newest say what is the case; the loss is in the history."""
    desk = make_desk(limits=NotificationLimits(queue=QueueLimits(per_lane=3)))
    for number in range(6):
        desk.put(alert(at=desk.now, user=str(number)))
        look(desk, desk.now + 6 * MINUTE)
    waiting = desk.store.queue.waiting()
    assert [queued.alerts for queued in waiting] == [4, 5, 6]
    assert [ended.outcome.value for ended in desk.store.queue.history(10)] == ["dropped"] * 3
    desk.restart()
    assert [queued.alerts for queued in desk.store.queue.waiting()] == [4, 5, 6]


def test_beyond_the_limit_of_all_superseded_messages_go_first(make_desk: MakeDesk):
    """A group of which one message waits keeps it while another has older ones to spare."""
    desk = make_desk(limits=NotificationLimits(queue=QueueLimits(messages=3)))
    desk.put(alert("Single"))
    for number in range(4):
        desk.put(alert("Many", at=desk.now, user=str(number)))
        look(desk, desk.now + 6 * MINUTE)
    waiting = [(q.lane.group_key, q.alerts) for q in desk.store.queue.waiting()]
    assert waiting == [
        ('{}:{alertname="Single"}', 1),
        ('{}:{alertname="Many"}', 3),
        ('{}:{alertname="Many"}', 4),
    ]


def test_ten_thousand_groups_are_looked_at_in_portions(make_desk: MakeDesk):
    """So many groups neither need a timer each nor one transaction for all; none is forgotten."""
    desk = make_desk(routing(Route("team", group_by_all=True)))
    desk.put(*(alert(user=str(number)) for number in range(10_000)))
    desk.now += 30 * SECOND
    looks = 0
    while (at := desk.dispatcher.next_at()) is not None and at <= desk.now:
        assert 0 < desk.dispatcher.flush_due(desk.now) <= 200
        looks += 1
    assert looks == 50
    assert len({queued.lane for queued in desk.store.queue.waiting()}) == 10_000
