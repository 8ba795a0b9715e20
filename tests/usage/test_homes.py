"""Homes are measured in turn, slowly enough, and where the operator says that they are."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import escapism
import pytest

from jupyterhub_monitoring.usage import homes as homes_module
from jupyterhub_monitoring.usage.homes import Budget, HomeWalker
from jupyterhub_monitoring.usage.homes_place import escaped, home_template
from jupyterhub_monitoring.usage.homes_tree import TreeWalk
from jupyterhub_monitoring.usage.model import Gap, GapReason
from jupyterhub_monitoring.usage.snapshot import Home
from support.eventually import eventually
from support.trees import du_bytes, fill

Walker = Callable[..., HomeWalker]


@pytest.fixture
def walker(tmp_path: Path) -> Iterator[Walker]:
    """Makes walkers over folders of tmp_path."""
    made: list[HomeWalker] = []

    def make(place: Any = None, rate: float = 1e6, interval: float = 3600.0) -> HomeWalker:
        place = place or home_template(f"{tmp_path}/{{username}}")
        made.append(HomeWalker(place, operations_per_second=rate, interval_seconds=interval))
        return made[-1]

    yield make
    for one in made:
        one.close()


def wait_for(walker: HomeWalker, *usernames: str) -> dict[str, Home | Gap]:
    """Ask until something is known of all of them."""
    known: dict[str, Home | Gap] = {}
    until = time.monotonic() + 60
    while known.keys() < set(usernames):
        assert time.monotonic() < until, f"only {len(known)} homes"
        known |= walker.homes(usernames)
        time.sleep(0.005)
    return known


def test_homes_are_measured(walker: Walker, tmp_path: Path) -> None:
    """Soon after a user is active, the size of the home is known, and stays so."""
    for name, files in (("ann", 20), ("bob", 200)):
        fill(tmp_path / name, files)
    one = walker()
    assert one.homes(["ann", "bob"]) == {}
    known = wait_for(one, "ann", "bob")
    for name in ("ann", "bob"):
        found = known[name]
        assert isinstance(found, Home)
        assert found.bytes == du_bytes(tmp_path / name)
    assert one.homes(["bob"]) == {"bob": known["bob"]}


def test_a_gap_is_told_once(walker: Walker) -> None:
    """A user without a home is counted once in an interval, not at each look."""
    one = walker()
    found = wait_for(one, "nobody")["nobody"]
    assert isinstance(found, Gap)
    assert found.reason is GapReason.GONE
    assert one.homes(["nobody"]) == {}


def test_a_home_is_measured_again(walker: Walker, tmp_path: Path) -> None:
    """Growth shows after the interval, and a home that is gone by then is not shown any more."""
    fill(tmp_path / "ann", 10)
    one = walker(interval=0.1)
    before = wait_for(one, "ann")["ann"]
    (tmp_path / "ann" / "more").write_bytes(b"x" * 100_000)
    eventually(lambda: one.homes(["ann"])["ann"] != before)
    (tmp_path / "ann").rename(tmp_path / "archived")
    eventually(lambda: not isinstance(one.homes(["ann"]).get("ann"), Home))
    assert "ann" not in one.homes(["ann"]) or isinstance(one.homes(["ann"])["ann"], Gap)


def test_the_order_is_fair(walker: Walker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New users first, then who was measured longest ago; everybody has a turn."""
    asked: list[str] = []

    def place(username: str) -> Path:
        asked.append(username)
        (tmp_path / username).mkdir(exist_ok=True)
        return tmp_path / username

    monkeypatch.setattr(homes_module, "time", clock := Clock())
    one = walker(place)
    wait_for(one, "a", "b", "c")
    clock.now += 3601
    wait_for(one, "a", "b", "c", "d")
    eventually(lambda: len(asked) >= 7)
    assert asked[:7] == list("abcdabc")


def test_a_huge_home_delays_no_other(walker: Walker, tmp_path: Path) -> None:
    """While one is walked over for minutes, the others are measured."""
    fill(tmp_path / "huge", 3000, size=1)
    for number in range(10):
        fill(tmp_path / f"user{number}", 5)
    one = walker(rate=1000.0)
    one.homes(["huge"])
    eventually(lambda: len(one._walks) == 1)
    small = [f"user{number}" for number in range(10)]
    known: Mapping[str, Home | Gap] = {}
    until = time.monotonic() + 60
    while known.keys() < set(small) and time.monotonic() < until:
        known = one.homes(["huge", *small])
        assert "huge" not in known
        time.sleep(0.01)
    assert known.keys() == set(small)


def operations_of(path: Path) -> int:
    """Return how many operations a whole walk over *path* makes."""
    counted = TreeWalk(path)
    operations = counted.step(10**6)
    counted.close()
    return operations


def test_the_budget_is_kept(
    walker: Walker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file system takes no time, 2,000 files take what the budget says, within a tenth."""
    fill(tmp_path / "ann", 2_000, size=1)
    clock = Clock()
    monkeypatch.setattr(homes_module, "time", clock)
    one = walker(rate=2_000.0)
    one._ended = clock
    begun = clock.now
    wait_for(one, "ann")
    assert clock.now - begun == pytest.approx(operations_of(tmp_path / "ann") / 2_000, rel=0.1)


class Clock(threading.Event):
    """A time that passes only while somebody waits for this event."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def test_the_budget_is_kept_by_the_clock_on_the_wall(walker: Walker, tmp_path: Path) -> None:
    """However quick the machine is, a walk is never quicker than its budget."""
    fill(tmp_path / "ann", 2_000, size=1)
    begun = time.monotonic()
    wait_for(walker(rate=5_000.0), "ann")
    assert time.monotonic() - begun > 0.9 * operations_of(tmp_path / "ann") / 5_000


@pytest.mark.parametrize("rate", [0.5, 3, 200, 40_000])
def test_no_second_has_more_than_the_budget(rate: float) -> None:
    """Nor is what went slowly caught up with: a file system that stalled is not hit harder."""
    budget, now, done = Budget(rate, 0.0), 0.0, [(0.0, 0)]
    for turn in range(500):
        now += 7.0 if turn == 250 else 0.0  # stalls
        done.append((now, budget.slice))
        now += budget.rest(budget.slice, now)
    for begun, _ in done:
        window = sum(n for at, n in done if begun <= at < begun + 10)
        assert window <= rate * 10 + 2 * budget.slice
    free = now - 7.0
    assert sum(n for _, n in done) == pytest.approx(free * rate, rel=0.02)


def test_who_is_not_asked_about_is_not_walked_over(walker: Walker, tmp_path: Path) -> None:
    """When a server ends, a walk over that user's home ends too, and begins anew with the next."""
    fill(tmp_path / "huge", 3000, size=1)
    fill(tmp_path / "ann", 5)
    one = walker(rate=2000.0)
    one.homes(["huge"])
    time.sleep(0.15)
    wait_for(one, "ann")
    eventually(lambda: not one._walks)
    one._budget._rate = 1e6
    assert isinstance(wait_for(one, "huge")["huge"], Home)


def test_closing_is_quick_and_leaves_nothing(walker: Walker, tmp_path: Path) -> None:
    """The service stops at once, whatever is being walked over."""
    fill(tmp_path / "huge", 3000, size=1)
    before = len(list(Path("/proc/self/fd").iterdir()))
    one = walker(rate=10.0)
    one.homes(["huge"])
    eventually(lambda: len(one._walks) == 1)
    begun = time.monotonic()
    one.close()
    assert time.monotonic() - begun < 1.9  # a thread that does not end is waited for 2 s
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    one.homes(["huge"])
    one.close()


def test_the_walk_is_nice(walker: Walker, tmp_path: Path) -> None:
    """Its thread gives way to everything else; the rest of the service does not."""
    seen: list[tuple[int, int]] = []

    def place(_username: str) -> None:
        seen.append(
            (os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, os.getpid()))
        )

    walker(place).homes(["ann"])
    eventually(lambda: bool(seen))
    assert seen[0][0] == homes_module.NICEST
    assert seen[0][1] < homes_module.NICEST


def test_a_function_of_the_operators_may_fail(walker: Walker, tmp_path: Path) -> None:
    """A raise is a gap of that user; None is a user without home; the others are measured."""
    (tmp_path / "ann").mkdir()

    def place(username: str) -> Path | None:
        if username == "raises":
            raise KeyError("secret")
        return tmp_path / "ann" if username == "ann" else None

    known = wait_for(walker(place), "ann", "raises")
    assert isinstance(known["ann"], Home)
    assert isinstance(known["raises"], Gap)
    assert "secret" not in known["raises"].detail
    assert "homeless" not in known


def test_a_fault_of_ours_ends_no_other_walk(
    walker: Walker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever one home does to us, the next is measured."""
    (tmp_path / "ann").mkdir()
    (tmp_path / "bob").mkdir()
    step = TreeWalk.step

    def broken(self: TreeWalk, operations: int) -> int:
        if str(self.path).endswith("ann"):
            raise RuntimeError("ann")
        return step(self, operations)

    monkeypatch.setattr(TreeWalk, "step", broken)
    known = wait_for(walker(), "ann", "bob")
    assert known["ann"] == Gap(GapReason.FAILED, "the walk over a home raised")
    assert isinstance(known["bob"], Home)


LEADS = {
    "/home/{username}": "/home/Ann.B",
    "/srv/{username}/home": "/srv/Ann.B/home",
    "/srv/{escaped_username}": "/srv/-41nn-2e-42",
    "/nfs/u-{username}-{username}": "/nfs/u-Ann.B-Ann.B",
}


@pytest.mark.parametrize(("template", "path"), LEADS.items())
def test_a_template_leads_to_the_home(template: str, path: str) -> None:
    """Names are put where they belong."""
    assert home_template(template)("Ann.B") == path


@pytest.mark.parametrize("username", ["", ".", "..", "a/b", "../bob", "/etc", "a\0b", "..\0"])
def test_a_name_never_leads_elsewhere(username: str) -> None:
    """No username leads out of the template's folder, and the error does not name it."""
    for template in LEADS:
        with pytest.raises(ValueError, match=r"^a username that cannot be a folder's name$"):
            home_template(template)(username)


@pytest.mark.parametrize(
    "template",
    ["", "home/{username}", "/home", "/home/{user}", "/home/{username.__class__}", "/home/{}"],
)
def test_a_wrong_template_is_told_of(template: str) -> None:
    """A template that leads everybody to the same place is a mistake."""
    with pytest.raises(ValueError, match=r"template|username"):
        home_template(template)


@pytest.mark.parametrize(
    "username", ["ann", "Ann", "a-b", "a.b@c.org", "Ünal", "名前", "{username}"]
)
def test_escaped_names_are_dockerspawners(username: str) -> None:
    """`{escaped_username}` is the folder that DockerSpawner mounts."""
    safe = set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert escaped(username) == escapism.escape(username, safe, escape_char="-").lower()
