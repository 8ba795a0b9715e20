"""`c.MonitoringUsage`: who is looked at, how, how often, and what it may cost."""

from __future__ import annotations

from traitlets import Bool, Enum, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from .model import Backend
from .options import UsageOptions

_DEFAULTS = UsageOptions()
_BACKENDS = (Backend.KUBERNETES, Backend.CGROUP, Backend.DOCKER, Backend.PROCESS)


class MonitoringUsage(LoggingConfigurable):
    """Settings of the usage of CPU, memory and disk per user and server."""

    enabled = Bool(
        True,
        help="""Whether the service looks at what users' servers use. False takes the scopes
        `list:users`, `read:servers`, `read:users:groups` and `admin:server_state` out of the
        service's role, and all series of users and servers out of its `/metrics`.""",
    ).tag(config=True)

    server_state = Bool(
        True,
        help="""Whether the service may read what spawners recorded about their servers (process
        ids, container and pod names; for some spawners secrets too), by the scope
        `admin:server_state`. False takes that scope away: servers are then counted, and their
        start and last activity are known, but their CPU and memory are gaps with the reason
        `no_state`, unless a backend finds them by name.""",
    ).tag(config=True)

    interval_seconds = Float(
        _DEFAULTS.interval_seconds,
        min=1.0,
        max=3600.0,
        help="""Seconds between two looks at all servers. Each asks the Hub for one listing of the
        active users, in pages. The Hub spends at most 5 % of its time on that: where a listing
        takes long it is used for several looks, so that with 2,000 servers a new one is seen
        within a minute. Above 60 a `rate(...[5m])` of CPU has too few samples to mean much.""",
    ).tag(config=True)

    backend = Enum(
        ["auto", *(backend.value for backend in _BACKENDS)],
        default_value="auto",
        help="""Where the numbers come from. "auto" asks for each server, in this order, whether
        what its spawner recorded leads to a pod, a cgroup, a container or a process. A name of one
        forces it for all servers: those to which it finds no way are gaps.""",
    ).tag(config=True)

    page_size = Integer(
        _DEFAULTS.page_size,
        min=1,
        max=1000,
        help="""Users in one page of the listing; the Hub lowers it to its own
        `c.JupyterHub.api_page_max_limit` (200). The Hub's event loop is held up while it makes one
        page, some 15 ms and another 0.2 ms a user: smaller pages hold it for a shorter time, and
        cost more in all. With 2,000 servers 50 take 24 ms of CPU each, 45 times a listing; 200
        take 52 ms, 11 times.""",
    ).tag(config=True)

    pss_seconds = Float(
        _DEFAULTS.pss_seconds,
        min=0.0,
        help="""Seconds between two readings of the proportional set size (PSS) of one process, for
        servers that are found by process; 0: never, memory is then the resident set size (RSS),
        which counts pages that processes share once for each. A reading costs the kernel some
        milliseconds a JupyterLab, and needs the right to trace the process.""",
    ).tag(config=True)

    homes = Unicode(
        _DEFAULTS.homes,
        help="""Where home directories are: a template as "/home/{username}" or
        "/home/{escaped_username}", or "module:function" for a function of yours that takes a
        username and returns the path, None for a user without a home (the module has to be
        importable in the service's process). Empty: they are not looked at. The size of each is
        what `du -x` says, added up by a slow walk over its files; that of a home which is a file
        system of its own is what `df` says, that of one with a project quota what this says.""",
    ).tag(config=True)

    homes_operations_per_second = Float(
        _DEFAULTS.homes_operations_per_second,
        min=1.0,
        help="""File system operations (one per file and directory) a second that all walks over
        home directories may make together. 200 are hardly felt by a network file system; 10
        million files then take 14 hours.""",
    ).tag(config=True)

    homes_interval_seconds = Float(
        _DEFAULTS.homes_interval_seconds,
        min=60.0,
        help="""Seconds from the end of the walk over a home directory to the next one over the
        same. The series show the last complete walk in between.""",
    ).tag(config=True)

    groups: List[str] = List(
        Unicode(),
        help="""Groups of the Hub that the series `jupyterhub_user_group_info` may name, for sums
        per group. Empty: none, and the service's role does not get the scope
        `read:users:groups`.""",
    ).tag(config=True)

    max_series = Integer(
        _DEFAULTS.max_series,
        min=1,
        help="""Series that one metric per server, user or group may have. Above it the newest
        servers get none, and `jupyterhub_usage_series_left_out` counts what is missing. One server
        has some 15 series in all.""",
    ).tag(config=True)

    docker_socket = Unicode(
        _DEFAULTS.docker_socket,
        help="""The socket of the Docker (or Podman) Engine API, for containers whose cgroups cannot
        be read. Whoever may use it is root on that machine: give the service a read-only proxy of
        it where you can.""",
    ).tag(config=True)

    kubernetes_namespace = Unicode(
        _DEFAULTS.kubernetes_namespace,
        help="""The namespace of users' pods where a server's state does not name it. Empty: the
        service's own.""",
    ).tag(config=True)

    def options(self) -> UsageOptions:
        """Return the settings as plain values."""
        names = UsageOptions.__dataclass_fields__
        values = {name: getattr(self, name) for name in names if name != "groups"}
        return UsageOptions(**values, groups=frozenset(self.groups))

    def scopes(self) -> tuple[str, ...]:
        """Return what the service must be allowed in the Hub to do all this, and no more."""
        if not self.enabled:
            return ()
        wanted = {
            "list:users": True,
            "read:servers": True,
            "read:users:groups": bool(self.groups),
            "admin:server_state": self.server_state,
        }
        return tuple(scope for scope, needed in wanted.items() if needed)
