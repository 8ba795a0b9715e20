"""Which cgroup is a server's: what spawners record, and where systemd and engines put it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.usage.cgroup import CgroupSampler
from jupyterhub_monitoring.usage.cgroup_index import cgroups_by_name
from jupyterhub_monitoring.usage.cgroup_names import escaped
from jupyterhub_monitoring.usage.cgroup_trees import mounted_trees
from jupyterhub_monitoring.usage.model import RunningServer, ServerKey, Usage
from support.cgroup_rig import V1_MOUNT, V2_MOUNT, CgroupTree

ID = "4cc1" * 16
SWARM_SERVICE = "pbaej4xl2j5b0iaxa4gxk5y8m"
UNIT = {"unit_name": "jupyter-ann-singleuser"}
USER = "/user.slice/user-1000.slice/user@1000.service"

PLACES: dict[str, tuple[dict[str, Any], str]] = {
    # name: (state, path of the cgroup)
    "a unit": (UNIT, "/system.slice/jupyter-ann-singleuser.service"),
    "a unit with its ending": (
        {"unit_name": "jupyter-ann.service"},
        "/system.slice/jupyter-ann.service",
    ),
    "a unit in a slice of its own": (
        UNIT,
        "/jupyterhub.slice/jupyterhub-users.slice/jupyter-ann-singleuser.service",
    ),
    "a unit in a user's slice": (
        UNIT,
        "/user.slice/user-1000.slice/jupyter-ann-singleuser.service",
    ),
    "a unit from a template": (
        {"unit_name": "jupyter@ann"},
        "/system.slice/system-jupyter.slice/jupyter@ann.service",
    ),
    "a unit of a name with a space": (
        {"unit_name": "jupyter-ann lee"},
        "/system.slice/jupyter-ann\\x20lee.service",
    ),
    "a unit of a name that is no ASCII": (
        {"unit_name": "jupyter-zoë"},
        "/system.slice/jupyter-zo\\xc3\\xab.service",
    ),
    "docker with systemd": ({"object_id": ID}, f"/system.slice/docker-{ID}.scope"),
    "docker with a slice of its own": ({"object_id": ID}, f"/jupyter.slice/docker-{ID}.scope"),
    "docker without systemd": ({"object_id": ID}, f"/docker/{ID}"),
    "docker, recorded by old versions": ({"container_id": ID}, f"/docker/{ID}"),
    "docker without root": ({"object_id": ID}, f"{USER}/user.slice/docker-{ID}.scope"),
    "podman": ({"object_id": ID}, f"/machine.slice/libpod-{ID}.scope"),
    "podman without root": ({"object_id": ID}, f"{USER}/user.slice/libpod-{ID}.scope"),
    "slurm v1": ({"job_id": "4711"}, "/slurm/uid_1000/job_4711"),
    "slurm v2": ({"job_id": "4711"}, "/system.slice/slurmstepd.scope/job_4711"),
    "slurm v2, one of several nodes": (
        {"job_id": 4711},
        "/system.slice/node7_slurmstepd.scope/job_4711",
    ),
    "a wrapped spawner": (
        {"child_conf": {}, "child_state": {"object_id": ID}},
        f"/docker/{ID}",
    ),
}

NOT_CLAIMED: dict[str, tuple[dict[str, Any], str]] = {
    "the container of another": ({"object_id": ID}, f"/docker/{'f' * 64}"),
    "a container on another machine": ({"object_id": ID}, "/docker"),
    "a swarm service": ({"object_id": SWARM_SERVICE}, f"/docker/{SWARM_SERVICE}"),
    "a job on another node": ({"job_id": "4711"}, "/slurm/uid_1000/job_47110"),
    "a job of another batch system": ({"job_id": "4711.pbs"}, "/slurm/uid_1000/job_4711.pbs"),
    "a path in place of an id": ({"job_id": "4711/../job_1"}, "/slurm/uid_1000/job_1"),
}


def server(state: dict[str, Any], name: str = "ann") -> RunningServer:
    return RunningServer(ServerKey(name, ""), state)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> CgroupTree:
    return CgroupTree(tmp_path, request.param)


@pytest.mark.parametrize(("state", "path"), PLACES.values(), ids=PLACES)
def test_what_the_spawner_recorded_leads_to_the_cgroup(
    tree: CgroupTree, state: dict[str, Any], path: str
) -> None:
    """Each spawner's state, and each place where systemd, Docker, Podman and Slurm put it."""
    tree.make("/system.slice/cron.service", cpu=99)
    tree.make(path, cpu=7.25)
    sampler, ann = CgroupSampler(tree.proc), server(state)
    assert sampler.claims(ann)
    found = sampler.sample([ann])[ann.key]
    sampler.close()
    assert isinstance(found, Usage)
    assert found.cpu_seconds == 7.25


@pytest.mark.parametrize(("state", "path"), NOT_CLAIMED.values(), ids=NOT_CLAIMED)
def test_what_leads_nowhere_is_left_to_others(
    tree: CgroupTree, state: dict[str, Any], path: str
) -> None:
    """A container or job that is not on this machine is not ours to look at."""
    tree.make(path)
    assert not CgroupSampler(tree.proc).claims(server(state))


def test_a_user_cannot_pass_off_a_unit_as_anothers(tree: CgroupTree) -> None:
    """Anybody can start a unit of any name in the manager of their own."""
    fake = f"{USER}/app.slice/jupyter-ann-singleuser.service"
    tree.make(fake, cpu=1)
    assert "jupyter-ann-singleuser.service" not in cgroups_by_name(mounted_trees(tree.proc))


def test_a_container_that_cannot_be_read_is_left_to_the_engine(tree: CgroupTree) -> None:
    """Where the cgroup says nothing the Docker backend may know more."""
    tree.make(f"/docker/{ID}")
    for folder in tree.folders(f"/docker/{ID}"):
        for file in folder.iterdir():
            file.unlink()
    assert not CgroupSampler(tree.proc).claims(server({"object_id": ID}))


def test_new_servers_are_found_without_searching_at_each_look(tree: CgroupTree) -> None:
    """The trees are searched at most once in some seconds, however many are asked for."""
    now = 100.0
    sampler = CgroupSampler(tree.proc, clock=lambda: now)
    ann = server({"object_id": ID})
    assert not sampler.claims(ann)
    tree.make(f"/docker/{ID}")
    assert not sampler.claims(ann)
    now += 6
    assert sampler.claims(ann)
    sampler.close()


FOREFATHERS: dict[str, tuple[str, dict[int, int], bool]] = {
    # name: (cgroup of process 50, {other processes in it: their parents}, whether it is its own)
    "alone": ("/jupyter/ann", {}, True),
    "with children and grandchildren": ("/jupyter/ann", {51: 50, 52: 51, 53: 50}, True),
    "with the process that started it": ("/jupyter/ann", {49: 1}, False),
    "with another server": ("/jupyter/ann", {51: 50, 60: 1, 61: 60}, False),
    "with its child's orphan": ("/jupyter/ann", {51: 1}, False),
    "the Hub's": ("/system.slice/jupyterhub.service", {}, False),
    "above the Hub's": ("/system.slice", {}, False),
    "the root": ("/", {}, False),
    "a login session": ("/user.slice/user-1000.slice/session-3.scope", {}, False),
    "outside of our namespace": ("/../ann", {}, False),
}


@pytest.mark.parametrize(("path", "others", "own"), FOREFATHERS.values(), ids=FOREFATHERS)
def test_a_process_is_claimed_where_the_cgroup_is_its_own(
    tree: CgroupTree, path: str, others: dict[int, int], own: bool
) -> None:
    """A cgroup that others share would give a server the use of others."""
    tree.lay_out_proc(50, path, parent=20)
    for pid, parent in others.items():
        tree.lay_out_proc(pid, path, parent=parent)
    if ".." not in path:
        tree.make(path, pids=(50, *others), cpu=7.25)
    sampler, ann = CgroupSampler(tree.proc), server({"pid": 50})
    assert sampler.claims(ann) is own
    found = sampler.sample([ann])[ann.key]
    sampler.close()
    assert isinstance(found, Usage) is own


def test_an_orphan_of_later_changes_nothing(tree: CgroupTree) -> None:
    """Once a server was seen alone in its cgroup, what it starts there belongs to it."""
    tree.lay_out_proc(50, "/jupyter/ann")
    tree.make("/jupyter/ann", pids=(50,))
    sampler, ann = CgroupSampler(tree.proc), server({"pid": 50})
    assert sampler.claims(ann)
    tree.lay_out_proc(51, "/jupyter/ann", parent=1)
    tree.make("/jupyter/ann", pids=(50, 51))
    assert sampler.claims(ann)
    sampler.close()


def test_a_second_server_in_the_cgroup_ends_the_claim_on_it(tree: CgroupTree) -> None:
    """Two servers of one user in one cgroup: neither may have the other's numbers."""
    tree.lay_out_proc(50, "/jupyter/ann")
    tree.make("/jupyter/ann", pids=(50,))
    sampler, first = CgroupSampler(tree.proc), server({"pid": 50})
    assert sampler.claims(first)
    tree.lay_out_proc(60, "/jupyter/ann")
    tree.make("/jupyter/ann", pids=(50, 60))
    second = server({"pid": 60}, "bob")
    assert [sampler.claims(second), sampler.claims(first)] == [False, False]


def test_a_process_that_moved_or_ended_is_not_claimed_any_more(tree: CgroupTree) -> None:
    """The pid may be another's by now."""
    tree.lay_out_proc(50, "/jupyter/ann")
    tree.make("/jupyter/ann", pids=(50,))
    sampler, ann = CgroupSampler(tree.proc), server({"pid": 50})
    assert sampler.claims(ann)
    tree.lay_out_proc(50, "/system.slice/jupyterhub.service")
    assert not sampler.claims(ann)


MOUNTS = {
    # name: (mounts, controller, cgroup, its folder)
    "v2": ([V2_MOUNT.format(top="/", point="/cg")], "", "/a/b", "/cg/a/b"),
    "the top": ([V2_MOUNT.format(top="/", point="/cg")], "", "", "/cg"),
    "v1, two controllers in one": (
        [V1_MOUNT.format(number=1, top="/", point="/cg/cpu,cpuacct", name="cpu,cpuacct")],
        "cpuacct",
        "/a",
        "/cg/cpu,cpuacct/a",
    ),
    "a part of the tree": (
        [V2_MOUNT.format(top="/docker/ab", point="/cg")],
        "",
        "/docker/ab/c",
        "/cg/c",
    ),
    "outside of that part": (
        [V2_MOUNT.format(top="/docker/ab", point="/cg")],
        "",
        "/docker/abc",
        None,
    ),
    "the machine's beside a container's own": (
        [
            V2_MOUNT.format(top="/docker/ab", point="/cg"),
            V2_MOUNT.format(top="/", point="/host/cg"),
        ],
        "",
        "/system.slice",
        "/host/cg/system.slice",
    ),
    "the machine's, seen from a namespace beside our own": (
        [
            V2_MOUNT.format(top="/", point="/cg"),
            V2_MOUNT.format(top="/../..", point="/host/cg"),
        ],
        "",
        "/system.slice",
        "/host/cg/system.slice",
    ),
    "another container's part": (
        [
            V2_MOUNT.format(top="/../other", point="/other/cg"),
            V2_MOUNT.format(top="/", point="/cg"),
        ],
        "",
        "/a",
        "/cg/a",
    ),
    "a folder with a space": (
        [V2_MOUNT.format(top="/", point="/my\\040cg")],
        "",
        "/a",
        "/my cg/a",
    ),
}


@pytest.mark.parametrize(("mounts", "controller", "path", "folder"), MOUNTS.values(), ids=MOUNTS)
def test_a_cgroup_is_looked_for_where_its_tree_is_mounted(
    tmp_path: Path, mounts: list[str], controller: str, path: str, folder: str | None
) -> None:
    """Whole trees, parts of them, the machine's in a container."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text("\n".join(mounts) + "\n")
    assert mounted_trees(tmp_path)[controller].folder(path) == folder


def test_a_name_is_written_as_systemd_writes_it() -> None:
    """What `systemd-escape --mangle` makes of it."""
    assert escaped("jupyter-a b%c@d_e.f:g\\h") == "jupyter-a\\x20b\\x25c@d_e.f:g\\h"
