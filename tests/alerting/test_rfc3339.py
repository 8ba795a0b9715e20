"""Times in JSON, as Go writes and reads them."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.alerting.rfc3339 import parse_rfc3339, rfc3339, rfc3339_millis

WRITTEN = {
    1_763_904_001_250: ("2025-11-23T13:20:01.25Z", "2025-11-23T13:20:01.250Z"),
    1_763_904_000_000: ("2025-11-23T13:20:00Z", "2025-11-23T13:20:00.000Z"),
    1_763_904_001_007: ("2025-11-23T13:20:01.007Z", "2025-11-23T13:20:01.007Z"),
    253_402_300_799_999: ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
}


@pytest.mark.parametrize("at", WRITTEN)
def test_what_is_written_is_read_again(at: int):
    """To the millisecond, with zeros at the end or without."""
    assert (rfc3339(at), rfc3339_millis(at)) == WRITTEN[at]
    assert [parse_rfc3339(text) for text in WRITTEN[at]] == [at, at]


def test_what_no_year_can_hold_is_the_nearest_that_can():
    """An alert that ends in the year 10000 does not stop a page or a message."""
    assert rfc3339(10**18) == "9999-12-31T23:59:59.999Z"
    assert rfc3339(-1) == "1970-01-01T00:00:00Z"


def test_offsets_and_fractions():
    """Any zone, and as many digits as somebody wrote."""
    assert parse_rfc3339("1970-01-01T01:00:00.123456789+01:00") == 123
    assert parse_rfc3339("1969-12-31T23:30:00,5-00:30") == 500


@pytest.mark.parametrize(
    "text",
    [
        *("", "2025-11-23", "2025-11-23T13:20:00", "2025-02-31T00:00:00Z"),
        *("2025-11-23T13:20:00+25:00", "2025-11-23T13:20:00." + "0" * 200 + "Z"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_moment_is_refused(text: str):
    """A time without a zone among them: it means another moment on each machine."""
    with pytest.raises(ValueError, match=r"RFC 3339|offset|day is out of range"):
        parse_rfc3339(text)
