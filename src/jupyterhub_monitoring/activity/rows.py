"""What is kept of each thing that happened. Times are Unix seconds; names are labels.

A label is what `metrics.usernames.policy()` showed of a name when it happened: the name, a keyed
hash, or '' where names are left out. '' is also the default server's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spawn:
    """One spawn that ended at *at*: *outcome* is success, failure or refused.

    *reason* is a value of the metrics' `error_type` or `reason`, '' for success; *message* what the
    Hub said of it, one line, '' where it said nothing or names are not shown. *waited_seconds* is
    from the request to the end, *phases* where it went, by phase; *started* when the Hub began,
    as its API tells it: a session has the same.
    """

    at: float
    username: str
    server_name: str
    outcome: str
    reason: str = ""
    message: str = ""
    waited_seconds: float | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    spawner_class: str = ""
    profile: str = ""
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """One server that ended at *at*: *cause* is user, admin, service, died or shutdown.

    *exit_status* is what its spawner said of a server that was gone by itself, None where it said
    nothing; most spawners say 0 of one that they do not know. *out_of_memory*: the kernel or the
    cluster had killed something of it for want of memory, shortly before.
    """

    at: float
    username: str
    server_name: str
    cause: str
    exit_status: int | None = None
    out_of_memory: bool = False
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """One login or logout. *outcome* is success, denied, error or logout.

    A name that was typed and denied is shown only where somebody is known by it, else it is ''.
    """

    at: float
    username: str
    outcome: str
    authenticator: str = ""


@dataclass(frozen=True, slots=True)
class UserChange:
    """A user who was added, deleted or renamed (*previous* is the name before)."""

    at: float
    change: str
    username: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A server from its start to its end; *end* is None while it runs.

    *cause* is that of its exit, or `unknown` where nobody told of it: then *end* is when it was
    seen last. *out_of_memory*: something of it was killed for want of memory at some time, a kernel
    perhaps; see `Exit` for whether that was its end. *waited_seconds* is how long its user waited
    for it, None where nobody told.
    """

    username: str
    server_name: str
    start: float
    end: float | None = None
    cause: str = ""
    profile: str = ""
    spawner_class: str = ""
    out_of_memory: bool = False
    waited_seconds: float | None = None

    def seconds(self, now: float) -> float:
        """Return how long it lasted, until *now* if it runs."""
        return max(0.0, (now if self.end is None else self.end) - self.start)


@dataclass(frozen=True, slots=True)
class HubRun:
    """One life of the Hub's process. *stopped* is None while it runs, and where it was killed.

    *last_at* is when the last thing happened in it, None where nobody asked.
    """

    started: float
    stopped: float | None
    hub_version: str
    version: str
    spawner_class: str
    last_at: float | None = None


@dataclass(frozen=True, slots=True)
class UserActivity:
    """A user who was there in a range of time.

    *first_seen* and *last_seen* are of all that is known of the user, not only of the range; who
    has been away for longer than things are kept counts as new.
    """

    username: str
    first_seen: float
    last_seen: float
    sessions: int
    session_seconds: float

    def is_new(self, since: float) -> bool:
        """Return whether the user was never seen before *since*."""
        return self.first_seen >= since
