"""Who uses what, on a real Hub with a real JupyterLab: the numbers are the kernel's own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from jupyterhub_monitoring.errors import ListingError
from jupyterhub_monitoring.usage.listing import HubApi, Listing
from support.kernels import Kernel
from support.service_hub import ServiceHub, eventually

BURN_SECONDS = 10
MIB = 2**20

FEWER = {  # scopes that a service has, beside those of a bare token
    "all": ["list:users", "read:servers", "read:users:groups", "admin:server_state"],
    "without list:users": ["read:servers", "read:users:groups", "admin:server_state"],
    "without read:servers": ["list:users", "read:users:groups", "admin:server_state"],
    "without read:users:groups": ["list:users", "read:servers", "admin:server_state"],
    "without admin:server_state": ["list:users", "read:servers", "read:users:groups"],
}
TOKENS = {name: f"token-of-{name.replace(' ', '-')}-0123" for name in FEWER}
CONFIG = f"""
c.MonitoringUsage.interval_seconds = 1
for number, (name, scopes) in enumerate({FEWER!r}.items()):
    c.JupyterHub.services.append(dict(name=f"fewer{{number}}", api_token={TOKENS!r}[name]))
    c.JupyterHub.load_roles.append(
        dict(name=f"fewer{{number}}", services=[f"fewer{{number}}"], scopes=scopes)
    )
c.JupyterHub.load_groups = dict(staff=dict(users=["ana"]))
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    """One Hub, and one JupyterLab of ana."""
    hub = ServiceHub(tmp_path_factory.mktemp("hub"), config=CONFIG, lab=True)
    try:
        hub.start()
        hub.wait_until_open()
        hub.post("hub/api/users/ana")
        hub.post("hub/api/users/ana/server")
        hub.wait_ready("ana")
        yield hub
    finally:
        hub.kill()


@pytest.fixture
def kernel(hub: ServiceHub) -> Kernel:
    """Return a new kernel; a word has come back from it, so it is idle now."""
    kernel = Kernel(hub, "ana")
    kernel.run("import ctypes, os, resource, signal, time")
    return kernel


def of_ana(hub: ServiceHub) -> dict[str, Any]:
    """Return ana's server from the first look that began from now on."""
    asked = time.time()

    def look() -> dict[str, Any] | None:
        seen = hub.ask("api/usage").json
        servers = [s for s in seen["servers"] if s["username"] == "ana" and not s["gap"]]
        return servers[0] if seen["time"] > asked and servers else None

    found: dict[str, Any] = eventually(look)
    return found


def tree(hub: ServiceHub) -> list[psutil.Process]:
    model = hub.user("ana")["servers"][""]
    root = psutil.Process(model["state"]["pid"])
    return [root, *root.children(recursive=True)]


def cpu_in_proc(hub: ServiceHub) -> float:
    """CPU seconds that /proc has for those processes that live, their waited-for children too."""
    return sum(sum(process.cpu_times()[:4]) for process in tree(hub))


def rss_in_proc(hub: ServiceHub) -> float:
    return sum(process.memory_info().rss for process in tree(hub))


def test_a_kernel_that_burns_one_core(hub: ServiceHub, kernel: Kernel):
    """CPU seconds grow by what the kernel accounts to the processes, within 2 %."""
    before, accounted_before = of_ana(hub)["cpu_seconds"], cpu_in_proc(hub)
    burnt = float(
        kernel.run(
            f"began = time.process_time()\n"
            f"while time.process_time() - began < {BURN_SECONDS}: pass\n"
            "print(time.process_time() - began)",
            BURN_SECONDS * 30,
        )
    )
    after, accounted = of_ana(hub)["cpu_seconds"], cpu_in_proc(hub) - accounted_before
    assert after - before == pytest.approx(accounted, rel=0.02)
    assert after - before == pytest.approx(burnt, rel=0.02, abs=1)  # JupyterLab idles beside it


def test_children_that_end_are_not_forgotten(hub: ServiceHub, kernel: Kernel):
    """Twenty children burn 0.25 s each and end: wait4 says how much, and so do we."""
    before, parent_before = of_ana(hub)["cpu_seconds"], cpu_in_proc(hub)
    waited = float(
        kernel.run(
            "spent = 0\n"
            "for _ in range(20):\n"
            "    if (pid := os.fork()) == 0:\n"
            "        while time.process_time() < 0.25: pass\n"
            "        os._exit(0)\n"
            "    _, _, used = os.wait4(pid, 0)\n"
            "    spent += used.ru_utime + used.ru_stime\n"
            "print(spent)",
            300,
        )
    )
    after, accounted = of_ana(hub)["cpu_seconds"], cpu_in_proc(hub) - parent_before
    assert waited > 4
    assert after - before >= 0.98 * waited
    assert after - before == pytest.approx(accounted, rel=0.02)


def test_500_mib_come_and_go(hub: ServiceHub, kernel: Kernel):
    """Memory is the sum over /proc at that time within 2 %, before, with it and after it."""
    seen = {}
    for step, code in (
        ("before", "pass"),
        ("with", f"block = b'x' * {500 * MIB}"),
        ("after", "del block; ctypes.CDLL(None).malloc_trim(0)"),
    ):
        kernel.run(code)
        seen[step] = of_ana(hub)["memory_bytes"]
        assert seen[step] == pytest.approx(rss_in_proc(hub), rel=0.02), step
    assert seen["with"] - seen["before"] == pytest.approx(500 * MIB, rel=0.02)
    assert seen["after"] == pytest.approx(seen["before"], rel=0.02)


def test_a_kernel_that_is_killed(hub: ServiceHub, kernel: Kernel):
    """What it used stays used; the counter never goes back."""
    kernel.run("began = time.process_time()\nwhile time.process_time() - began < 2: pass")
    before = of_ana(hub)
    pid = int(kernel.run("print(os.getpid())"))
    os.kill(pid, 9)
    eventually(lambda: not psutil.pid_exists(pid))
    after = of_ana(hub)
    assert after["cpu_seconds"] >= before["cpu_seconds"]
    assert (
        after["cpu_seconds"] - before["cpu_seconds"] < before["cpu_seconds"]
    )  # it was not counted twice


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("all", {"pid": True, "groups": ("staff",)}),
        ("without list:users", "permission"),
        ("without read:servers", None),
        ("without read:users:groups", {"pid": True, "groups": ()}),
        ("without admin:server_state", {"pid": False, "groups": ("staff",)}),
    ],
)
def test_what_each_scope_is_for(hub: ServiceHub, name: str, seen: dict[str, Any] | str | None):
    """Every scope in the service's role is needed for what docs/reference/scopes.md says."""
    listing = Listing(HubApi(f"{hub.hub_url}api", TOKENS[name]), 10)
    if isinstance(seen, str):
        with pytest.raises(ListingError) as raised:
            listing.servers(10)
        assert raised.value.reason == seen
        return
    servers = listing.servers(10)
    if seen is None:
        assert servers == ()
        return
    (ana,) = servers
    assert ana.groups == seen["groups"]
    assert ("pid" in ana.state) == seen["pid"]
    assert ana.started is not None
    assert ana.last_activity is not None
    assert ana.ready


def test_the_role_has_the_scopes_that_are_used(hub: ServiceHub):
    """Groups are not asked for, so that scope is not there."""
    token = hub.services[0].environ()["JUPYTERHUB_API_TOKEN"]
    mine = hub.get("hub/api/user", token=token).json["scopes"]
    wanted = {"list:users", "read:metrics", "read:servers", "admin:server_state"}
    assert {scope for scope in mine if "!" not in scope} == {*wanted, "read:users:name"}


def test_nothing_after_the_end(hub: ServiceHub):
    """A server that was stopped has no series a moment later, and its past is kept."""
    query = "api/v1/query?query=jupyterhub_server_cpu_seconds_total{username='ana'}"
    eventually(lambda: hub.ask(query).json["data"]["result"])
    hub.delete("hub/api/users/ana/server")
    eventually(lambda: not hub.ask(query).json["data"]["result"], 120)  # a marker
    past = hub.ask(query.replace("'}", "'}[10m]")).json["data"]["result"]
    assert len(past) == 1
    eventually(lambda: hub.ask("api/usage").json["servers"] == [])


def test_switched_off(tmp_path):
    """`c.MonitoringUsage.enabled = False`: no listing, no scopes, no series."""
    hub = ServiceHub(tmp_path / "hub", config="c.MonitoringUsage.enabled = False").start()
    try:
        hub.wait_until_open()
        token = hub.services[0].environ()["JUPYTERHUB_API_TOKEN"]
        mine = hub.get("hub/api/user", token=token).json["scopes"]
        assert [scope for scope in mine if "!" not in scope] == ["read:metrics"]
        assert "jupyterhub_server_" not in hub.ask("metrics").text
        assert hub.ask("api/usage").status == 404
        assert "GET /hub/api/users" not in hub.log
    finally:
        hub.kill()
