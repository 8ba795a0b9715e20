"""What servers use of NVIDIA's GPUs, by NVML, where a driver and the package nvidia-ml-py exist.

NVML knows processes; whose they are is known to whoever looks at processes. Without a driver or
without the package nothing is known and nothing is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey, Usage

OwnerOf = Callable[[int], "ServerKey | None"]
"""Takes a process id, returns the server that it belongs to, or None."""

INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""The kernel's own number of it, the same on every machine."""

FIRST_WINDOW_SECONDS = 15.0
MICROSECONDS = 1e6

_REASONS = {
    "NVML_ERROR_NO_PERMISSION": GapReason.PERMISSION,
    "NVML_ERROR_TIMEOUT": GapReason.TIMEOUT,
}
_NOT_OFFERED = ("NVML_ERROR_NOT_SUPPORTED", "NVML_ERROR_FUNCTION_NOT_FOUND")
"""A GPU, a driver or a mode (MIG) that does not tell this: unknown, and no fault."""

_NOTHING = ("NVML_ERROR_NOT_FOUND",)
"""No process was busy; or no instance of a GPU has this number."""


def installed_nvml() -> Any:
    """Return the module pynvml, None where it is not installed."""
    try:
        return import_module("pynvml")
    except ImportError:
        return None


def sees_all_processes() -> bool:
    """Whether process ids mean to us what they mean to the driver, that is, outside of containers.

    Within one a number of the driver's could be that of somebody else's process.
    """
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == INITIAL_PID_NAMESPACE
    except OSError:
        return False


@dataclass(slots=True)
class _Use:
    """One server's use of one or more GPUs; None once a part of it is unknown."""

    utilization: float | None = None
    memory: float | None = None

    def add(self, other: _Use) -> None:
        """Add the use of a further GPU."""
        self.utilization = _sum(self.utilization, other.utilization)
        self.memory = _sum(self.memory, other.memory)


class GpuSampler:
    """Adds GPUs to what other samplers know of a server: to be asked after they have looked.

    `gpu_utilization_ratio` is the share of time in which a kernel of the server's ran, summed over
    GPUs: 2.0 is two GPUs in use all the time. Servers without a process on a GPU get an empty
    `Usage`. *owner_of* says whose a process is.
    """

    backend = Backend.GPU

    def __init__(self, owner_of: OwnerOf, *, nvml: Any = None) -> None:
        self._owner_of = owner_of
        found = installed_nvml() if nvml is None else nvml
        self._nvml: Any = found if found is not None and sees_all_processes() else None
        self._ready = False
        self._seen_until: dict[int, int] = {}
        self._on: dict[int, set[ServerKey]] = {}
        self.partial_gaps: tuple[Gap, ...] = ()
        """Why GPUs could not be asked in the last round, one for each of them."""

    def claims(self, server: RunningServer) -> bool:  # noqa: ARG002 -- any server may use a GPU
        """Whether there is something to ask."""
        return self._nvml is not None

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Return what *servers* use of the GPUs. Nothing is asked where no server runs."""
        uses: dict[ServerKey, _Use] = {}
        unknown: set[ServerKey] = set()
        gaps: list[Gap] = []
        if servers and self._begin():
            for index in range(self._count(gaps)):
                try:
                    found = self._device(index)
                except self._nvml.NVMLError as error:
                    gaps.append(self._gap(error))
                    unknown |= self._on.get(index, set())
                    continue
                self._on[index] = set(found)
                for key, use in found.items():
                    uses.setdefault(key, _Use(0.0, 0.0)).add(use)
        self.partial_gaps = tuple(gaps)
        known = {key: use for key, use in uses.items() if key not in unknown}
        return {server.key: _usage(known.get(server.key)) for server in servers}

    def close(self) -> None:
        """Let go of the driver."""
        if self._ready:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._ready = False

    def _begin(self) -> bool:
        """Return whether there is a driver; where there is none, it is not looked for again."""
        if self._nvml is None or self._ready:
            return self._ready
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError:
            self._nvml = None
            return False
        self._ready = True
        return True

    def _count(self, gaps: list[Gap]) -> int:
        try:
            return int(self._nvml.nvmlDeviceGetCount())
        except self._nvml.NVMLError as error:
            gaps.append(self._gap(error))
            self.close()  # a driver that was loaded again wants a new beginning
            return 0

    def _device(self, index: int) -> dict[ServerKey, _Use]:
        """Return the use of one GPU by server. `NVMLError` where it cannot be asked."""
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        memory, busy = self._memory(handle), self._utilization(index, handle)
        uses: dict[ServerKey, _Use] = {}
        for pid in memory or busy or ():
            owner = self._owner_of(pid)
            if owner is not None:
                use = _Use(
                    None if busy is None else busy.get(pid, 0.0),
                    None if memory is None else memory[pid],
                )
                uses.setdefault(owner, _Use(0.0, 0.0)).add(use)
        return uses

    def _memory(self, handle: Any) -> dict[int, float | None] | None:
        """Return the bytes of each process that runs, None where no list of them is offered."""
        lists = [self._processes(part) for part in self._parts(handle)]
        offered = [listed for listed in lists if listed is not None]
        found: dict[int, float | None] = {}
        for listed in offered:
            for pid, used in listed.items():
                found[pid] = _sum(found.get(pid, 0.0), used)
        return found if offered else None

    def _processes(self, part: Any) -> dict[int, float | None] | None:
        """Return the bytes of each process of a GPU or of an instance of one."""
        lists = [
            self._offered(ask, part, nothing=())
            for ask in (
                self._nvml.nvmlDeviceGetComputeRunningProcesses,
                self._nvml.nvmlDeviceGetGraphicsRunningProcesses,
            )
        ]
        if lists == [None, None]:
            return None
        # One that computes and draws is in both lists, each time with all of its memory.
        return {process.pid: process.usedGpuMemory for listed in lists for process in listed or ()}

    def _parts(self, handle: Any) -> Iterator[Any]:
        """Yield the instances that a GPU is cut into (MIG), or the GPU itself."""
        mode = self._offered(self._nvml.nvmlDeviceGetMigMode, handle)
        if not mode or mode[0] != self._nvml.NVML_DEVICE_MIG_ENABLE:
            yield handle
            return
        for index in range(self._nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            part = self._offered(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if part is not None:
                yield part

    def _utilization(self, index: int, handle: Any) -> dict[int, float] | None:
        """Return the mean share of time of each process that was busy since the last look.

        None where the GPU does not tell. One that is not named was idle, says NVML's manual.
        """
        since = self._seen_until.get(index) or _microseconds_ago(FIRST_WINDOW_SECONDS)
        samples = self._offered(
            self._nvml.nvmlDeviceGetProcessUtilization, handle, since, nothing=()
        )
        if samples is None:
            return None
        shares: dict[int, list[float]] = {}
        for sample in samples:
            # The driver leaves parts of the list unwritten: no pid, old times, odd percentages.
            if sample.pid and sample.timeStamp > since and sample.smUtil <= 100:
                shares.setdefault(sample.pid, []).append(sample.smUtil / 100)
                self._seen_until[index] = max(self._seen_until.get(index, 0), sample.timeStamp)
        return {pid: sum(found) / len(found) for pid, found in shares.items()}

    def _offered(self, ask: Callable[..., Any], *about: Any, nothing: Any = None) -> Any:
        """Return what NVML tells; *nothing* where there is none, None where it does not tell."""
        try:
            return ask(*about)
        except self._nvml.NVMLError as error:
            if self._is(error, _NOTHING):
                return nothing
            if self._is(error, _NOT_OFFERED):
                return None
            raise

    def _gap(self, error: Any) -> Gap:
        reasons = (reason for name, reason in _REASONS.items() if self._is(error, (name,)))
        return Gap(next(reasons, GapReason.UNREACHABLE), f"NVML: {error}")

    def _is(self, error: Any, names: Iterable[str]) -> bool:
        """Whether *error* is one of NVML's of these *names*."""
        return error.value in {getattr(self._nvml, name) for name in names}


def _microseconds_ago(seconds: float) -> int:
    return int((time.time() - seconds) * MICROSECONDS)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _usage(use: _Use | None) -> Usage:
    if use is None:
        return Usage()
    return Usage(gpu_utilization_ratio=use.utilization, gpu_memory_bytes=use.memory)
