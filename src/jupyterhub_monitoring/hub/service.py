"""The Hub's side of the monitoring service: added to services and roles, started, started again.

The service is an ordinary managed one (`c.JupyterHub.services`) that runs beside the Hub. Two
things of an ordinary one are not for us: the Hub would wait at its start until it answers and exit
when it does not, and it would look only every 30 s whether it still runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.utils import random_port
from sqlalchemy.engine import make_url

from .. import configuration
from ..metrics import usernames
from ..metrics.labels import Point
from ..metrics.spec import PREFIX
from ..usage.settings import MonitoringUsage
from .everyone import let_everyone_in
from .guard import guarded, report
from .original import original_name
from .settings import Monitoring
from .taps import Method, tap

log = logging.getLogger(__name__)

NAME = "monitoring"
HOST = "127.0.0.1"
ROLE = "jupyterhub-monitoring"
SCOPES = ("read:metrics",)
"""What the service may do in any Hub: read `/hub/api/metrics`. `MonitoringUsage.scopes` adds what
it takes to see who uses what."""
ASKED_OF_PEOPLE = ("read:metrics", "list:users")
"""Of the scopes of whoever logs in to the service, the login carries these, as far as that person
has them: to see everything, and to see the users of a group."""

SECTIONS = (
    "MonitoringScrape",
    "MonitoringStore",
    "MonitoringQuery",
    "MonitoringUsage",
    "MonitoringAlerts",
    "MonitoringRules",
    "MonitoringPrometheus",
    "MonitoringReports",
)
"""The sections of the configuration that are the service's. Their classes are not known here."""

FOLDER = "jupyterhub-monitoring"
COMMAND = [sys.executable, "-m", "jupyterhub_monitoring", "service"]

POLL_SECONDS = 2.0
MAX_POLL_SECONDS = 30.0
QUICK_DEATH_SECONDS = 60.0
PORT_TRIES = 20
MAX_VARIABLE_BYTES = 120_000  # Linux: 128 KiB for one variable of the environment
MOST_PROBLEMS, PROBLEM_CHARACTERS = 24, 400
"""... of what is wrong in the settings: JSON has up to twelve bytes for a character."""


@dataclass(frozen=True)
class Plan:
    """What `c.JupyterHub.services` and `load_roles` become, and what stands against it."""

    services: list[dict[str, Any]]
    roles: list[dict[str, Any]]
    problems: tuple[str, ...] = ()


def plan(
    services: Sequence[dict[str, Any]],
    roles: Sequence[dict[str, Any]],
    url: str = "",
    scopes: Sequence[str] = SCOPES,
) -> Plan:
    """Add our service and its role. What the operator has under these names stays as it is."""
    if any(service.get("name") == NAME for service in services):
        problem = (
            f"c.JupyterHub.services has a service called {NAME!r} that is not ours; ours is not"
            " started. Rename the other one, or set c.Monitoring.service = False."
        )
        return Plan([*services], [*roles], (problem,))
    ours = {
        "name": NAME,
        "url": url,
        "command": COMMAND,
        "cwd": "/",  # `python -m` looks for modules in the working directory first
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [*ASKED_OF_PEOPLE],
    }
    role = {"name": ROLE, "services": [NAME], "scopes": [*scopes]}
    existing = next((other for other in roles if other.get("name") == ROLE), None)
    if existing is None:
        return Plan([*services, ours], [*roles, role])
    if NAME in existing.get("services", ()):
        return Plan([*services, ours], [*roles])
    problem = (
        f"c.JupyterHub.load_roles has a role {ROLE!r} without the service {NAME!r}, which so cannot"
        f' read the Hub\'s metrics. Add "services": ["{NAME}"] to it, or rename it.'
    )
    return Plan([*services, ours], [*roles], (problem,))


def wanted_scopes(app: Any) -> tuple[str, ...]:
    """Return what the service of the Hub *app* may do there, as its configuration says."""
    return (*SCOPES, *configuration.load(MonitoringUsage, app)[0].scopes())


def data_folder(wanted: str, db_url: str) -> Path:
    """Return where the service keeps its state: as the operator says, or beside the database."""
    if wanted:
        return Path(wanted).expanduser().absolute()
    url = make_url(db_url)
    if url.drivername.startswith("sqlite") and url.database not in (None, "", ":memory:"):
        return Path(url.database or "").absolute().parent / FOLDER
    return Path.cwd() / FOLDER


def kept_folder(wanted: str, db_url: str) -> Path | None:
    """Return that folder for what outlives the Hub's process; None for a Hub that keeps nothing."""
    url = make_url(db_url)
    in_memory = url.drivername.startswith("sqlite") and url.database in (None, "", ":memory:")
    return None if in_memory and not wanted else data_folder(wanted, db_url)


def external_url(app: Any) -> str:
    """Return where people find the service, with a slash: what the operator says, or our guess."""
    public = getattr(app, "public_url", "") or ""
    if not public:
        url = urlsplit(app.bind_url)
        here = url.hostname not in (None, "", "0.0.0.0", "::", "*")  # noqa: S104 -- not bound to
        host = url.hostname if here else socket.gethostname()
        public = f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}{app.base_url}"
    return f"{public.rstrip('/')}/services/{NAME}/"


@dataclass
class ManagedService:
    """Our service in the Hub *app*."""

    app: Any
    problems: list[str] = field(default_factory=list)
    wanted: bool = False
    stopping: bool = False
    _environment: dict[str, str] = field(default_factory=dict)
    _started: float = -QUICK_DEATH_SECONDS
    _quick_deaths: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def add(self, settings: Monitoring, wrong: Sequence[str] = ()) -> None:
        """Put it into the Hub's services and roles, before the Hub reads them.

        *wrong* is what is known to be wrong in the settings: the service shows it with the rest.
        """
        if not settings.service:
            return
        app = self.app
        scheme = "https" if app.internal_ssl else "http"
        url = f"{scheme}://{HOST}:{random_port()}"
        made = plan(app.services, app.load_roles, url, wanted_scopes(app))
        self.problems += made.problems
        if len(made.services) > len(app.services):
            self._environment = self._make_environment(settings, wrong)
            app.services, app.load_roles = made.services, made.roles
            self.wanted = True

    def _make_environment(self, settings: Monitoring, wrong: Sequence[str]) -> dict[str, str]:
        text, problems = configuration.dump_sections(self.app.config, SECTIONS)
        self.problems += problems
        if len(text.encode()) > MAX_VARIABLE_BYTES:
            text = "{}"
            self.problems.append(
                f"c.{', c.'.join(SECTIONS)} are more than {MAX_VARIABLE_BYTES} bytes together,"
                " which cannot be handed to the service; their defaults are used. Shorten them."
            )
        alerting, engine = self._alerting(settings), settings.prometheus_url
        return {
            **configuration.named_variables(text + alerting + engine, os.environ),
            **({"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}),  # of times in messages
            "JUPYTERHUB_MONITORING_DATA_DIR": str(data_folder(settings.data_dir, self.app.db_url)),
            "JUPYTERHUB_MONITORING_ALERTING": alerting,
            "JUPYTERHUB_MONITORING_HUB_FOLDER": str(Path.cwd()),
            "JUPYTERHUB_MONITORING_HUB_PID": str(os.getpid()),
            "JUPYTERHUB_MONITORING_PROBLEMS": handed_over_problems([*wrong, *self.problems]),
            "JUPYTERHUB_MONITORING_PROMETHEUS_URL": engine,
            "JUPYTERHUB_MONITORING_SETTINGS": text,
            "JUPYTERHUB_MONITORING_SPAWNER_CLASS": original_name(self.app.spawner_class),
            "JUPYTERHUB_MONITORING_USERNAMES": usernames.policy().handed_over(),
            "JUPYTERHUB_METRICS_PREFIX": PREFIX,
        }

    def _alerting(self, settings: Monitoring) -> str:
        """Return whom to tell and where people find our pages, as JSON. It may hold secrets."""
        text = json.dumps(
            {
                "notify": settings.notify,
                "alertmanagers": settings.alertmanagers,
                "external_labels": settings.external_labels,
                "remote_write": settings.remote_write,
                "external_url": external_url(self.app),
            },
            default=str,  # a Path
            skipkeys=True,
        )
        if len(text.encode()) <= MAX_VARIABLE_BYTES:
            return text
        self.problems.append(
            "c.Monitoring.notify, alertmanagers and remote_write are more than"
            f" {MAX_VARIABLE_BYTES} bytes, which cannot be handed to the service; nobody is told of"
            " alerts. Shorten them."
        )
        return "{}"

    def watch(self) -> None:
        """Take over its start, once the Hub has made its services."""
        if not self.wanted:
            return
        service = self.app._service_map.get(NAME)
        if service is None or list(service.command) != COMMAND:
            self.wanted = False
            self.app.load_roles = [r for r in self.app.load_roles if r.get("name") != ROLE]
            self.problems.append(
                f"a service called {NAME!r} that was made while the Hub ran keeps ours from being"
                " started. Remove it (DELETE /hub/api/services/monitoring), then restart the Hub."
            )
            return
        tap(service, "start", self._start)
        tap(self.app, "start_service", self._start_service)

    @property
    def token(self) -> str:
        """What our service says to the Hub that it is; empty where there is no service of ours."""
        service = self.app._service_map.get(NAME) if self.wanted else None
        return service.api_token if service is not None else ""

    def _start_service(self, original: Method) -> Method:
        """At the Hub's start: do not wait for ours, and do not exit when it fails."""

        async def start_service(name: str, service: Any, *args: Any, **kwargs: Any) -> Any:
            if name != NAME:
                return await original(name, service, *args, **kwargs)
            self._in_background(self._begin(original, name, service, *args, **kwargs))
            return True

        return start_service

    async def _begin(self, original: Method, *args: Any, **kwargs: Any) -> None:
        if not await original(*args, **kwargs):
            log.error("The monitoring service does not answer; the Hub goes on without it.")

    def _start(self, original: Method) -> Method:
        """At each start: hand over the settings, and look often whether the process lives."""

        async def start(*args: Any, **kwargs: Any) -> Any:
            service = self.app._service_map[NAME]
            service.environment = {**service.environment, **self._environment}
            await self._find_port(service)
            try:
                result = await original(*args, **kwargs)
            except Exception:
                self._in_background(self._try_again(service))
                raise
            self._poll(service.spawner)
            return result

        return start

    async def _find_port(self, service: Any) -> None:
        """Take another port when somebody has got ours since it was chosen."""
        port = urlsplit(service.url).port
        if await asyncio.to_thread(_is_free, port):
            return
        new = random_port()
        log.warning("Port %s of the monitoring service is taken; it gets %s.", port, new)
        service.url = service.url.replace(f":{port}", f":{new}")
        service.orm.server.port = new
        self.app.db.commit()
        await self.app.proxy.add_service(service)

    @guarded(Point.START)
    def _poll(self, spawner: Any) -> None:
        """Look every 2 s; less often while the process dies soon after each start."""
        now = time.monotonic()
        quick = now - self._started < QUICK_DEATH_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        self._started = now
        spawner.poll_interval = min(POLL_SECONDS * 2.0**self._quick_deaths, MAX_POLL_SECONDS)
        spawner.start_polling()

    async def _try_again(self, service: Any) -> None:
        await asyncio.sleep(MAX_POLL_SECONDS)
        await service.start()

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Start it no more; the Hub's own cleanup ends the process."""
        for task in self._tasks:
            task.cancel()


def handed_over_problems(problems: Sequence[str]) -> str:
    """Return *problems* as JSON that fits into a variable; of long ones the beginning."""
    told = [problem[:PROBLEM_CHARACTERS] for problem in problems[:MOST_PROBLEMS]]
    more = len(problems) - len(told)
    return json.dumps([*told, *([f"And {more} more, which the Hub's log has."] if more else [])])


def _is_free(port: int | None) -> bool:
    """Whether our process could listen there; one of ours that is just ending has two seconds."""
    for _ in range(PORT_TRIES):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port or 0))
            except OSError:
                time.sleep(0.1)
            else:
                return True
    return False


async def _told(work: Any) -> None:
    """Await *work*; its failure is told, not raised."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 -- nobody awaits this task
        report(Point.START, error)


def keep_role(original: Method) -> Method:
    """Let every Hub object of this process know what is ours before it makes its roles.

    `jupyterhub token` makes a second one that would remove from the database, and so from the Hub
    that runs beside it, each role that it does not know, and each scope of the users' role.
    """

    async def init_role_creation(hub: Any, *args: Any, **kwargs: Any) -> Any:
        _keep_role(hub)
        return await original(hub, *args, **kwargs)

    return init_role_creation


@guarded(Point.ATTACH)
def _keep_role(hub: Any) -> None:
    monitor = getattr(hub, "monitoring", None)
    if monitor is not None:  # its service and role are there already
        if monitor.service.wanted and monitor.settings.my_usage:
            monitor.service.problems += let_everyone_in(hub, NAME)
        return
    settings, _ = configuration.load(Monitoring, hub)
    if settings.service:
        made = plan(hub.services, hub.load_roles, scopes=wanted_scopes(hub))
        hub.load_roles = made.roles
        if settings.my_usage and len(made.services) > len(hub.services):
            let_everyone_in(hub, NAME)
