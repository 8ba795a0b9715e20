"""Silences: how they may be changed, and what they silence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.routing.matcher_parser import parse_matchers
from jupyterhub_monitoring.alerting.routing.silence import (
    RETENTION_MS,
    Silence,
    SilenceLimits,
    Silences,
    SilenceState,
)
from jupyterhub_monitoring.alerting.routing.silence_index import SilenceIndex
from jupyterhub_monitoring.errors import BadData, UnknownSilence

NOW = 1_700_000_000_000
HOUR = 3_600_000
PENDING, ACTIVE, EXPIRED = SilenceState


class Kept:
    """A keeper that remembers, and fails when told to."""

    def __init__(self) -> None:
        self.by_id: dict[str, Silence] = {}
        self.broken = False

    def keep(self, silences: Sequence[Silence], forget: Sequence[str] = ()) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.by_id.update({silence.id: silence for silence in silences})
        for id_ in forget:
            del self.by_id[id_]


def wish(matchers: str = "a=b", starts: int = 0, ends: int = HOUR, **others: str) -> Silence:
    """Return a silence from *starts* to *ends*, in milliseconds from NOW; 0 is now."""
    starts_at = NOW + starts if starts else 0
    return Silence(parse_matchers(matchers), starts_at, NOW + ends, **others)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def silences(kept: Kept) -> Silences:
    numbers = count(1)
    return Silences(keeper=kept, new_id=lambda: f"id-{next(numbers)}")


def alert(**labels: str) -> Alert:
    return Alert(labels_of(labels), (), 0, NOW + HOUR)


def test_a_silence_lives(silences: Silences):
    """It waits, it silences, it is over."""
    made = silences.put(wish(starts=HOUR, ends=2 * HOUR), NOW)
    states = [made.state(NOW + at) for at in (0, HOUR - 1, HOUR, 2 * HOUR - 1, 2 * HOUR)]
    assert states == [PENDING, PENDING, ACTIVE, ACTIVE, EXPIRED]
    silenced = [silences.silenced_by(alert(a="b"), NOW + at) for at in (0, HOUR, 2 * HOUR)]
    assert silenced == [(), ("id-1",), ()]


def test_it_starts_now_at_the_earliest(silences: Silences):
    """Nobody silences what was already told of."""
    assert silences.put(wish(), NOW).starts_at == NOW
    assert silences.put(wish(starts=-HOUR), NOW).starts_at == NOW


REFUSED = {
    "no matchers": wish(""),
    "everything": wish('a="",b=~".*"'),
    "in the past": wish(starts=-2 * HOUR, ends=-HOUR),
    "until now": wish(ends=0),
    "backwards": wish(starts=2 * HOUR, ends=HOUR),
    "without length": wish(starts=HOUR, ends=HOUR),
    "too large": wish(comment="x" * 40_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str, silences: Silences, kept: Kept):
    """A silence that would silence everything, or nothing, is a mistake; nothing is kept of it."""
    with pytest.raises(BadData):
        silences.put(REFUSED[name], NOW)
    assert (silences.all(), kept.by_id) == ([], {})


def test_one_negative_matcher_is_enough(silences: Silences):
    """As in Alertmanager: `a!="b"` alone may be silenced though it matches the absent label."""
    silences.put(wish('a!="b"'), NOW)
    assert silences.silenced_by(alert(c="d"), NOW)


def test_an_unknown_id(silences: Silences):
    """A silence that is not there can neither be changed, ended nor asked for."""
    for ask in (silences.get, lambda id_: silences.expire(id_, NOW)):
        with pytest.raises(UnknownSilence, match="silence not found"):
            ask("nope")
    with pytest.raises(UnknownSilence):
        silences.put(wish(id="nope"), NOW)


# What is silenced from NOW to NOW + 1 h is changed half an hour later; or it would begin in 1 h.
HALF = HOUR // 2
CHANGES = {
    "a longer active one": (wish(), {"ends_at": NOW + 9 * HOUR}, True),
    "a shorter active one": (wish(), {"ends_at": NOW + HALF + 1}, True),
    "another comment": (wish(), {"comment": "so long", "created_by": "me"}, True),
    "the start, to the second": (wish(), {"starts_at": NOW // 1000 * 1000}, True),
    "another start": (wish(), {"starts_at": NOW + HALF}, False),
    "other matchers": (wish(), {"matchers": parse_matchers("a=c")}, False),
    "more matchers": (wish(), {"matchers": parse_matchers("a=b,c=d")}, False),
    "a later pending one": (wish(starts=HOUR, ends=2 * HOUR), {"starts_at": NOW + HOUR + 1}, True),
    "an earlier pending one": (
        wish(starts=HOUR, ends=2 * HOUR),
        {"starts_at": NOW + HALF - 1},
        False,
    ),
    "one that is over": (wish(ends=HALF), {"ends_at": NOW + 9 * HOUR}, False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str, silences: Silences, kept: Kept):
    """What was silenced until now stays on record: such a change ends the old and makes a new."""
    first, change, in_place = CHANGES[name]
    old = silences.put(first, NOW)
    later = NOW + HALF
    new = silences.put(replace(old, **change), later)
    assert (new.id == old.id) is in_place
    assert len(silences.all()) == (1 if in_place else 2)
    assert new.ends_at == change.get("ends_at", old.ends_at)
    assert new.comment == change.get("comment", "")
    assert new.updated_at == later
    if not in_place:
        left = silences.get(old.id)
        assert left.state(later) is EXPIRED
        assert left.ends_at == min(old.ends_at, later)
        assert new.starts_at >= later
    assert kept.by_id == {silence.id: silence for silence in silences.all()}


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        (wish(), (NOW, NOW + HALF)),
        (wish(starts=HOUR, ends=2 * HOUR), (NOW + HALF, NOW + HALF)),
        (wish(ends=HALF - 1), (NOW, NOW + HALF - 1)),
    ],
    ids=["active", "pending", "over"],
)
def test_expire(first: Silence, wanted: tuple[int, int], silences: Silences):
    """It is over at once, also one that had not begun; twice does no harm."""
    id_ = silences.put(first, NOW).id
    ended = silences.expire(id_, NOW + HALF)
    assert (ended.starts_at, ended.ends_at) == wanted
    assert silences.expire(id_, NOW + HOUR) == ended
    assert ended.state(NOW + HALF) is EXPIRED
    assert silences.silenced_by(alert(a="b"), NOW + HALF) == ()


def test_it_is_shown_for_days_after_its_end(silences: Silences, kept: Kept):
    """What was silenced last week can be looked up; then it is dropped, where it is kept, too."""
    silences.put(wish(), NOW)
    lasting = silences.put(wish(ends=1000 * HOUR), NOW)
    over = NOW + HOUR + RETENTION_MS
    assert silences.forget(over - 1) == 0
    assert silences.forget(over) == 1
    assert silences.all() == [lasting] == list(kept.by_id.values())
    assert silences.silenced_by(alert(a="b"), over) == (lasting.id,)


def test_as_many_as_may_be(kept: Kept):
    """A client that makes silences in a loop is stopped; what there is can still be changed."""
    silences = Silences(keeper=kept, limits=SilenceLimits(count=2))
    made = [silences.put(wish(), NOW) for _ in range(2)]
    with pytest.raises(BadData, match="no more"):
        silences.put(wish(), NOW)
    assert silences.put(replace(made[0], comment="x"), NOW).comment == "x"
    with pytest.raises(BadData, match="no more"):
        silences.put(replace(made[0], matchers=parse_matchers("c=d")), NOW)
    assert silences.get(made[0].id).state(NOW) is ACTIVE


def test_what_cannot_be_kept_is_not_in_force(silences: Silences, kept: Kept):
    """A silence that a restart would lose is refused, and one that could not end goes on."""
    id_ = silences.put(wish(), NOW).id
    kept.broken = True
    for change in (
        lambda: silences.put(wish("c=d"), NOW),
        lambda: silences.expire(id_, NOW),
        lambda: silences.forget(NOW + 9999 * HOUR),
    ):
        with pytest.raises(OSError, match="no space"):
            change()
    assert [silence.id for silence in silences.all()] == [id_]
    assert silences.silenced_by(alert(a="b"), NOW) == (id_,)
    assert silences.silenced_by(alert(c="d"), NOW) == ()


def test_after_a_restart(silences: Silences, kept: Kept):
    """Silences that were kept are in force again."""
    silences.put(wish(), NOW)
    again = Silences(kept.by_id.values())
    assert again.all() == silences.all()
    assert again.silenced_by(alert(a="b"), NOW) == ("id-1",)


def test_a_new_silence_counts_for_alerts_that_were_asked_before(silences: Silences):
    """What is remembered of an alert is not what there was when it was first asked."""
    assert silences.silenced_by(alert(a="b"), NOW) == ()
    silences.put(wish(), NOW)
    assert silences.silenced_by(alert(a="b"), NOW) == ("id-1",)
    silences.put(wish('a=~"b|c"'), NOW)
    assert silences.silenced_by(alert(a="b"), NOW) == ("id-1", "id-2")
    assert silences.silenced_by(alert(a="c"), NOW) == ("id-2",)
    assert silences.silenced_by(alert(a="d"), NOW) == ()


def test_pending_ones_are_told_of(silences: Silences):
    """The API shows which silences will be for an alert, too."""
    silences.put(wish(starts=HOUR, ends=2 * HOUR), NOW)
    assert [silence.id for silence in silences.matching(alert(a="b"), NOW)] == ["id-1"]
    assert silences.matching(alert(a="b"), NOW + 2 * HOUR) == []


def test_thousands_of_silences_in_a_storm_of_alerts(silences: Silences):
    """Each of 10,000 alerts is found its silence among 2,000, in a moment."""
    for number in range(2_000):
        silences.put(wish(f"alertname=A,user=u{number}"), NOW)
    silences.put(wish("alertname=~B.*"), NOW)
    alerts = [alert(user=f"u{n % 4_000}", alertname=f"A{n // 4_000 or ''}") for n in range(10_000)]
    start = time.process_time()
    assert sum(bool(silences.silenced_by(one, NOW)) for one in alerts) == 2_000
    assert time.process_time() - start < 60  # it is 0.1 s for silences of different labels


def test_what_is_remembered_is_bounded():
    """Alerts that come and go for months do not fill the memory."""
    index = SilenceIndex(remembered_alerts=3)
    index.add("id", parse_matchers("a=b"))
    for number in range(20):
        assert index.ids(alert(a="b", n=str(number))) == ("id",)
    assert len(index._known) <= 3


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(["a=1", "a=2", "a=~.+", "b!=1"])),
        st.tuples(st.just("expire"), st.integers(0, 5)),
        st.tuples(st.just("forget"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([HALF, RETENTION_MS])),
        st.tuples(st.just("change"), st.integers(0, 5)),
    ),
    max_size=15,
)


@given(steps)
def test_the_cache_changes_nothing(done: list[tuple[str, object]]):
    """Whatever happens to silences, an alert is silenced by those that match it and are active."""
    kept, now = Kept(), NOW
    silences = Silences(keeper=kept, limits=SilenceLimits(remembered_alerts=2))
    alerts = [alert(a=a, b=b) for a in "12" for b in "12"]
    for verb, what in done:
        ids = [silence.id for silence in silences.all()]
        if verb == "put":
            silences.put(Silence(parse_matchers(str(what)), 0, now + HOUR), now)
        elif verb == "wait":
            now += what
        elif verb == "forget":
            silences.forget(now)
        elif ids and verb == "expire":
            silences.expire(ids[what % len(ids)], now)
        elif ids:
            silences.put(replace(silences.get(ids[what % len(ids)]), ends_at=now + HOUR), now)
        for one in alerts:
            fresh = Silences(kept.by_id.values())
            assert silences.silenced_by(one, now) == fresh.silenced_by(one, now)
