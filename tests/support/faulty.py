"""Faults to put into our own code in a Hub's process, and the walk through the Hub to take then."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from support import actions
from support.real_hub import RealHub

_BREAK = """
import importlib, pkgutil
import jupyterhub_monitoring.hub as room

for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(f"{{room.__name__}}.{{module.name}}")

from jupyterhub_monitoring.hub.guard import GUARDED
from jupyterhub_monitoring.metrics.labels import Point

def broken(*args, **kwargs):
    raise RuntimeError("broken by the test")

for point in {points!r}:
    for function in GUARDED.get(Point(point), ()):
        function.__wrapped__ = broken

# What runs between awaits is guarded where it is called.
from jupyterhub_monitoring.hub.server_count import ServerCount
from jupyterhub_monitoring.hub.collector import PeriodicMetricsCollector
from jupyterhub_monitoring.metrics.exposition import Exposition

if "server_count" in {points!r}:
    ServerCount.count = broken
if "metrics_page" in {points!r}:
    Exposition.render = broken
if "stop" in {points!r}:
    PeriodicMetricsCollector.stop = broken
"""

HANG = """
import asyncio, threading, time
from sqlalchemy import event
from sqlalchemy.engine import Engine
from jupyterhub.app import JupyterHub
from jupyterhub_monitoring.health import HealthChecker
from jupyterhub_monitoring.hub.monitor import HubMonitor

@event.listens_for(Engine, "before_cursor_execute")
def hang_off_the_loop(*args):
    if threading.current_thread() is not threading.main_thread():
        note("query")
        time.sleep(60)

def note(what):
    with open("hung", "a") as file:
        print(what, file=file)

def hanging(what):
    async def hang(*args, **kwargs):
        note(what)
        await asyncio.sleep(60)
    return hang

HealthChecker.database_health_check = hanging("database")
HealthChecker.proxy_health_check = hanging("proxy")
HealthChecker.spawner_health_check = hanging("spawner")
HubMonitor.before_scrape = hanging("before_scrape")
HubMonitor.stop = hanging("stop")

init_eventlog = JupyterHub.init_eventlog
def init_eventlog_and_hang(app):
    init_eventlog(app)
    app.eventlog.add_listener(
        schema_id="https://schema.jupyter.org/jupyterhub/events/server-action",
        listener=hanging("listener"),
    )
JupyterHub.init_eventlog = init_eventlog_and_hang
"""


def breaking(points: Iterable[str]) -> str:
    """Return configuration text that makes every function at *points* raise."""
    return _BREAK.format(points=sorted(points))


WALK_CONFIG = """
from tornado import web

def pre_spawn(spawner):
    if spawner.user.name == "bad":
        raise ValueError("the hook has a bug")
    if spawner.user.name == "policy":
        raise web.HTTPError(403, "not for you")

c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
"""


@dataclass
class Walk:
    """What somebody who walked through a Hub got at each step, and how long it took."""

    got: dict[str, object] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)  # by instrumentation point
    log: str = ""

    def step(self, name: str, what: object) -> None:
        """Note what *what* is; the time since the last step is this step's."""
        now = time.monotonic()
        self.got[name], self.seconds[name] = what, now - self._since
        self._since = now

    def begin(self) -> None:
        self._since = time.monotonic()


def walk(hub: RealHub, *, scrape: bool = True) -> Walk:
    """Start the Hub, do all that people do with one, and stop it."""
    way = Walk()
    way.begin()
    way.step("start", hub.start() is hub)
    ann = hub.login("ann")
    way.step("login", ann.status)
    way.step("denied login", hub.login("ann", "wrong").status)
    way.step("spawn", actions.start_server(hub, "ann").status in (201, 202))
    way.step("ready", sorted(hub.wait_ready("ann")) != [])
    way.step("server answers", hub.get("user/ann/api", token=None).status)
    way.step("spawn fails in a hook", actions.start_server(hub, "bad").status)
    way.step("spawn is refused", actions.start_server(hub, "policy").status)
    way.step("stop", hub.delete(actions.server_path("ann")).status in (202, 204))
    actions.wait_gone(hub, "ann")
    way.step("gone", actions.server(hub, "ann"))
    way.step("spawn by the browser", ann.open("hub/spawn").status)
    hub.wait_ready("ann")
    way.step("ready again", hub.get("user/ann/api", token=None).status)
    way.step("stop by the browser", actions.stop_as(ann, "ann").status in (202, 204))
    actions.wait_gone(hub, "ann")
    way.step("logout", ann.open("hub/logout").status)
    way.step("user added", hub.post("hub/api/users/zoe").status)
    way.step("user renamed", hub.request("PATCH", "hub/api/users/zoe", data={"name": "zed"}).status)
    way.step("user deleted", hub.delete("hub/api/users/zed").status)
    way.step("health page", hub.get("hub/health", token=None).status)
    if scrape:
        page = hub.get("hub/metrics")
        way.step("metrics page", page.status)
        way.step("the Hub's own metrics", b"jupyterhub_request_duration_seconds_count" in page.body)
        points = actions.by_label(hub.metrics(), "monitoring_instrumentation_errors_total", "point")
        way.errors = points
    way.begin()
    assert hub.process is not None
    hub.process.send_signal(signal.SIGTERM)
    way.step("shutdown", hub.process.wait(90))
    way.log = hub.log
    return way
