"""Times as Go writes and reads them in JSON: `2026-11-23T13:20:01.25Z`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .alert import Millis

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: the end of an alert that fires, the last scrape of a target without one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST: Millis = 253_402_300_799_999  # of the year 9999
_WRITTEN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_LONGEST = 100


def rfc3339(at: Millis) -> str:
    """Return *at* as `2026-11-23T13:20:01.25Z`, without zeros at its end."""
    return rfc3339_millis(at)[:-1].rstrip("0").rstrip(".") + "Z"


def rfc3339_millis(at: Millis) -> str:
    """Return *at* as `2026-11-23T13:20:01.250Z`; the last one that can be written at most."""
    at = min(max(at, 0), _LATEST)
    whole = _EPOCH + timedelta(seconds=at // 1000)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def parse_rfc3339(text: str) -> Millis:
    """Return the milliseconds since 1970 of a time that has a zone. Raises ValueError."""
    found = _WRITTEN.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError(f"{text[:_LONGEST]!r} is no time of RFC 3339")
    *fields, fraction, sign, hours, minutes = found.groups()
    at = datetime(*map(int, fields), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
    ms = (at - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0")[:3].ljust(3, "0"))
    if sign is None:
        return ms
    if int(hours) > 24 or int(minutes) > 60:  # what Go's parser takes
        raise ValueError(f"{text!r} has an offset that is none")
    ahead = (int(hours) * 60 + int(minutes)) * 60_000
    return ms - ahead if sign == "+" else ms + ahead
