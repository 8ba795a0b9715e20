"""What is known of a running server, and what looking at it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol


class ServerKey(NamedTuple):
    """Which server; the default one has the name ''."""

    username: str
    server_name: str


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server as the Hub's REST API tells of it. Times are seconds since 1970.

    *state* is what the spawner recorded, empty where we may not see it. *profile* is '' where
    the user chose none.
    """

    key: ServerKey
    state: Mapping[str, Any] = field(default_factory=dict)
    ready: bool = True
    started: float | None = None
    last_activity: float | None = None
    profile: str = ""
    groups: tuple[str, ...] = ()


class Backend(str, Enum):
    """Where numbers come from."""

    PROCESS = "process"
    CGROUP = "cgroup"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    HOME = "home"
    GPU = "gpu"


class GapReason(str, Enum):
    """Why a backend could not look."""

    PERMISSION = "permission"
    GONE = "gone"  # the process, container or pod of the state is not there
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no socket, no API server, refused
    PROTOCOL = "protocol"  # an answer that is not understood
    FAILED = "failed"  # a fault of ours
    NO_STATE = (
        "no_state"  # the spawner recorded nothing that leads to the server, or we may not see it
    )


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing is known this time. *detail* is for a log; it holds no username."""

    reason: GapReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """One look at one server. None is "not known by this backend", never zero.

    *cpu_seconds* and *oom_kills* only grow during a server's life. *memory_bytes* is what the
    kernel counts as in use: resident pages of the process tree, or a cgroup's working set.
    *cpu_cores* is a rate, where the backend knows no seconds (Kubernetes' metrics API): use it
    where *cpu_seconds* is None. Never are both given. *memory_request_bytes* and
    *cpu_request_cores* are what a scheduler set aside, *restarts* how often it started a part of
    the server again.
    """

    cpu_seconds: float | None = None
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    memory_peak_bytes: float | None = None
    memory_limit_bytes: float | None = None
    cpu_limit_cores: float | None = None
    memory_request_bytes: float | None = None
    cpu_request_cores: float | None = None
    cpu_throttled_seconds: float | None = None
    processes: float | None = None
    oom_kills: float | None = None
    restarts: float | None = None
    gpu_utilization_ratio: float | None = None
    gpu_memory_bytes: float | None = None
    image: str = ""
    node: str = ""


Look = Usage | Gap


class UsageSampler(Protocol):
    """One backend. Called from one thread at a time, never from an event loop."""

    backend: Backend

    def claims(self, server: RunningServer) -> bool:
        """Whether *server*'s state leads this backend to it."""

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Look at all *servers* at once, within this backend's own time limit; never raises.

        Has one entry for each server. What was kept of servers that are no longer named is
        forgotten.
        """

    def close(self) -> None:
        """Give back descriptors and connections."""
