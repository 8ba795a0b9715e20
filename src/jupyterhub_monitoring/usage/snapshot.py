"""What one round of looking found: every running server, every home, with real usernames.

Whoever shows a snapshot to somebody decides which names may be seen: a label goes through
`metrics.usernames.policy()`, the API through who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .model import Backend, Gap, Look, RunningServer, Usage


@dataclass(frozen=True, slots=True)
class ServerUsage:
    """One server and the last look at it.

    *backend* is the one that looked, None where none claims the server; then *look* is a gap.
    *cpu_cores* is the mean since the look before, in cores; None at the first look.
    """

    server: RunningServer
    backend: Backend | None
    look: Look
    cpu_cores: float | None = None

    @property
    def usage(self) -> Usage:
        """What is known; nothing of a gap."""
        return self.look if isinstance(self.look, Usage) else Usage()

    @property
    def gap(self) -> Gap | None:
        """Why nothing is known, or None."""
        return self.look if isinstance(self.look, Gap) else None


@dataclass(frozen=True, slots=True)
class Home:
    """A home directory. None is "not known (yet)", never zero."""

    bytes: float | None = None
    entries: float | None = None
    newest_change: float | None = None  # seconds since 1970
    limit_bytes: float | None = None  # None also where there is no limit


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the servers of which the number is known; None where it is known of none."""

    servers: int
    cpu_cores: float | None
    memory_bytes: float | None


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """All servers that ran at *at* (seconds since 1970), and the homes that are known.

    *homes* has real usernames as keys. *problem* says why nothing newer is known, None while
    everything is as it should be; it holds no username. *listed_at* is when the Hub was asked for
    the servers, which may be a minute before; None where it has not answered yet.
    """

    at: float
    interval_seconds: float
    servers: tuple[ServerUsage, ...] = ()
    homes: Mapping[str, Home] = field(default_factory=dict)
    problem: str | None = None
    listed_at: float | None = None

    def totals(self) -> Totals:
        """Sum up."""
        cores = [found.cpu_cores for found in self.servers if found.cpu_cores is not None]
        memory = [m for s in self.servers if (m := s.usage.memory_bytes) is not None]
        return Totals(
            len(self.servers), sum(cores) if cores else None, sum(memory) if memory else None
        )
