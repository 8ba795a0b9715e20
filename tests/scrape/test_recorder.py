"""What is written of a scrape: samples, reports, and the ends of series."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jupyterhub_monitoring.errors import ScrapeError
from jupyterhub_monitoring.metrics.service_catalogue import SAMPLES_DROPPED, ScrapeOutcome
from jupyterhub_monitoring.scrape.exposition_pass import Format
from jupyterhub_monitoring.scrape.http_get import Answer
from jupyterhub_monitoring.scrape.recorder import REPORTS, Recorder
from jupyterhub_monitoring.scrape.target import Limits, Target
from jupyterhub_monitoring.store.selection import ABSENT_BITS
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store
from support.memory_appendable import MemoryAppendable

T = 1_795_000_000_000
DOWN = ScrapeError("no connection")


class Scrapes:
    """A recorder at work: each scrape is 15 s after the one before."""

    def __init__(self, **target: object) -> None:
        self.store, self.at, self.seconds = MemoryAppendable(), T - 15_000, 100.0
        self.recorder = Recorder(
            self.store, Target("http://x/metrics", "j", "i", **target), lambda: self.seconds
        )

    def scrape(self, body: str | ScrapeError, form: Format = Format.TEXT):
        self.at, self.seconds = self.at + 15_000, self.seconds + 15
        answer = Answer(body.encode(), form) if isinstance(body, str) else body
        return self.recorder.record(answer, self.at, self.seconds - 0.25)

    def reports(self) -> list[float]:
        return [self.store.last(name, job="j", instance="i") for name in REPORTS]


def dropped(reason: str) -> float:
    return SAMPLES_DROPPED.labels(reason)._value.get()


def test_one_append_holds_all():
    """Samples and reports of a scrape are written in one transaction, at one timestamp."""
    scrapes = Scrapes(labels={"env": "prod"})
    recorded = scrapes.scrape("a 1\nb 2\n")
    assert len(scrapes.store.appends) == 1
    assert scrapes.store.series("a", job="j", instance="i", env="prod") == {T: 1}
    assert scrapes.reports() == [1, 0.25, 2, 2, 2]
    assert (recorded.outcome, recorded.error, recorded.samples) == (ScrapeOutcome.SUCCESS, "", 2)


def test_a_series_that_retention_took_back_comes_again(tmp_path):
    """Its id is asked for once more, nothing of the scrape is lost, and it counts as no new one."""
    hour, at = 3_600_000, [T]
    settings = StoreSettings(settle_seconds=0, retention_ms=4 * hour)
    store = Store.open(tmp_path, settings, now_ms=lambda: at[0])
    target = Target("http://x/metrics", "j", "i", limits=Limits(new_series_per_hour=2))
    recorder = Recorder(store, target, lambda: at[0] / 1000)

    def scrape(body: str):
        at[0] += 60_000
        return recorder.record(Answer(body.encode(), Format.TEXT), at[0], at[0] / 1000)

    scrape("a 1\nb 1\n")
    for _ in range(12):
        at[0] += hour
        scrape("a 2\n")
        store.maintain()
    assert store.label_values("__name__", (), 0, at[0])[:2] == ["a", REPORTS[1]]
    recorded = scrape("a 3\nb 3\n")
    assert (recorded.outcome, recorded.samples) == (ScrapeOutcome.SUCCESS, 2)
    cells = [tile.rows(slice(None)) for tile in store.select([], at[0], at[0]).tiles]
    there = sum(int((values.view(np.int64) != ABSENT_BITS).sum()) for values in cells)
    assert there == 2 + len(REPORTS)
    assert scrape("a 4\nb 4\n").samples == 2
    recorder.end(at[0] + 1)
    store.close()


def test_series_added():
    """`scrape_series_added` counts the series that the scrape before did not have."""
    scrapes = Scrapes()
    added = []
    for body in ("a 1\nb 1\n", "a 1\nb 1\n", "a 1\nc 1\n", "a 1\nb 1\n"):
        scrapes.scrape(body)
        added.append(scrapes.reports()[-1])
    assert added == [2, 0, 1, 1]


def test_vanished_series_ends():
    """A series that is gone from a scrape gets one staleness marker, at that scrape."""
    scrapes = Scrapes()
    for body in ("a 1\nb 1\n", "a 2\n", "a 3\n", "a 4\nb 5\n"):
        scrapes.scrape(body)
    assert scrapes.store.series("b") == {T: 1, T + 15_000: None, T + 45_000: 5}
    assert scrapes.store.values("a") == [1, 2, 3, 4]


FAILURES = {
    "unreachable": (DOWN, ScrapeOutcome.UNREACHABLE, 0),
    "a bad line": ("a 2\nb is\n", ScrapeOutcome.MALFORMED, 0),
    "too many samples": ("a 2\nb 2\nc 2\nd 2\n", ScrapeOutcome.OVER_LIMIT, 4),
}


@pytest.mark.parametrize(("body", "outcome", "found"), FAILURES.values(), ids=FAILURES)
def test_failed_scrape(body, outcome, found):
    """A failed scrape ends all its series, `up` is 0, and nothing of its body is kept."""
    scrapes = Scrapes(limits=Limits(samples=3))
    scrapes.scrape("a 1\nb 1\n")
    recorded = scrapes.scrape(body)
    assert (recorded.outcome, recorded.samples) == (outcome, found)
    assert recorded.error
    assert scrapes.store.values("a") == [1, None]
    assert scrapes.store.values("b") == [1, None]
    assert scrapes.reports() == [0, 0.25, found, 0, 0]
    assert scrapes.store.names() == {"a", "b", *REPORTS}
    scrapes.scrape(body)
    scrapes.scrape("a 3\n")
    assert scrapes.store.values("a") == [1, None, 3]
    assert scrapes.store.values("up") == [1, 0, 0, 1]


def test_restarted_target():
    """A counter that begins anew is kept as it is: undoing resets is the query's work."""
    scrapes = Scrapes()
    for body in ("a_total 100\n", DOWN, "a_total 2\n"):
        scrapes.scrape(body)
    assert scrapes.store.values("a_total") == [100, None, 2]


def test_duplicates():
    """Of the same series twice in one scrape the first is kept, the second is counted."""
    scrapes, before = Scrapes(), dropped("duplicate")
    scrapes.scrape('a{b="1",c="2"} 1\na{c="2",b="1"} 7\na{b="1",c="2"} 8\nd 1\n')
    assert scrapes.store.values("a") == [1]
    assert dropped("duplicate") - before == 2
    assert scrapes.reports() == [1, 0.25, 4, 4, 2]


def test_a_target_that_speaks_of_up():
    """`up` of a scrape is ours, whatever the target says of itself."""
    scrapes = Scrapes()
    scrapes.scrape("up 0\na 1\n")
    scrapes.scrape("a 1\n")
    assert scrapes.store.values("up") == [1, 1]


def test_own_timestamps():
    """Samples with their own timestamps are kept there, several at once, and never end."""
    scrapes = Scrapes()
    scrapes.scrape(f"a 1 {T - 5}\na 2 {T - 3}\nb 3 {T - 5}\nc 4\n")
    scrapes.scrape("c 5\n")
    scrapes.scrape(DOWN)
    assert scrapes.store.series("a") == {T - 5: 1, T - 3: 2}
    assert scrapes.store.series("b") == {T - 5: 3}
    assert scrapes.store.series("c") == {T: 4, T + 15_000: 5, T + 30_000: None}
    assert len(scrapes.store.appends[0]) == 3


def test_own_timestamps_not_honoured():
    """With honor_timestamps off every sample is of the time of the scrape, and ends."""
    scrapes = Scrapes(honor_timestamps=False)
    scrapes.scrape(f"a 1 {T - 5}\n")
    scrapes.scrape("b 1\n")
    assert scrapes.store.series("a") == {T: 1, T + 15_000: None}


def test_repeated_own_timestamp():
    """A target that shows the same old sample again and again adds nothing, and drops nothing."""
    scrapes, before = Scrapes(), dropped("duplicate")
    for _ in range(3):
        scrapes.scrape(f"a 1 {T - 5}\n")
    scrapes.scrape(f"a 2 {T - 5}\na 3 {T - 5}\n")
    assert scrapes.store.series("a") == {T - 5: 1}
    assert dropped("duplicate") - before == 2


def test_timestamps_of_the_future():
    """A sample more than ten minutes ahead is dropped and counted: it would hide what is true."""
    scrapes, before = Scrapes(), dropped("too_new")
    scrapes.scrape(f"a 1 {T + 600_001}\nb 1 {T + 600_000}\n")
    assert scrapes.store.values("b") == [1]
    assert scrapes.store.values("a") == []
    assert dropped("too_new") - before == 1


def test_nan_is_a_value():
    """A target's NaN is kept as a number, not taken for the end of the series."""
    scrapes = Scrapes()
    scrapes.scrape("a NaN\n")
    assert math.isnan(scrapes.store.last("a"))


def test_removed_target_ends():
    """All series of a target that was taken away end, `up` too."""
    scrapes = Scrapes()
    scrapes.scrape(f"a 1\nb 1 {T}\n")
    scrapes.recorder.end(T + 1)
    for name in ("a", *REPORTS):
        assert scrapes.store.series(name)[T + 1] is None
    assert scrapes.store.values("b") == [1]


def test_new_series_in_an_hour():
    """A target that makes new series all the time is refused until the hour is over."""
    scrapes = Scrapes(limits=Limits(new_series_per_hour=5))
    errors = [scrapes.scrape(f"a{n} 1\nb{n} 1\n").error for n in range(3)]
    assert errors[:2] == ["", ""]
    assert errors[2].startswith("more than 5 new series in an hour, found 6")
    assert scrapes.scrape("a0 1\nb1 1\n").error == ""  # known ones may go on
    scrapes.seconds += 3600
    assert scrapes.scrape("a2 1\nb2 1\n").error == ""


def test_metadata_is_described_once():
    """Help and type go to the store when they are new or changed, not at each scrape."""
    scrapes = Scrapes()
    described = []
    scrapes.store.describe = described.append
    for help_text in ("One", "One", "Two"):
        scrapes.scrape(f"# HELP a {help_text}\n# TYPE b gauge\na 1\n")
    assert described == [
        {"a": ("unknown", "One", ""), "b": ("gauge", "", "")},
        {"a": ("unknown", "Two", "")},
    ]


def test_a_store_that_fails_forgets_nothing():
    """When a scrape cannot be kept, a series that ended in it still gets its marker later."""
    scrapes = Scrapes()
    scrapes.scrape("a 1\nb 1\n")
    scrapes.store.fails = OSError("disk on fire")
    with pytest.raises(OSError, match="disk on fire"):
        scrapes.scrape("a 2\n")
    scrapes.store.fails = None
    scrapes.scrape("a 3\n")
    assert scrapes.store.series("b") == {T: 1, T + 30_000: None}


def test_rows_are_well_formed_at_random():
    """Whatever mixture of timestamps and repetitions comes, a row has each series once."""
    rng = np.random.default_rng(5)
    scrapes = Scrapes()
    for _ in range(200):
        lines = [
            f"s{rng.integers(8)} {rng.integers(3)}" + (f" {T + rng.integers(3)}" * rng.integers(2))
            for _ in range(rng.integers(12))
        ]
        scrapes.scrape("\n".join(lines))
        assert all(len(row.series) for row in scrapes.store.appends[-1])
