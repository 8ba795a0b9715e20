"""The page's `update_resource_metrics` on a real Hub: what one server uses, without the service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import psutil
import pytest

from support.real_hub import RealHub
from support.service_hub import eventually

CONFIG = """
from jupyterhub_monitoring import update_resource_metrics
from tornado.ioloop import PeriodicCallback

c.JupyterHub.allow_named_servers = True
watched = []

def after_start(spawner):
    watched.append((spawner.user, spawner.name))
    if len(watched) == 1:
        PeriodicCallback(look, 300).start()

def look():
    for user, name in watched:
        update_resource_metrics(user, name)
        update_resource_metrics(user, "no-such-server")

c.Spawner.pre_spawn_hook = after_start
"""


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


def test_cpu_and_memory_of_each_server(hub: RealHub):
    """Memory as /proc has it, CPU in cores from the second look on; named servers too."""
    hub.post("hub/api/users/ana")
    for server in ("", "gpu"):
        hub.post(f"hub/api/users/ana/servers/{server}")
        pid = hub.wait_ready("ana", server)["state"]["pid"]
        labels = {"username": "ana", "server_name": server}
        memory = partial(hub.metric, "resource_usage", resource_type="memory", **labels)
        here = psutil.Process(pid).memory_info  # it grows while the server begins
        eventually(lambda: memory() == pytest.approx(here().rss, rel=0.02))  # noqa: B023
        cpu = partial(hub.metric, "resource_usage", resource_type="cpu", **labels)
        eventually(lambda: cpu() is not None)  # noqa: B023


def test_a_server_that_has_ended_has_no_numbers(hub: RealHub):
    """Also while it goes on being asked for, and nothing is made for one that never was."""
    hub.delete("hub/api/users/ana/server")
    labels = {"username": "ana", "server_name": ""}
    eventually(lambda: hub.metric("resource_usage", **labels) is None)
    assert hub.metric("resource_usage", resource_type="memory", server_name="gpu") is not None
    assert hub.metric("resource_usage", server_name="no-such-server") is None
    assert set(hub.user("ana")["servers"]) == {"gpu"}
    errors = hub.metric("monitoring_instrumentation_errors_total", point="resource_usage")
    assert errors == 0
