"""Whose processes use the GPUs, where there are any; and silence where there are none."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module

import pytest

from jupyterhub_monitoring.usage import gpu
from jupyterhub_monitoring.usage.gpu import GpuSampler
from jupyterhub_monitoring.usage.model import GapReason, RunningServer, ServerKey, Usage
from support.fake_nvml import CODES, FakeNvml, Gpu, now_and_then

ANN, BOB = ServerKey("ann", ""), ServerKey("bob", "lab")
SERVERS = [RunningServer(ANN), RunningServer(BOB)]
OWNERS = {10: ANN, 11: ANN, 20: BOB}
"""Whose the processes are; all others are nobody's."""

MIB = 2**20


@pytest.fixture(autouse=True)
def outside_of_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run in one."""
    monkeypatch.setattr(gpu, "sees_all_processes", lambda: True)


def sampler(*gpus: Gpu, **refuses: str) -> GpuSampler:
    return GpuSampler(OWNERS.get, nvml=FakeNvml(*gpus, **refuses))


def look(of: GpuSampler) -> dict[ServerKey, tuple[float | None, float | None]]:
    """Utilization and bytes of each server of which either is known."""
    found = {}
    for key, usage in of.sample(SERVERS).items():
        assert isinstance(usage, Usage)
        assert usage == Usage(
            gpu_utilization_ratio=usage.gpu_utilization_ratio,
            gpu_memory_bytes=usage.gpu_memory_bytes,
        )
        found[key] = usage.gpu_utilization_ratio, usage.gpu_memory_bytes
    return {key: both for key, both in found.items() if both != (None, None)}


def test_processes_are_their_servers() -> None:
    """A server has the sum of its processes on all GPUs; others' processes are nobody's."""
    one = Gpu({10: 100 * MIB, 11: 10 * MIB, 99: MIB}, samples=now_and_then(50, pid=10))
    two = Gpu({11: MIB, 20: 5 * MIB}, samples=now_and_then(100, pid=11))
    assert look(sampler(one, two)) == {ANN: (1.5, 111 * MIB), BOB: (0.0, 5 * MIB)}


def test_a_server_without_a_process_on_a_gpu_has_no_series() -> None:
    """Most servers use none: no zeros for them."""
    assert look(sampler(Gpu({20: MIB}))) == {BOB: (0.0, MIB)}


def test_one_that_computes_and_draws_is_counted_once() -> None:
    """It is in both of the driver's lists, each time with all of its memory."""
    assert look(sampler(Gpu({10: MIB}, {10: MIB, 11: 2 * MIB}))) == {ANN: (0.0, 3 * MIB)}


def test_utilization_is_the_mean_since_the_last_look() -> None:
    """What was counted once does not count again, and unwritten records count never."""
    card = Gpu({10: MIB}, samples=now_and_then(20, 40, 90, pid=10))
    one = sampler(card)
    assert look(one) == {ANN: (0.5, MIB)}
    assert look(one) == {ANN: (0.0, MIB)}
    card.samples.append((10, time.time() + 1, 70))
    assert look(one) == {ANN: (0.7, MIB)}


def test_the_first_look_looks_back_a_little() -> None:
    """What a process did before we were started is none of the present."""
    card = Gpu({10: MIB}, samples=[(10, time.time() - 3600, 100)])
    assert look(sampler(card)) == {ANN: (0.0, MIB)}


UNKNOWN = {
    "memory of a process": (Gpu({10: None, 11: MIB}), {ANN: (0.0, None)}),
    "utilization": (Gpu({10: MIB}, refuses={"utilization": "NOT_SUPPORTED"}), {ANN: (None, MIB)}),
    "old driver": (
        Gpu({10: MIB}, refuses={"utilization": "FUNCTION_NOT_FOUND"}),
        {ANN: (None, MIB)},
    ),
    "graphics": (Gpu({10: MIB}, refuses={"graphics": "NOT_SUPPORTED"}), {ANN: (0.0, MIB)}),
    "everything": (
        Gpu(refuses=dict.fromkeys(("compute", "graphics", "utilization"), "NOT_SUPPORTED")),
        {},
    ),
}


@pytest.mark.parametrize(("card", "known"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_a_gpu_does_not_tell_is_unknown(card, known) -> None:
    """Never zero, never a part of the sum, and no error either."""
    one = sampler(card)
    assert look(one) == known
    assert one.partial_gaps == ()


def test_utilization_is_known_without_memory() -> None:
    """A card that tells nothing of memory still tells what it did since the last look."""
    refuses = {"compute": "NOT_SUPPORTED", "graphics": "NOT_SUPPORTED"}
    card = Gpu(samples=now_and_then(50, pid=10), refuses=refuses)
    assert look(sampler(card)) == {ANN: (0.5, None)}


def test_instances_of_a_gpu_are_asked_one_by_one() -> None:
    """With MIG memory is known of each instance, and utilization of none."""
    card = Gpu(instances=[Gpu({10: MIB}), None, Gpu({20: 2 * MIB, 10: MIB})])
    assert look(sampler(card)) == {ANN: (None, 2 * MIB), BOB: (None, 2 * MIB)}


FAULTS = {
    "NO_PERMISSION": GapReason.PERMISSION,
    "TIMEOUT": GapReason.TIMEOUT,
    "GPU_IS_LOST": GapReason.UNREACHABLE,
    "UNKNOWN": GapReason.UNREACHABLE,
}


@pytest.mark.parametrize(("error", "expected"), FAULTS.items())
@pytest.mark.parametrize("call", ["handle", "compute", "utilization", "mig"])
def test_a_gpu_that_fails_hides_whom_it_had(call: str, error: str, expected: GapReason) -> None:
    """Its users' numbers would be too small without it; the others' are known, the reason too."""
    one, two = Gpu({10: MIB}), Gpu({10: MIB, 20: MIB})
    of = sampler(one, two)
    assert look(of) == {ANN: (0.0, 2 * MIB), BOB: (0.0, MIB)}
    one.refuses[call] = error
    assert look(of) == {BOB: (0.0, MIB)}
    assert [gap.reason for gap in of.partial_gaps] == [expected]
    one.refuses.clear()
    assert look(of) == {ANN: (0.0, 2 * MIB), BOB: (0.0, MIB)}
    assert of.partial_gaps == ()


@pytest.mark.parametrize("error", ["LIBRARY_NOT_FOUND", "DRIVER_NOT_LOADED", "UNKNOWN"])
def test_without_a_driver_there_is_silence(error: str) -> None:
    """No numbers, no errors, and it is not looked for at each round."""
    nvml = FakeNvml(Gpu({10: MIB}), init=error)
    one = GpuSampler(OWNERS.get, nvml=nvml)
    for _ in range(3):
        assert look(one) == {}
        assert one.partial_gaps == ()
    assert nvml.inits == 1
    assert not one.claims(SERVERS[0])
    one.close()
    assert nvml.shutdowns == 0


def test_without_the_package_there_is_silence() -> None:
    """The extra `gpu` is optional: nothing is claimed, and nothing raises."""
    code = (
        "import sys; sys.modules['pynvml'] = None\n"
        "from jupyterhub_monitoring.usage.gpu import GpuSampler\n"
        "from jupyterhub_monitoring.usage.model import RunningServer, ServerKey, Usage\n"
        "one, server = GpuSampler(lambda pid: None), RunningServer(ServerKey('a', ''))\n"
        "assert not one.claims(server)\n"
        "assert one.sample([server]) == {server.key: Usage()} and one.partial_gaps == ()\n"
        "one.close()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_in_a_container_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's process numbers are the host's: ours of the same value are somebody else's."""
    monkeypatch.setattr(gpu, "sees_all_processes", lambda: False)
    assert look(sampler(Gpu({10: MIB}))) == {}


def test_a_driver_that_was_loaded_again_is_found_again() -> None:
    """An update of the driver costs a round, with its reason, and not the rest of the day."""
    nvml = FakeNvml(Gpu({10: MIB}))
    one = GpuSampler(OWNERS.get, nvml=nvml)
    look(one)
    nvml.count = "UNINITIALIZED"
    assert look(one) == {}
    assert [gap.reason for gap in one.partial_gaps] == [GapReason.UNREACHABLE]
    nvml.count = ""
    assert look(one) == {ANN: (0.0, MIB)}
    assert nvml.inits == 2


def test_without_servers_nothing_is_asked() -> None:
    """A Hub at night leaves the driver alone, and closing it lets go of the driver."""
    nvml = FakeNvml(Gpu({10: MIB}))
    one = GpuSampler(OWNERS.get, nvml=nvml)
    assert one.sample([]) == {}
    assert nvml.inits == 0
    look(one)
    one.close()
    one.close()
    assert nvml.shutdowns == 1


@pytest.mark.parametrize(
    "name",
    [
        *("nvmlInit", "nvmlShutdown", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"),
        *("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"),
        *("nvmlDeviceGetMigMode", "nvmlDeviceGetMaxMigDeviceCount", "NVML_DEVICE_MIG_ENABLE"),
        *("nvmlDeviceGetMigDeviceHandleByIndex", "nvmlDeviceGetProcessUtilization", "NVMLError"),
    ],
)
def test_the_real_package_has_what_we_call(name: str) -> None:
    """A new nvidia-ml-py without one of them is noticed here."""
    assert hasattr(import_module("pynvml"), name)


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_the_stand_in_errs_as_the_real_package(name: str, code: int) -> None:
    """Errors have the codes by which we tell them apart."""
    real = import_module("pynvml")
    assert getattr(real, f"NVML_ERROR_{name}") == real.NVMLError(code).value == code
