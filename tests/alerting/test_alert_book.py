"""The alerts that there are: merged, bounded, kept, and forgotten when they are long over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.notifying.alert_book import (
    ENDED_MS,
    AlertBook,
    BookLimits,
    carried_over,
    merged,
)
from jupyterhub_monitoring.metrics.alerting_catalogue import ALERTS_DROPPED
from support.notifications import HOUR, MINUTE, SECOND, START, alert


@dataclass
class Keeper:
    kept: list[Any] = field(default_factory=list)
    forgotten: list[Any] = field(default_factory=list)
    fails: bool = False

    def keep(self, alerts, forget=()):
        if self.fails:
            raise OSError("no room")
        self.kept += alerts
        self.forgotten += forget


def book(limits: BookLimits | None = None) -> AlertBook:
    return AlertBook([], Keeper(), limits)


T = START
MERGES = {
    "sent again: the later end": ((T, T + 60), (T, T + 90), T + 30, (T, T + 90)),
    "another start while it fires: the earlier": (
        (T, T + 60),
        (T + 20, T + 90),
        T + 30,
        (T, T + 90),
    ),
    "an earlier start comes late": ((T + 20, T + 60), (T, T + 50), T + 30, (T, T + 60)),
    "it has ended: that counts": ((T, T + 60), (T, T + 30), T + 30, (T, T + 30)),
    "it ended, and is sent as ended again": ((T, T + 30), (T, T + 20), T + 40, (T, T + 30)),
    "it ended, and fires anew": ((T, T + 30), (T + 50, T + 90), T + 50, (T + 50, T + 90)),
    "a shorter time to send it again": ((T, T + 60), (T, T + 50), T + 30, (T, T + 60)),
}


@pytest.mark.parametrize(("old", "new", "now", "expected"), MERGES.values(), ids=MERGES)
def test_the_same_alert_is_merged(old, new, now, expected):
    """Two senders, or one that restarts, make one alert of what is one; Alertmanager's rules."""
    result = merged(alert(at=old[0], ends=old[1]), alert(at=new[0], ends=new[1]), now)
    assert (result.starts_at, result.ends_at) == expected


def test_annotations_are_those_of_the_last_word():
    """A description with the newest number is what people read."""
    alerts = book()
    alerts.put([alert(annotations={"value": "3"})], START)
    alerts.put([alert(annotations={"value": "4"})], START + SECOND)
    assert [a.annotations for a in alerts.all()] == [(("value", "4"),)]


def test_an_end_that_is_said_again_is_no_news():
    """Rules repeat that an alert has ended; nobody is told a second time."""
    alerts = book()
    assert alerts.put([alert()], START)
    ended = alert(ends=START + MINUTE)
    assert alerts.put([ended], START + MINUTE)
    assert alerts.put([ended], START + 2 * MINUTE) == []


def test_what_is_not_kept_is_not_in_force():
    """An alert is known when it is on disk, not before: whoever sent it sends it again."""
    keeper = Keeper(fails=True)
    alerts = AlertBook([], keeper)
    with pytest.raises(OSError, match="no room"):
        alerts.put([alert()], START)
    assert alerts.all() == []


def test_more_of_one_name_than_may_be_are_dropped_and_counted():
    """One rule gone wild does not use up the memory, and its drops can be seen."""
    alerts = book(BookLimits(per_name=3))
    before = ALERTS_DROPPED._value.get()
    alerts.put([alert(user=str(number)) for number in range(5)], START)
    alerts.put([alert("Other")], START)
    assert len(alerts) == 4
    assert ALERTS_DROPPED._value.get() == before + 2


def test_known_alerts_may_come_again_when_there_is_no_room():
    """The limit is for new ones: what fires already goes on, and may end."""
    alerts = book(BookLimits(alerts=1, per_name=1))
    alerts.put([alert(user="a")], START)
    assert alerts.put([alert(user="a", ends=START + 2000 * HOUR)], START + SECOND)
    assert alerts.put([alert(user="a", ends=START + MINUTE)], START + MINUTE)
    assert len(alerts.put([alert(user="b")], START + MINUTE)) == 0, "two in a book of one"


def test_ended_alerts_make_room_for_their_name():
    """The limit of a name counts what fires."""
    alerts = book(BookLimits(per_name=1))
    alerts.put([alert(user="a", ends=START + MINUTE)], START)
    assert alerts.put([alert(user="b")], START) == []
    assert alerts.put([alert(user="b")], START + 2 * MINUTE)


def test_ended_alerts_are_forgotten_after_an_hour_but_not_before_they_are_told():
    """The book does not grow for ever, and loses nothing that somebody still has to be told."""
    keeper = Keeper()
    alerts = AlertBook([], keeper)
    told, untold = alert(user="told", ends=START), alert(user="untold", ends=START)
    alerts.put([told, untold], START)
    assert alerts.forget({untold.labels}.__contains__, START + ENDED_MS - 1) == 0
    assert alerts.forget({untold.labels}.__contains__, START + ENDED_MS) == 1
    assert keeper.forgotten == [told.labels]
    assert [a.labels for a in alerts.all()] == [untold.labels]


CARRIED = {
    "would count as over: it gets time to be sent again": (START + MINUTE, START + HOUR, True),
    "still fires": (START + 3 * HOUR, START + HOUR, False),
    "was said to have ended": (START - SECOND, START + HOUR, False),
}


@pytest.mark.parametrize(("ends", "now", "longer"), CARRIED.values(), ids=CARRIED)
def test_a_restart_ends_no_alert(ends, now, longer):
    """A service that was away for an hour does not tell that all is well because of that."""
    before = alert(ends=ends)
    after = carried_over(before, now, grace=5 * MINUTE)
    assert after.ends_at == (now + 5 * MINUTE if longer else before.ends_at)
