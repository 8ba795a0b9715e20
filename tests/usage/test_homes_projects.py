"""A project's numbers are shown where they are those of one home, and taken back where not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import homes, homes_projects
from jupyterhub_monitoring.usage.homes import HomeWalker
from jupyterhub_monitoring.usage.homes_place import home_template
from jupyterhub_monitoring.usage.homes_projects import HomeProjects
from jupyterhub_monitoring.usage.homes_quota import ProjectQuota
from jupyterhub_monitoring.usage.model import Gap, GapReason
from jupyterhub_monitoring.usage.snapshot import Home
from support.eventually import eventually
from support.trees import du_bytes, fill

Walker = Callable[[], HomeWalker]

GIB = float(1 << 30)
WALKED = Home(10 * GIB, 5000.0, 300.0)
COUNTED = Home(10 * GIB, 5000.0, 300.0, 16 * GIB)


def quota(
    project: int = 7, home: int = 1, used: float = 10 * GIB, limit: float | None = 16 * GIB
) -> ProjectQuota:
    return ProjectQuota((8, project), home, int(used), 5000, None if limit is None else int(limit))


@pytest.fixture
def projects() -> HomeProjects:
    return HomeProjects()


def see(
    projects: HomeProjects, username: str, answer: ProjectQuota | None, walked: Home = WALKED
) -> Home | Gap | None:
    """A walk over a home ends; return what is shown from then on."""
    projects.note(username, f"/home/{username}", answer, 0.0)
    projects.judge(username, walked)
    return projects.shown(username, walked)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (quota(), COUNTED),
        (quota(limit=None), WALKED),
        (quota(used=10.5 * GIB), Home(10.5 * GIB, 5000.0, 300.0, 16 * GIB)),
        (quota(used=20 * GIB), WALKED),
        (quota(used=4096), WALKED),
        (None, WALKED),
    ],
    ids=["the same", "no limit", "written meanwhile", "others' files too", "few files", "no quota"],
)
def test_a_walk_has_to_agree(
    projects: HomeProjects, answer: ProjectQuota | None, shown: Home
) -> None:
    """A quota that has counted more or less than the home is not shown."""
    assert see(projects, "ann", answer) == shown


def test_nothing_is_shown_before(projects: HomeProjects) -> None:
    """Whoever puts the own home into another's project learns nothing of that one."""
    projects.note("ann", "/home/ann", quota(), 0.0)
    assert projects.shown("ann", None) is None
    gap = Gap(GapReason.PERMISSION)
    assert projects.shown("ann", gap) is gap


def test_another_project_has_to_be_believed_anew(projects: HomeProjects) -> None:
    """The same holds for a home that is moved to another project later, or is another folder."""
    see(projects, "ann", quota())
    projects.note("ann", "/home/ann", quota(used=11 * GIB), 60.0)
    assert projects.shown("ann", WALKED) == Home(11 * GIB, 5000.0, 300.0, 16 * GIB)
    for moved in (quota(project=8, used=3 * GIB), quota(home=2, used=3 * GIB)):
        see(projects, "ann", quota())
        projects.note("ann", "/home/ann", moved, 120.0)
        assert projects.shown("ann", WALKED) == WALKED


@pytest.mark.parametrize("order", [("ann", "bob"), ("bob", "ann")], ids="-then-".join)
def test_a_shared_project_is_nobodys(projects: HomeProjects, order: tuple[str, str]) -> None:
    """A course's project is shown of none of its homes, whichever was looked at first."""
    first, second = order
    homes = {"ann": 1, "bob": 2}
    assert see(projects, first, quota(home=homes[first])) == COUNTED
    projects.note(second, "/home/bob", quota(home=homes[second]), 1.0)
    assert projects.shown(first, WALKED) == WALKED
    projects.judge(second, WALKED)
    assert projects.shown(second, WALKED) == WALKED
    assert projects.shown(first, None) is None
    projects.note(second, "/home/bob", quota(project=8, home=homes[second]), 2.0)
    assert projects.shown(first, WALKED) == COUNTED


def test_a_project_of_another_file_system_is_another(projects: HomeProjects) -> None:
    """Numbers of projects are per file system."""
    elsewhere = ProjectQuota((9, 7), 1, int(10 * GIB), 5000, None)
    see(projects, "ann", quota())
    see(projects, "bob", elsewhere)
    assert projects.shown("ann", WALKED) == COUNTED


def test_two_users_of_one_home_share_it(projects: HomeProjects) -> None:
    """Of a folder that two users have as their home, the project's numbers are true."""
    see(projects, "ann", quota())
    assert see(projects, "bob", quota()) == COUNTED
    projects.note("bob", "/home/bob", None, 1.0)
    assert projects.shown("ann", WALKED) == COUNTED


def test_a_part_that_a_later_walk_cannot_read(projects: HomeProjects) -> None:
    """The quota has counted it; only the newest change is unknown then."""
    see(projects, "ann", quota())
    shown = projects.shown("ann", Gap(GapReason.FAILED))
    assert shown == Home(10 * GIB, 5000.0, None, 16 * GIB)


def test_who_is_asked_about_again(projects: HomeProjects) -> None:
    """Quotas that are shown, of users with a server, once a minute."""
    for at, name in enumerate(("ann", "bob", "cleo", "dora")):
        projects.note(name, f"/home/{name}", quota(project=at + 1), float(at))
        if name != "cleo":
            projects.judge(name, WALKED)
    wanted = ["ann", "cleo", "dora"]
    assert list(projects.due(wanted, 59.0)) == []
    assert list(projects.due(wanted, 62.0)) == [("ann", "/home/ann")]
    projects.note("ann", "/home/ann", quota(project=1), 62.0)
    assert list(projects.due(wanted, 63.0)) == [("dora", "/home/dora")]


def test_memory_has_a_limit(projects: HomeProjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users come and go; whoever was asked about longest ago is forgotten first."""
    monkeypatch.setattr(homes_projects, "MAX_HOMES", 3)
    for number in range(10):
        see(projects, f"user{number}", quota(project=number))
    kept = [f"user{n}" for n in range(10) if projects.shown(f"user{n}", None) is not None]
    assert kept == ["user7", "user8", "user9"]
    assert len(projects._homes) == 3


# --- With the walker ----------------------------------------------------------------------------


class Quotas:
    """Projects of the homes in a folder, counted by whoever asks."""

    def __init__(self) -> None:
        self.of: dict[str, ProjectQuota] = {}
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self, path: object) -> ProjectQuota | None:
        name = Path(str(path)).name
        self.asked.append(name)
        self.answers.wait(60)
        return self.of.get(name)


@pytest.fixture
def quotas() -> Quotas:
    return Quotas()


@pytest.fixture
def walker(tmp_path: Path, quotas: Quotas) -> Iterator[Walker]:
    made: list[HomeWalker] = []

    def make() -> HomeWalker:
        made.append(
            HomeWalker(
                home_template(f"{tmp_path}/{{username}}"),
                operations_per_second=1e6,
                interval_seconds=3600.0,
                quota_of=quotas,
            )
        )
        return made[-1]

    yield make
    quotas.answers.set()
    for one in made:
        one.close()


def small(home: int, project: int = 7, used: int = 50_000) -> ProjectQuota:
    return ProjectQuota((8, project), home, used, 20, 100_000)


def shown(walker: HomeWalker, *usernames: str) -> dict[str, Home]:
    """Ask for all of them until they are known."""
    eventually(lambda: walker.homes(usernames).keys() == set(usernames))
    known = walker.homes(usernames)
    return {name: home for name, home in known.items() if isinstance(home, Home)}


def test_a_home_shows_its_quota(walker: Walker, quotas: Quotas, tmp_path: Path) -> None:
    """The quota's numbers are shown once a walk has ended, and have the walk's newest change."""
    fill(tmp_path / "ann", 20)
    quotas.of["ann"] = small(1)
    found = shown(walker(), "ann")["ann"]
    assert (found.bytes, found.entries, found.limit_bytes) == (50_000.0, 20.0, 100_000.0)
    assert found.newest_change is not None
    assert found.newest_change > time.time() - 3600


def test_the_quota_is_read_more_often_than_the_walk_is_made(
    walker: Walker,
    quotas: Quotas,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who fills up the home is seen long before the next walk."""
    monkeypatch.setattr(homes_projects, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(homes, "LOOK_AGAIN_SECONDS", 0.01)
    fill(tmp_path / "ann", 20)
    quotas.of["ann"] = small(1)
    one = walker()
    assert shown(one, "ann")["ann"].bytes == 50_000.0
    quotas.of["ann"] = small(1, used=99_000)
    eventually(lambda: shown(one, "ann")["ann"].bytes == 99_000.0)
    del quotas.of["ann"]
    eventually(lambda: shown(one, "ann")["ann"].limit_bytes is None)


def test_what_was_shown_is_taken_back(walker: Walker, quotas: Quotas, tmp_path: Path) -> None:
    """As soon as a second home with the project is met, both show what was walked over."""
    for name in ("ann", "bob"):
        fill(tmp_path / name, 20)
    quotas.of |= {"ann": small(1), "bob": small(2)}
    one = walker()
    assert shown(one, "ann")["ann"].limit_bytes == 100_000.0
    both = shown(one, "ann", "bob")
    for name, found in both.items():
        assert (found.bytes, found.limit_bytes) == (du_bytes(tmp_path / name), None)
    assert shown(one, "ann")["ann"] == both["ann"]  # though bob has no server any more


def test_a_file_system_that_does_not_answer(walker: Walker, quotas: Quotas, tmp_path: Path) -> None:
    """It holds up the thread of the walks, and nobody who asks for what is known."""
    fill(tmp_path / "ann", 20)
    quotas.answers.clear()
    one = walker()
    one.homes(["ann"])
    eventually(lambda: quotas.asked == ["ann"])
    assert one.homes(["ann"]) == {}
    quotas.answers.set()
    assert shown(one, "ann")
