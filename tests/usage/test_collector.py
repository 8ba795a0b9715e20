"""A look at everything: what the Hub said, what was seen, what is missing and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pytest

from jupyterhub_monitoring.errors import ListingError
from jupyterhub_monitoring.metrics.usage_catalogue import SAMPLE_ERRORS, Reason, Source
from jupyterhub_monitoring.usage.collector import KEEP_LISTING_SECONDS, Clocks, UsageCollector
from jupyterhub_monitoring.usage.model import Backend, Gap, GapReason, RunningServer, Usage
from jupyterhub_monitoring.usage.options import UsageOptions
from jupyterhub_monitoring.usage.sampling import Sampling
from jupyterhub_monitoring.usage.snapshot import Home
from support.usage_fakes import FakeSampler, HandClock, server

AWAY = ListingError("unreachable", "no connection to the Hub")


@dataclass
class FakeListing:
    answer: tuple[RunningServer, ...] | ListingError = ()
    limits: list[float] = field(default_factory=list)
    works: Callable[[], None] = lambda: None

    def servers(self, timeout_seconds: float) -> tuple[RunningServer, ...]:
        self.limits.append(timeout_seconds)
        self.works()
        if isinstance(self.answer, ListingError):
            raise self.answer
        return self.answer


@dataclass
class FakeHomes:
    known: dict[str, Home | Gap] = field(default_factory=dict)
    closed: bool = False

    def homes(self, usernames: Collection[str]) -> Mapping[str, Home | Gap]:
        return {name: home for name, home in self.known.items() if name in usernames}

    def close(self) -> None:
        self.closed = True


class Rig:
    """A collector with everything around it made up."""

    def __init__(self, interval: float = 15.0) -> None:
        self.listing, self.sampler, self.homes = (
            FakeListing((server(),)),
            FakeSampler(),
            FakeHomes(),
        )
        self.sampler.looks["ana"] = Usage(cpu_seconds=1, memory_bytes=100)
        self.clock = HandClock()
        self.collector = UsageCollector(
            self.listing,
            Sampling([self.sampler], clock=self.clock),
            UsageOptions(interval_seconds=interval),
            homes=self.homes,
            clocks=Clocks(lambda: self.clock() + 1e9, self.clock),
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def errors(backend: str, reason: str) -> float:
    value: float = SAMPLE_ERRORS.labels(backend, reason)._value.get()
    return value


def test_nothing_is_shown_before_the_first_look(rig: Rig):
    """Who asks then hears that it is not known yet, not that nobody is there."""
    assert rig.collector.snapshot() is None


def test_a_look_is_remembered(rig: Rig):
    """With the time at which the servers were looked at."""
    rig.collector.look()
    seen = rig.collector.snapshot()
    assert seen is not None
    assert (seen.at, seen.interval_seconds, seen.problem) == (1e9 + 1000, 15.0, None)
    assert seen.totals().memory_bytes == 100
    assert len(rig.listing.limits) == 1


def test_a_hub_that_restarts_ends_no_series(rig: Rig):
    """Servers run on meanwhile and are looked at; after a while nobody knows which they are."""
    rig.collector.look()
    rig.listing.answer = AWAY
    before = errors("hub", "unreachable")
    rig.clock.now += KEEP_LISTING_SECONDS - 1
    seen = rig.collector.look()
    assert [found.server.key.username for found in seen.servers] == ["ana"]
    assert seen.problem == "no connection to the Hub"
    rig.clock.now += 1
    assert rig.collector.look().servers == ()
    assert errors("hub", "unreachable") == before + 2
    rig.listing.answer = (server(),)
    seen = rig.collector.look()
    assert (len(seen.servers), seen.problem) == (1, None)


def test_a_hub_that_never_answers_is_a_problem(rig: Rig):
    """Without a first listing there is nothing to go on with."""
    rig.listing.answer = AWAY
    assert rig.collector.look().servers == ()


@pytest.mark.parametrize(("interval", "limit"), [(1, 0.5), (15, 7.5), (600, 30)])
def test_the_listing_takes_at_most_half_the_interval(interval: float, limit: float):
    """So a slow Hub does not have two listings to make at once."""
    rig = Rig(interval)
    rig.collector.look()
    assert rig.listing.limits == [limit]


@pytest.mark.parametrize(
    ("took", "looks"),
    [(0.5, 1), (1.5, 2), (30, 2)],
    ids=["a small Hub", "2,000 servers", "a Hub that is slow"],
)
def test_the_hub_spends_little_on_listings(rig: Rig, took: float, looks: int):
    """A listing that takes long is used again: servers are looked at as often as ever."""

    def work() -> None:
        rig.clock.now += took

    rig.listing.works = work
    for _ in range(looks):
        rig.collector.look()
        rig.clock.now += 15
    assert len(rig.listing.limits) == 1
    seen = rig.collector.look()
    assert len(rig.listing.limits) == 2
    assert len(seen.servers) == 1


def test_what_was_seen_long_ago_is_not_shown(rig: Rig):
    """A look that hangs leaves a gap, not the same numbers for ever."""
    rig.homes.known["ana"] = Home(5)
    rig.collector.look()
    rig.clock.now += 45
    assert rig.collector.snapshot().servers  # type: ignore[union-attr]
    rig.clock.now += 1
    seen = rig.collector.snapshot()
    assert seen is not None
    assert (seen.servers, seen.homes, seen.problem) == ((), {}, "the last look takes too long")


@pytest.mark.parametrize(
    ("one", "look", "labels", "counted"),
    [
        (server(), Gap(GapReason.GONE), ("process", "gone"), 1),
        (server(), Gap(GapReason.PERMISSION), ("process", "permission"), 1),
        (server(state={}), Gap(GapReason.GONE), ("none", "no_state"), 1),
        (server(), Usage(), ("process", "gone"), 0),
        (server(ready=False), Gap(GapReason.GONE), ("process", "gone"), 0),
    ],
    ids=["gone", "permission", "no way to it", "seen", "ending"],
)
def test_gaps_are_counted(rig: Rig, one, look, labels: tuple[str, str], counted: int):
    """By backend and reason; a server that starts or ends may have nothing to see."""
    rig.listing.answer, rig.sampler.looks = (one,), {"ana": look}
    before = errors(*labels)
    rig.collector.look()
    assert errors(*labels) == before + counted


def test_what_a_backend_misses_for_all_servers_is_counted_once(rig: Rig):
    """As a metrics API that does not answer: each pod is known, its CPU is not."""
    rig.listing.answer = tuple(server(name) for name in ("ana", "bob", "eva"))
    rig.sampler.looks = dict.fromkeys(("ana", "bob", "eva"), Usage())
    rig.sampler.partial_gaps = (Gap(GapReason.TIMEOUT),)
    before = errors("process", "timeout")
    rig.collector.look()
    assert errors("process", "timeout") == before + 1


def test_homes_of_those_who_have_a_server(rig: Rig):
    """A home that cannot be looked at is counted, and left out."""
    rig.listing.answer = (server("ana"), server("bob"))
    rig.homes.known = {"ana": Home(5), "bob": Gap(GapReason.PERMISSION), "eva": Home(7)}
    before = errors("home", "permission")
    assert rig.collector.look().homes == {"ana": Home(5)}
    assert errors("home", "permission") == before + 1


def test_closing_ends_what_looks(rig: Rig):
    """Descriptors and threads are given back."""
    rig.collector.close()
    assert rig.sampler.closed
    assert rig.homes.closed


def test_the_labels_of_errors_are_those_of_the_model():
    """Each backend and reason that can come up exists from the first scrape."""
    assert {b.value for b in Backend} <= {s.value for s in Source}
    assert {r.value for r in GapReason} == {r.value for r in Reason}


def test_when_the_hub_was_asked(rig: Rig):
    """A listing that is used again says when it was made; one that fails does not make it newer."""

    def takes_four_seconds() -> None:
        rig.clock.now += 4

    rig.listing.works = takes_four_seconds
    asked = rig.clock() + 1e9
    for wait in (0, 10, 100):
        rig.clock.now += wait
        assert rig.collector.look().listed_at == asked, "it took 4 s, so it rests, and then fails"
        rig.listing.answer = AWAY
