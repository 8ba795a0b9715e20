"""`HubMonitor`: the one object per Hub that puts the parts together, starts and stops them.

`attach(app)` is called while the configuration is read or the app is made, when nothing of the
Hub exists yet. It follows the Hub's own steps and adds ours after each:

    init_eventlog          settings, metrics, event log, the spawner class
    init_secrets           our service and its role beside the operator's
    init_db                follow the database session
    init_role_creation     let every user in to our service
    init_services          take over the start of our service
    init_tornado_settings  the request log, the proxy, the Hub's classes
    init_handlers          /hub/metrics, /hub/health/…
    start                  collector and health checks
    cleanup                the same, stopped
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import jupyterhub
import jupyterhub.metrics
from jupyterhub.app import JupyterHub

from .. import configuration, metrics
from .._version import __version__
from ..health import Finding, HealthChecker, MonitoringHealth, Status
from ..health import handlers as health_handlers
from ..health.builtin import register_builtin
from ..health.codes import SETTINGS_WRONG
from ..metrics import catalogue as m
from ..metrics.instruments import Limits
from ..metrics.labels import Point
from . import metrics_page
from .admin_access import AdminAccess
from .collector import PeriodicMetricsCollector
from .database_events import DatabaseEvents
from .events import EventLog
from .exits import Exits
from .guard import guarded, report
from .hub_taps import tap_hub
from .kept_failures import KeptFailures
from .logins import Logins
from .monitored import monitored
from .names import put_in_force
from .navigation import add_to_navigation
from .original import original_name
from .requests import Requests
from .routes import Routes
from .server_count import ServerCount
from .service import SECTIONS, ManagedService, keep_role, kept_folder
from .settings import Monitoring
from .spawns import Spawns
from .spool_writer import SpoolWriter
from .taps import Method, tap

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long the Hub's shutdown waits for our tasks."""

FLUSH_SECONDS = 1.0
"""How long it waits, at its very end, for a disk to take our last events."""


@guarded(Point.ATTACH)
def attach(app: Any) -> HubMonitor:
    """Monitor *app*, a JupyterHub that has not been initialized. A second time changes nothing."""
    existing = getattr(app, "monitoring", None)
    if existing is not None:
        return existing  # type: ignore[no-any-return]
    app.monitoring = monitor = HubMonitor(app)
    monitor.follow()
    return monitor


class HubMonitor:
    """Everything of ours in one Hub. Its parts are public: the taps find them here."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._tasks: list[asyncio.Task[None]] = []
        self._began = False
        self.settings = Monitoring()
        self.problems: list[str] = []
        self.events = EventLog()
        self.exits = Exits(self.events)
        self.logins = Logins(self.events)
        self.spawns = Spawns(self.events, self.settings.max_error_types)
        self.servers = ServerCount(app)
        self.service = ManagedService(app)
        if getattr(app, "health_checker", None) is None:
            app.health_checker = HealthChecker(app)
        self.collector = PeriodicMetricsCollector(app)
        self.requests: Requests | None = None

    @property
    def health(self) -> HealthChecker:
        """The Hub's checker: ours, or the one that a subclass of JupyterHub made by itself."""
        checker: HealthChecker = self._app.health_checker
        return checker

    def follow(self) -> None:
        """Add our steps to the Hub's."""
        after = self._after
        after(
            "init_eventlog",
            self.configure,
            self.watch_events,
            self.hand_over_events,
            self.watch_spawner,
            self.keep_failures,
        )
        after("init_secrets", self.add_service)
        after("init_db", self.watch_database)
        after("init_services", self.watch_service)
        after("init_tornado_settings", self.watch_requests, self.watch_classes)
        after("init_handlers", self.serve)
        tap(self._app, "start", self._start)
        tap(self._app, "cleanup", self._cleanup)
        tap(JupyterHub, "init_role_creation", keep_role)

    def _after(self, name: str, *steps: Callable[[], Any]) -> None:
        def listen(original: Method) -> Method:
            def step(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                for ours in steps:
                    ours()
                return result

            return step

        tap(self._app, name, listen)

    @guarded(Point.SETTINGS)
    def configure(self) -> None:
        """Read `c.Monitoring` and register the metrics."""
        app = self._app
        logging.getLogger("jupyterhub_monitoring").parent = app.log
        self.settings, wrong = configuration.load(Monitoring, app)
        health, wrong_health = configuration.load(MonitoringHealth, app)
        known = [*(c.__name__ for c in (*app.classes, *OURS)), *SECTIONS]
        misspelt = configuration.unknown_sections(app, known)
        self.problems = [*wrong, *wrong_health, *misspelt]
        for problem in self.problems:
            log.error("%s", problem)
        self.health.settings = health
        Limits.max_series = self.settings.max_series
        put_in_force(app, self.settings.usernames, in_doubt=bool([*wrong, *misspelt]))
        self.spawns = Spawns(self.events, self.settings.max_error_types)
        self.collector = PeriodicMetricsCollector(
            app,
            interval=self.settings.collect_interval_seconds,
            timeout=self.settings.collect_timeout_seconds,
        )
        metrics.register_all()

    @guarded(Point.EVENT_LOG)
    def watch_events(self) -> None:
        """Write our events to the Hub's event log."""
        self.events.connect(self._app.eventlog)

    @guarded(Point.ACTIVITY)
    def hand_over_events(self) -> None:
        """Write our events where the service finds them, too."""
        folder = kept_folder(self.settings.data_dir, self._app.db_url)
        if folder is not None and self.settings.service:
            self.events.spool = SpoolWriter(folder)

    @guarded(Point.ATTACH)
    def watch_spawner(self) -> None:
        """Let the configured spawner class say when it starts; make its series exist from 0."""
        app = self._app
        app.spawner_class = monitored(app.spawner_class)
        spawner_class = original_name(app.spawner_class)
        for metric in (m.SPAWN_SUCCESS, m.SPAWN_FAILURE, m.SPAWN_DURATION_SECONDS):
            metric.touch(spawner_class=spawner_class)
        m.SPAWN_PHASE_DURATION_SECONDS.touch(spawner_class=spawner_class)
        m.SPAWN_CONSECUTIVE_FAILURE_LIMIT.set(
            configuration.configured(app.spawner_class, "consecutive_failure_limit", app.config)
        )
        m.MONITORING_BUILD_INFO.labels(__version__).set(1)
        m.HUB_INFO.labels(
            jupyterhub.__version__,
            spawner_class,
            original_name(app.authenticator_class),
            app.proxy_class.__name__,
        ).set(1)

    @guarded(Point.ATTACH)
    def keep_failures(self) -> None:
        """Count failed spawns on from where the Hub's last process ended."""
        folder = kept_folder(self.settings.data_dir, self._app.db_url)
        if folder is not None:
            kept = KeptFailures(folder)
            self.spawns.know(kept.restore())
            self.spawns.on_failure = kept.keep

    @guarded(Point.ATTACH)
    def add_service(self) -> None:
        """Put our service and its role beside the operator's."""
        self.service.add(self.settings, self.problems)
        self._tell_of_service()

    @guarded(Point.ATTACH)
    def watch_service(self) -> None:
        """Take over the start of our service, and let people find its pages."""
        self.service.watch()
        if self.service.wanted:
            add_to_navigation(self._app)
        self._tell_of_service()

    def _tell_of_service(self) -> None:
        told, self.service.problems = self.service.problems, []
        self.problems += told
        for problem in told:
            log.error("%s", problem)

    @guarded(Point.ATTACH)
    def watch_database(self) -> None:
        """See users and shares come and go."""
        DatabaseEvents(self.events).listen(self._app.db)

    @guarded(Point.ATTACH)
    def watch_requests(self) -> None:
        """Count requests, after whatever logs them."""
        tornado = self._app.tornado_settings
        self.requests = Requests(tornado["log_function"])
        self.requests.on_answer.append(AdminAccess(self._app, self.events))
        tornado["log_function"] = self.requests

    @guarded(Point.ATTACH)
    def watch_classes(self) -> None:
        """Listen to the Hub's classes; from here on they find this monitor."""
        self._app.tornado_settings["monitoring"] = self
        self.logins.expect(self._app.authenticator)
        tap_hub(self._app.proxy)
        self.servers.take_over(jupyterhub.metrics.RUNNING_SERVERS)

    @guarded(Point.ATTACH)
    def serve(self) -> None:
        """Serve our pages before the Hub's own of the same name."""
        app = self._app
        ours = [*metrics_page.handlers(), *health_handlers.handlers(self.health)]
        app.handlers[:0] = app.add_url_prefix(app.hub_prefix, ours)
        if self.requests is not None:
            self.requests.routes = Routes(app.handlers, app.hub_prefix)

    def _start(self, original: Method) -> Method:
        async def start(*args: Any, **kwargs: Any) -> Any:
            result = await original(*args, **kwargs)
            self.start()
            return result

        return start

    def _cleanup(self, original: Method) -> Method:
        async def cleanup(*args: Any, **kwargs: Any) -> Any:
            self.exits.hub_is_stopping = True
            self.service.stop()
            try:
                await asyncio.wait_for(self.stop(), STOP_SECONDS)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the Hub must stop
                report(Point.STOP, error)
            try:
                return await original(*args, **kwargs)
            finally:
                await self._tell_of_stop()

        return cleanup

    async def _tell_of_stop(self) -> None:
        """The last event of this life, behind those of servers that ended with the Hub."""
        if not self._began:
            return
        self.events.emit("hub_stop", "")
        deadline = time.monotonic() + FLUSH_SECONDS
        while self.events.is_writing() and time.monotonic() < deadline:  # noqa: ASYNC110 -- a thread
            await asyncio.sleep(0.01)

    @guarded(Point.START)
    def start(self) -> None:
        """Start the collector and the health checks, once the Hub is up."""
        if self._tasks or getattr(self._app, "http_server", None) is None:
            return  # `jupyterhub token` and its like start nothing
        self.health.own_token = lambda: self.service.token
        self.health.register_check(
            "settings", self.judge_settings, interval=3600, critical=False, code=SETTINGS_WRONG
        )
        register_builtin(self.health)
        self._tell_of_start()
        for part in (self.collector.start, self.health.start):
            self._tasks.append(asyncio.ensure_future(_reported(part)))

    @guarded(Point.ACTIVITY)
    def _tell_of_start(self) -> None:
        self._began = True
        self.events.emit(
            "hub_start",
            "",
            hub_version=jupyterhub.__version__,
            version=__version__,
            spawner_class=original_name(self._app.spawner_class),
        )

    async def judge_settings(self) -> Finding:
        """Health check: the mistakes in our sections of the configuration."""
        if self.problems:
            return Finding(Status.WARNING, "\n".join(self.problems), SETTINGS_WRONG)
        return Finding(Status.HEALTHY, "every monitoring setting is understood")

    async def stop(self) -> None:
        """Stop what `start` started."""
        tasks, self._tasks = self._tasks, []
        for part in (self.collector, self.health):
            try:
                part.stop()
            except Exception as error:  # noqa: BLE001, PERF203 -- the other part is to be stopped too
                report(Point.STOP, error)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def before_scrape(self) -> None:
        """Bring what is counted in memory up to date."""
        try:
            await self.servers.count()
        except Exception as error:  # noqa: BLE001 -- a scrape shows the rest
            report(Point.SERVER_COUNT, error)


OURS = (Monitoring, MonitoringHealth)
"""The sections of the configuration that are ours."""


async def _reported(part: Callable[[], Any]) -> None:
    """Run a part that goes on as long as the Hub; its end by an exception is told."""
    try:
        await part()
    except Exception as error:  # noqa: BLE001 -- nobody awaits this task
        report(Point.START, error)
