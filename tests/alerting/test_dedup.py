"""Whether to tell of a group now."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.alerting.message import Reason
from jupyterhub_monitoring.alerting.routing.dedup import Told, why_notify

HOUR = 3_600_000
NOW = 100 * HOUR


def told(firing: str = "", resolved: str = "", ago: int = 0) -> Told:
    return Told(NOW - ago, frozenset(firing), frozenset(resolved))


CASES = {
    "the first alert": (None, "a", "", Reason.FIRST),
    "it ended before anybody was told": (None, "", "a", Reason.NOTHING_NEW),
    "an empty group": (None, "", "", Reason.NOTHING_NEW),
    "the same": (told("ab"), "ab", "", Reason.NOTHING_NEW),
    "one more": (told("a"), "ab", "", Reason.NEW_ALERTS),
    "another instead": (told("a"), "b", "a", Reason.NEW_ALERTS),
    "one is gone without a word": (told("ab"), "a", "", Reason.NOTHING_NEW),
    "one has ended": (told("ab"), "a", "b", Reason.NEW_RESOLVED),
    "its end was told": (told("a", "b"), "a", "b", Reason.NOTHING_NEW),
    "it fires again": (told("a", "b"), "ab", "", Reason.NEW_ALERTS),
    "all have ended": (told("ab"), "", "ab", Reason.ALL_RESOLVED),
    "all are gone": (told("ab"), "", "", Reason.ALL_RESOLVED),
    "all had ended": (told("", "ab"), "", "ab", Reason.NOTHING_NEW),
    "another came and ended unseen": (told("", "ab"), "", "abc", Reason.NOTHING_NEW),
    "long ago": (told("a", ago=5 * HOUR), "a", "", Reason.REPEAT_DUE),
    "just now due": (told("a", ago=4 * HOUR), "a", "", Reason.REPEAT_DUE),
    "not yet due": (told("a", ago=4 * HOUR - 1), "a", "", Reason.NOTHING_NEW),
    "due, and news": (told("a", ago=5 * HOUR), "ab", "", Reason.NEW_ALERTS),
    "resolved long ago": (told("", "a", ago=50 * HOUR), "", "a", Reason.NOTHING_NEW),
}


@pytest.mark.parametrize("name", CASES)
def test_why(name: str):
    """News are told at once, the same again only after the interval, what nobody knew of never."""
    last, firing, resolved, wanted = CASES[name]
    assert why_notify(last, set(firing), set(resolved), 4 * HOUR, NOW) is wanted


def test_a_receiver_that_is_not_told_of_ends():
    """One end among others is no news to it; that all have ended is written down, though."""
    last = told("ab")
    silent = {"sends_resolved": False}
    assert why_notify(last, {"a"}, {"b"}, HOUR, NOW, **silent) is Reason.NOTHING_NEW
    assert why_notify(last, set(), {"a", "b"}, HOUR, NOW, **silent) is Reason.ALL_RESOLVED
