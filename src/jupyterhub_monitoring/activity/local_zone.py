"""The time zone of this machine, with its summers: Python has no name for it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone, tzinfo


class LocalZone(tzinfo):
    """What `time.localtime` says. Moments are made from Unix seconds (`datetime.fromtimestamp`)."""

    def fromutc(self, moment: datetime) -> datetime:
        """Return *moment*, which is UTC, as the clock on the wall has it."""
        at = time.localtime(moment.replace(tzinfo=timezone.utc).timestamp())
        wall = moment.replace(tzinfo=None) + timedelta(seconds=at.tm_gmtoff)
        return wall.replace(tzinfo=timezone(timedelta(seconds=at.tm_gmtoff), at.tm_zone))

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """Return how far the clock on the wall is ahead of UTC at *moment*."""
        at = time.localtime(None if moment is None else time.mktime(moment.timetuple()))
        return timedelta(seconds=at.tm_gmtoff)

    def dst(self, _moment: datetime | None) -> timedelta | None:
        """Return nothing: what is summer time is in `utcoffset`."""
        return None

    def tzname(self, moment: datetime | None) -> str:
        """Return the zone's short name."""
        return time.localtime(None if moment is None else time.mktime(moment.timetuple())).tm_zone
