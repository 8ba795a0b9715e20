"""What the shared tests of the samplers need of each backend: servers to start, use and end."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from jupyterhub_monitoring.usage.model import RunningServer, UsageSampler


class SamplerRig(Protocol):
    """A backend's surroundings, made for a test. Usernames begin with "secret-"."""

    sampler: UsageSampler
    time_limit_seconds: float  # the sampler's own, for one `sample()`

    def start(self, username: str) -> RunningServer:
        """Start a server that has used some CPU and memory."""

    def use(self, server: RunningServer) -> None:
        """Let *server* use CPU."""

    def restart(self, server: RunningServer) -> None:
        """End what *server* consists of and start it again under the same state, if it can be.

        The kernel's or the daemon's counters begin at zero then.
        """

    def end(self, server: RunningServer) -> None:
        """End *server*; the Hub has not noticed yet."""

    def garble(self) -> None:
        """Make everything that the sampler reads nonsense."""

    def hang(self) -> None:
        """Make everything that the sampler asks take for ever (or the clock run away)."""


class MakeRig(Protocol):
    """Sets up a rig in an empty folder, and takes it down."""

    def __call__(self, folder: Path) -> AbstractContextManager[SamplerRig]: ...
