"""Series as rule tests write them, read as promtool reads them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jupyterhub_monitoring.alerting.unit_test.series_notation import (
    MOST_VALUES,
    parse_metric,
    parse_values,
)
from jupyterhub_monitoring.errors import BadData
from jupyterhub_monitoring.store.selection import STALE_BITS

VALUES = {
    "1 2.5 -3": [1, 2.5, -3],
    "1+2x3": [1, 3, 5, 7],
    "-2-1x2": [-2, -3, -4],
    "5x3": [5, 5, 5, 5],
    "0x2": [0, 0, 0],
    "_ 1 _x2": [None, 1, None, None],
    "1e3x1 .5 2.": [1000, 1000, 0.5, 2],
    "Inf -Inf": [math.inf, -math.inf],
    "010 1_000": [8, 1000],
    "": [],
}


@pytest.mark.parametrize(("text", "values"), VALUES.items(), ids=VALUES)
def test_values(text, values):
    """Each notation of promtool's documentation."""
    assert parse_values(text) == values


def test_the_end_of_a_series_is_the_marker_itself():
    """Bit by bit: any other NaN would be a value."""
    (value,) = parse_values("stale")
    assert np.array([value]).view(np.int64).tolist() == [STALE_BITS]
    (number,) = parse_values("NaN")
    assert np.array([number]).view(np.int64).tolist() != [STALE_BITS]


WRONG = ["1x", "x3", "stalex3", "NaNx3", "1+2", "1 + 2x3", "1+-2x3", "a", "1,2", "{{schema:0}}"]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_value_is_refused(text):
    """With the word that is wrong."""
    with pytest.raises(BadData, match=r"'.+'"):
        parse_values(text)


def test_a_slip_of_the_finger_takes_no_memory():
    """The error says how many values there may be."""
    with pytest.raises(BadData, match=f"{MOST_VALUES:,}"):
        parse_values("0+1x999999999999")


METRICS = {
    "up": (("__name__", "up"),),
    'up{job="a", instance="b"}': (("__name__", "up"), ("instance", "b"), ("job", "a")),
    '{job="a"}': (("job", "a"),),
    '{"my.metric", "my.label"="x"}': (("__name__", "my.metric"), ("my.label", "x")),
    'up{job=""}': (("__name__", "up"),),
    "{}": (),
    "": (),
}


@pytest.mark.parametrize(("text", "labels"), METRICS.items(), ids=METRICS)
def test_label_sets(text, labels):
    """With and without a name, with names of any letters."""
    assert parse_metric(text) == labels


@pytest.mark.parametrize("text", ['up{job!="a"}', 'up{job="a",job="b"}', "up[5m]", "up{", "1"])
def test_what_is_no_label_set_is_refused(text):
    """Selectors and halves of them name no series."""
    with pytest.raises(BadData):
        parse_metric(text)
