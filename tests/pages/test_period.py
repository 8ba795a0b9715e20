"""The time that a page looks at: read from its address, cut into steps, or refused in words."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.errors import BadData
from jupyterhub_monitoring.pages.period import POINTS, read_period

NOW = 1_795_600_007.0


def read(now: float = NOW, interval: float = 15, **arguments: str):
    named = {name.removesuffix("_"): text for name, text in arguments.items()}
    return read_period(lambda name: named.get(name, ""), now, interval=interval)


@pytest.mark.parametrize(
    ("name", "seconds", "step"),
    [("", 21_600, 120), ("1h", 3600, 15), ("30m", 1800, 15), ("7d", 604_800, 3600)],
    ids=["by default 6 hours", "an hour", "half an hour", "a week"],
)
def test_a_range_ends_now(name: str, seconds: float, step: float):
    """As long as asked for, in about as many steps as a plot has, ending with the one of now."""
    period = read(range=name)
    assert period.end - period.start == seconds
    assert period.step == step
    assert NOW <= period.end < NOW + step
    assert seconds / period.step <= POINTS + 1


def test_steps_stay_where_they_are_while_time_goes_on():
    """What was drawn a minute ago is drawn again at the same instants."""
    instants = {read(now=NOW + later).start % 120 for later in range(0, 600, 7)}
    assert instants == {0.0}


def test_no_step_is_shorter_than_a_scrape():
    """Between two scrapes there is nothing to show."""
    assert read(range="1h", interval=60).step == 60


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("1795500000", "1795510000"),
        ("2026-11-24T06:00:00Z", "2026-11-24T08:46:40Z"),
        ("2026-11-24T06:00:00", "2026-11-24T08:46:40"),
        ("2026-11-24T07:00:00+01:00", "2026-11-24T09:46:40+01:00"),
    ],
    ids=["Unix seconds", "ISO 8601", "without a zone is UTC", "another zone"],
)
def test_a_time_in_the_past_stands_still(begin: str, end: str):
    """It has no name, so that the page does not go on; its address leads to the same again."""
    period = read(from_=begin, to=end)
    assert (period.start, period.end, period.name) == (1_795_500_000, 1_795_510_000, "")
    assert period.query == "from=1795500000&to=1795510000"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"range": "6 hours"}, "range is not a time"),
        ({"range": "0h"}, "range is not from 1m to 1000d: '0h'"),
        ({"range": "9999w"}, "range is not from 1m to 1000d: '9999w'"),
        ({"from_": "yesterday"}, "from is not a time"),
        ({"from_": "1795510000", "to": "1795500000"}, "before"),
        ({"from_": "0"}, "1,000 days"),
        ({"from_": "nan", "to": "5"}, "before"),
        ({"from_": "inf"}, "before"),
        ({"to": "1e400"}, "before"),
    ],
    ids=str,
)
def test_a_wrong_time_is_told(arguments: dict[str, str], says: str):
    """What was typed wrong gets a sentence, not an empty plot."""
    with pytest.raises(BadData, match=says):
        read(**arguments)


def test_the_range_of_a_rate_reaches_over_a_step():
    """No sample between two steps is left out, however long they are."""
    for name in ("1h", "6h", "30d"):
        period = read(range=name)
        window = int(period.places["window"].removesuffix("s"))
        assert window >= max(60, period.step + 15)
        assert int(period.places["events"].removesuffix("s")) == period.step + 15
