"""The series index: which series a selector means."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.store.index import SeriesIndex
from jupyterhub_monitoring.store.matcher import Matcher, MatchType

SERIES = {
    70: {"__name__": "up", "job": "hub"},
    3: {"__name__": "up", "job": "node", "env": "prod"},
    5: {"__name__": "up", "job": "node", "env": "test"},
    64: {"__name__": "cpu", "job": "node", "user": "a\nb"},
    4: {"__name__": "cpu", "user": "a.b"},
}


def index_of(series: dict[int, dict[str, str]]) -> SeriesIndex:
    index = SeriesIndex()
    for number, labels in series.items():
        index.add([number], [index.key(tuple(sorted(labels.items())))])
    return index


def m(name, operator, value):
    return Matcher(name, MatchType(operator), value)


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        pytest.param([], [3, 4, 5, 64, 70], id="no matcher, all series"),
        pytest.param([m("__name__", "=", "up")], [3, 5, 70], id="a metric"),
        pytest.param([m("__name__", "=", "none")], [], id="no such metric"),
        pytest.param([m("env", "=", "")], [4, 64, 70], id="empty: without the label"),
        pytest.param([m("nope", "=", "")], [3, 4, 5, 64, 70], id="nobody has it: empty"),
        pytest.param([m("nope", "!=", "")], [], id="nobody has it: not empty"),
        pytest.param([m("env", "!=", "prod")], [4, 5, 64, 70], id="unequal takes those without"),
        pytest.param([m("env", "!=", "")], [3, 5], id="has the label"),
        pytest.param([m("env", "=~", "prod|test")], [3, 5], id="alternatives"),
        pytest.param([m("env", "=~", "prod|")], [3, 4, 64, 70], id="an empty alternative"),
        pytest.param([m("env", "!~", "prod|test")], [4, 64, 70], id="none of the alternatives"),
        pytest.param([m("env", "=~", ".+")], [3, 5], id="anything"),
        pytest.param([m("env", "=~", ".*")], [3, 4, 5, 64, 70], id="anything or nothing"),
        pytest.param([m("env", "!~", ".+")], [4, 64, 70], id="nothing"),
        pytest.param([m("env", "=~", "p.*")], [3], id="a prefix"),
        pytest.param([m("job", "=~", "no")], [], id="the whole value matches"),
        pytest.param([m("user", "=~", "a.b")], [4, 64], id="a dot is any character, also newline"),
        pytest.param([m("user", "=~", "a\\.b")], [4], id="an escaped dot is a dot"),
        pytest.param([m("user", "=~", "(?i)A.B")], [4, 64], id="any case"),
        pytest.param([m("env", "=~", "t.*"), m("__name__", "=", "up")], [5], id="both"),
    ],
)
def test_a_selector_means_these(matchers, expected):
    """A selector finds the series that Prometheus would find, in the order of their ids."""
    found = index_of(SERIES).matching(matchers)
    assert found.ids.tolist() == expected
    assert found.labels.rows() == [SERIES[i] for i in expected]


WORDS = st.sampled_from(["", "a", "ab", "b", "a.", "a|b", "é", "\n"])
PATTERNS = st.sampled_from(["", "a", "a|b", "a|", "a.*", "a.+", ".*", ".+", "a\\.", "[ab]+", "é|b"])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_matchers_agree_with_their_definition(data):
    """Whatever the labels and matchers, a series is found if and only if each test says yes."""
    sets = data.draw(st.lists(st.dictionaries(st.sampled_from("xyz"), WORDS), max_size=12))
    series = {i * 7 % 13: {n: v for n, v in s.items() if v} for i, s in enumerate(sets)}
    series = {i: {**s, "id": str(i)} for i, s in series.items()}
    index = index_of(series)
    for _ in range(3):
        matchers = data.draw(
            st.lists(
                st.one_of(
                    st.builds(m, st.sampled_from("wxyz"), st.sampled_from(["=", "!="]), WORDS),
                    st.builds(m, st.sampled_from("wxyz"), st.sampled_from(["=~", "!~"]), PATTERNS),
                ),
                max_size=3,
            )
        )
        tests = [(matcher.name, matcher.test()) for matcher in matchers]
        expected = [i for i, s in sorted(series.items()) if all(t(s.get(n, "")) for n, t in tests)]
        assert index.matching(matchers).ids.tolist() == expected


def test_series_come_and_go():
    """A selector that was asked before sees new series, and forgets those that were dropped."""
    index = index_of(SERIES)
    selector = [m("env", "=~", "prod|stage")]
    assert index.matching(selector).ids.tolist() == [3]
    labels = (("__name__", "up"), ("env", "stage"))
    index.add([9], [index.key(labels)])
    assert index.matching(selector).ids.tolist() == [3, 9]
    index.discard([3, 1234])
    assert index.matching(selector).ids.tolist() == [9]
    assert index.find(index.key(labels)) == 9
    assert index.find(index.key(tuple(SERIES[3].items()))) is None
    assert len(index) == len(index.ids) == 5


def test_any_of_several_selectors():
    """Each series is found once, whichever of the selectors mean it."""
    index = index_of(SERIES)
    both = [[m("__name__", "=", "up")], [m("job", "=", "node")]]
    assert index.matching_any(both).ids.tolist() == [3, 5, 64, 70]
    assert index.matching_any([]).ids.tolist() == [3, 4, 5, 64, 70]


def test_a_selection_does_not_change():
    """What a reader got stays as it was while series are added."""
    index = index_of(SERIES)
    before = index.matching([])
    for number in range(100, 400):
        index.add([number], [index.key((("n", str(number)),))])
    assert before.ids.tolist() == sorted(SERIES)
    assert before.labels.rows() == [SERIES[i] for i in sorted(SERIES)]


def test_a_hundred_thousand_series():
    """Adding 100,000 series at once, and finding one user's among them, stay in milliseconds."""
    index = SeriesIndex()
    keys = [
        index.key((("__name__", f"m{i % 50}"), ("job", "hub"), ("user", f"user-{i // 50}")))
        for i in range(100_000)
    ]
    began = time.thread_time()
    index.add(range(100_000), keys)
    added = time.thread_time()
    assert len(index.matching([m("user", "=", "user-77"), m("job", "=~", "h.*")]).ids) == 50
    assert len(index.matching([m("user", "=~", "user-7.7")]).ids) == 500
    found = time.thread_time()
    assert added - began < 1.5
    assert found - added < 0.5
    assert np.array_equal(index.ids, np.arange(100_000))
