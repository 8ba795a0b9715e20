"""The module pynvml without a driver: its calls, records and errors, and GPUs as a test wants them.

Names, codes and shapes are those of nvidia-ml-py 13.
"""
# ruff: noqa: N802, N803 -- the names are the package's

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

CODES = {
    "UNINITIALIZED": 1,
    "NOT_SUPPORTED": 3,
    "NO_PERMISSION": 4,
    "NOT_FOUND": 6,
    "DRIVER_NOT_LOADED": 9,
    "TIMEOUT": 10,
    "LIBRARY_NOT_FOUND": 12,
    "FUNCTION_NOT_FOUND": 13,
    "GPU_IS_LOST": 15,
    "UNKNOWN": 999,
}


class NVMLError(Exception):
    """As pynvml's: has the code as `value`."""

    def __init__(self, value: int) -> None:
        super().__init__()
        self.value = value

    def __str__(self) -> str:
        return next(name for name, code in CODES.items() if code == self.value)


@dataclass
class Gpu:
    """A GPU, or an instance of one. `refuses` has an error's name for each call that fails."""

    compute: dict[int, int | None] = field(default_factory=dict)
    """Bytes of each process; None where the driver does not know."""
    graphics: dict[int, int | None] = field(default_factory=dict)
    samples: list[tuple[int, float, int]] = field(default_factory=list)
    """Process, seconds since 1970, percent."""
    instances: list[Gpu | None] | None = None
    refuses: dict[str, str] = field(default_factory=dict)


class FakeNvml:
    """To be used in place of the module."""

    NVMLError = NVMLError
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, *gpus: Gpu, init: str = "", count: str = "") -> None:
        self.gpus, self.init, self.count = gpus, init, count
        self.inits = self.shutdowns = 0
        self.since: list[int] = []
        for name, code in CODES.items():
            setattr(self, f"NVML_ERROR_{name}", code)

    def nvmlInit(self) -> None:
        self.inits += 1
        _fail(self.init)

    def nvmlShutdown(self) -> None:
        self.shutdowns += 1

    def nvmlDeviceGetCount(self) -> int:
        _fail(self.count)
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:
        gpu = self.gpus[index]
        _fail(gpu.refuses.get("handle", ""))
        return gpu

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Gpu) -> list[Any]:
        _fail(handle.refuses.get("compute", ""))
        return _processes(handle.compute)

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Gpu) -> list[Any]:
        _fail(handle.refuses.get("graphics", ""))
        return _processes(handle.graphics)

    def nvmlDeviceGetMigMode(self, device: Gpu) -> list[int]:
        _fail(device.refuses.get("mig", "NOT_SUPPORTED" if device.instances is None else ""))
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, _device: Gpu) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: Gpu, index: int) -> Gpu:
        instances = device.instances or []
        found = instances[index] if index < len(instances) else None
        if found is None:
            raise NVMLError(CODES["NOT_FOUND"])
        return found

    def nvmlDeviceGetProcessUtilization(self, handle: Gpu, timeStamp: int) -> list[Any]:
        """Samples since *timeStamp*; and as drivers do, records that were not written."""
        self.since.append(timeStamp)
        _fail(
            handle.refuses.get("utilization", "" if handle.instances is None else "NOT_SUPPORTED")
        )
        samples = [
            SimpleNamespace(pid=pid, timeStamp=int(at * 1e6), smUtil=percent, memUtil=1)
            for pid, at, percent in handle.samples
            if int(at * 1e6) > timeStamp
        ]
        if not samples:
            raise NVMLError(CODES["NOT_FOUND"])
        unwritten = SimpleNamespace(pid=0, timeStamp=0, smUtil=0, memUtil=0)
        odd = SimpleNamespace(pid=samples[0].pid, timeStamp=2**63, smUtil=3722304989, memUtil=0)
        return [*samples, unwritten, odd]


def _fail(name: str) -> None:
    if name:
        raise NVMLError(CODES[name])


def _processes(used: dict[int, int | None]) -> list[Any]:
    return [
        SimpleNamespace(pid=pid, usedGpuMemory=size, gpuInstanceId=0xFFFFFFFF, computeInstanceId=0)
        for pid, size in used.items()
    ]


def now_and_then(*percent: int, pid: int) -> list[tuple[int, float, int]]:
    """Samples of a process, the last one now."""
    end = time.time()
    return [(pid, end - 0.1 * back, one) for back, one in enumerate(reversed(percent))]
