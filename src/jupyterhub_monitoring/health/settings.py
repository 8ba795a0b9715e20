"""`c.MonitoringHealth`: what the operator can set about the health checks."""

from __future__ import annotations

from typing import Any

from traitlets import Callable, Dict, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from ..configuration import load

INTERVALS = {
    "database": 30.0,
    "proxy": 30.0,
    "public_url": 60.0,
    "spawners": 60.0,
    "event_loop": 15.0,
    "disk": 300.0,
    "certificate": 3600.0,
}
TIMEOUTS = {
    "database": 10.0,
    "proxy": 10.0,
    "public_url": 10.0,
    "spawners": 20.0,
    "event_loop": 5.0,
    "disk": 10.0,
    "certificate": 10.0,
}
CRITICAL = ("database", "proxy")


class MonitoringHealth(LoggingConfigurable):
    """Settings of the health checks and of /hub/health/live, /ready and /checks."""

    intervals = Dict(
        value_trait=Float(),
        key_trait=Unicode(),
        help="""Seconds between runs, by the check's name, for example {"database": 10}. What is
        not named keeps its default. A fault is seen within its check's interval plus its timeout.
        Below 5, the proxy and the database notice the questions; above 300, you hear of a fault
        from your users first.""",
    ).tag(config=True)

    timeouts = Dict(
        value_trait=Float(),
        key_trait=Unicode(),
        help="""Seconds after which a check's run is given up and counts as failing, by the check's
        name. Below 1, a busy moment looks like a fault; above the check's interval, runs are
        late.""",
    ).tag(config=True)

    default_timeout_seconds = Float(
        10.0,
        min=0.1,
        help="""Seconds after which a run of a check of your own is given up, where neither
        `timeouts` nor `register_check` names another. Below 1 a busy moment looks like a
        fault; above the check's interval, its runs are late.""",
    ).tag(config=True)

    critical = List(
        Unicode(),
        list(CRITICAL),
        help="""The checks that make /hub/health/ready answer 503. With the empty list it answers
        200 as soon as the first results are in. Do not name `public_url` where the Hub's place
        behind the proxy depends on readiness (Kubernetes): the Hub would wait for itself.""",
    ).tag(config=True)

    disabled = List(
        Unicode(),
        help="""Built-in checks that shall not run at all. One that is left out is not shown and
        has no metrics. Known: database, proxy, public_url, spawners, event_loop, disk,
        certificate.""",
    ).tag(config=True)

    extra_checks = Dict(
        key_trait=Unicode(),
        value_trait=Callable(),
        help="""Checks of your own, by name: a function that takes the JupyterHub application and
        returns True, False or a `Finding`, or raises. A plain function runs in a thread and must
        not touch `app.db` or `app.users`; an async one runs in the Hub's loop and must not
        block. It runs every 60 s, or as `intervals` says. For example

            def licence_server(app):
                return socket.create_connection(("licences", 27000), 3) is not None

            c.MonitoringHealth.extra_checks = {"licences": licence_server}
        """,
    ).tag(config=True)

    database_warning_seconds = Float(
        0.5,
        min=0,
        help="""Seconds that connecting, a query and a write may take before a warning. A healthy
        local database needs less than 0.05; every page of the Hub asks several times, so that
        at 1 the Hub feels slow. 0 warns always.""",
    ).tag(config=True)

    proxy_warning_seconds = Float(
        2.0,
        min=0,
        help="""Seconds that the list of routes may take before a warning. 10,000 routes take
        about 0.5. Users wait for this at each start of a server. 0 warns always.""",
    ).tag(config=True)

    public_url = Unicode(
        help="""The address where browsers reach the Hub, with its base URL and a slash at the end,
        as the Hub's own machine can reach it too. Default: the proxy's bind address, or
        `c.JupyterHub.public_url` where the proxy is not started by the Hub. Where neither is
        known, the check `public_url` is left out.""",
    ).tag(config=True)

    public_url_warning_seconds = Float(
        3.0,
        min=0,
        help="""Seconds that a request through the proxy may take before a warning. A healthy Hub
        needs less than 0.1. 0 warns always.""",
    ).tag(config=True)

    stuck_grace_seconds = Float(
        30.0,
        min=0,
        help="""Seconds beyond the spawner's start_timeout + http_timeout after which a server that
        is still starting or stopping counts as stuck. 0 may blame a Hub that is just busy; above
        600, users have given up.""",
    ).tag(config=True)

    spawn_failure_window_seconds = Float(
        900.0,
        min=1,
        help="""Seconds over which the share of failed starts is taken. Below 300 one lecture's
        start decides; above 3600, an outage is seen late and forgotten late.""",
    ).tag(config=True)

    spawn_failure_minimum = Integer(
        3,
        min=1,
        help="""Failed starts in the window below which the share is not judged. 1 lets a single
        failure at night raise an alarm; a large Hub may take 10.""",
    ).tag(config=True)

    spawn_failure_warning_ratio = Float(
        0.2,
        min=0,
        max=1,
        help="""Share of failed starts in the window above which there is a warning. 0 warns at
        `spawn_failure_minimum` failures, 1 never.""",
    ).tag(config=True)

    spawn_failure_critical_ratio = Float(
        0.5,
        min=0,
        max=1,
        help="""Share of failed starts in the window above which the check fails. 1 never.""",
    ).tag(config=True)

    poll_sample = Integer(
        10,
        min=0,
        help="""Running servers, picked by chance, whose spawner is asked at each run whether they
        live. 0 asks none: for spawners whose poll() is costly (batch systems). Above 100, the
        spawner's backend notices.""",
    ).tag(config=True)

    poll_timeout_seconds = Float(
        10.0,
        min=0.1,
        help="""Seconds that one such poll() may take before it counts as hanging. Must be below
        the timeout of the check `spawners`.""",
    ).tag(config=True)

    loop_lag_warning_seconds = Float(
        1.0,
        min=0.01,
        help="""Longest time since the last run that the Hub's event loop was blocked, above which
        there is a warning. Every user waits that long. 0.1 is what a person notices; a Hub with
        thousands of users reaches 1 at its start.""",
    ).tag(config=True)

    loop_lag_critical_seconds = Float(
        10.0,
        min=0.01,
        help="""As `loop_lag_warning_seconds`, above which the check fails. Kubernetes' probes give
        up after about 10.""",
    ).tag(config=True)

    disk_paths = List(
        Unicode(),
        help="""Further folders whose file systems are looked at, besides those of a SQLite
        database and of `c.JupyterHub.extra_log_file`.""",
    ).tag(config=True)

    disk_warning_free_bytes = Float(
        2 * 2**30,
        min=0,
        help="""Free bytes below which there is a warning. A Hub writes little itself; its log and
        its neighbours on the disk write more. 0 never warns.""",
    ).tag(config=True)

    disk_critical_free_bytes = Float(
        256 * 2**20,
        min=0,
        help="""Free bytes below which the check fails. SQLite needs room for its journal at every
        write: at 0 nobody can log in.""",
    ).tag(config=True)

    certificate_files = List(
        Unicode(),
        help="""Further PEM files whose expiry is watched, besides `c.JupyterHub.ssl_cert`: for
        example that of the web server before the Hub.""",
    ).tag(config=True)

    certificate_warning_days = Float(
        14.0,
        min=0,
        help="""Days before the expiry from which there is a warning. Let's Encrypt renews 30 days
        before: at 14 the renewal has failed for two weeks.""",
    ).tag(config=True)

    certificate_critical_days = Float(
        3.0,
        min=0,
        help="""Days before the expiry from which the check fails. At 0 it fails with the
        expiry.""",
    ).tag(config=True)

    def interval(self, name: str, default: float = 60.0) -> float:
        """Return the seconds between runs of the check *name*."""
        return float(self.intervals.get(name, INTERVALS.get(name, default)))

    def timeout(self, name: str, default: float | None = None) -> float:
        """Return the seconds that a run of the check *name* may take."""
        fallback = self.default_timeout_seconds if default is None else default
        return float(self.timeouts.get(name, TIMEOUTS.get(name, fallback)))


def settings_of(app: Any) -> MonitoringHealth:
    """Return the settings in the configuration of *app*, or the defaults for what has none."""
    return load(MonitoringHealth, app)[0] if hasattr(app, "config") else MonitoringHealth()
