"""`c.MonitoringStore`: how long series are kept, and what keeping them may use."""

from __future__ import annotations

from dataclasses import dataclass

from traitlets import Float, Integer
from traitlets.config import LoggingConfigurable

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What the store goes by; plain numbers, so that it knows nothing of traitlets."""

    retention_ms: int = 400 * DAY_MS
    retention_bytes: int = 5 << 30
    cache_bytes: int = 256 << 20
    waiting_bytes: int = 64 << 20
    seal_after_ms: int = 3_600_000  # a block takes late samples for so long after its end
    settle_seconds: float = 600.0  # the clock must have said for so long in a row that time is up
    block_ms: int = 7_200_000  # fixed in a store that has data; shorter ones are for tests


class MonitoringStore(LoggingConfigurable):
    """Settings of the store, the file `series.sqlite` in the data folder."""

    retention_days = Float(
        400.0,
        min=0.1,
        help="""Days after which samples are dropped, two hours at a time. A year and a month lets
        you compare with the same week of last year; below 15, the capacity page knows too little
        to forecast. `retention_bytes` may drop them earlier.""",
    ).tag(config=True)

    retention_bytes = Integer(
        5 << 30,
        min=1 << 20,
        help="""Bytes that the store may take on disk; above, the oldest two hours are dropped
        until it fits. 5 GiB keep 3,000 series at 15 s for a year. The newest hours are kept in
        any case, so below 100 MB a large Hub has no history.""",
    ).tag(config=True)

    cache_bytes = Integer(
        256 << 20,
        min=0,
        help="""Bytes of memory for unpacked samples. A query that finds its samples here is two
        to five times as quick. 0 keeps none; above what your dashboards read there is no gain.
        """,
    ).tag(config=True)

    waiting_bytes = Integer(
        64 << 20,
        min=0,
        help="""Bytes of scrapes that wait in memory while the disk is full. They can be queried,
        and are written when there is room. 1,000 series at 15 s need about 20 MB an hour. Beyond,
        new samples are dropped and counted; at 0, at once.""",
    ).tag(config=True)

    out_of_order_minutes = Float(
        60.0,
        min=0,
        help="""Minutes for which two hours stay open to late samples after their end. A clock that
        jumps back further loses samples until it is where it was. Each minute keeps more in memory:
        at 600, five times as much as at 0.""",
    ).tag(config=True)

    def limits(self) -> StoreSettings:
        """Return these settings as the store takes them."""
        return StoreSettings(
            retention_ms=round(self.retention_days * DAY_MS),
            retention_bytes=self.retention_bytes,
            cache_bytes=self.cache_bytes,
            waiting_bytes=self.waiting_bytes,
            seal_after_ms=round(self.out_of_order_minutes * 60_000),
        )
