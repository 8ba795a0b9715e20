"""Which backends there are, in the order in which they are asked whether a server is theirs.

A pod's numbers come before whatever else its state may lead to; a cgroup knows limits and memory
better than the Docker Engine's API, which knows them better than the sum over processes.
"""

from __future__ import annotations

import importlib

from .cgroup import CgroupSampler
from .collector import LooksAtHomes
from .docker import DockerSampler
from .gpu_owners import ServersGpus
from .homes import HomeWalker
from .homes_place import HomePlace, home_template
from .kubernetes import KubernetesSampler
from .model import UsageSampler
from .options import UsageOptions
from .process import ProcessSampler
from .sampling import Sampling


def make_sampling(options: UsageOptions) -> Sampling:
    """Return all backends, as *options* want them. Nothing is opened or asked yet."""
    samplers: list[UsageSampler] = [
        KubernetesSampler(options.kubernetes_namespace),
        CgroupSampler(),
        DockerSampler(options.docker_socket),
        ProcessSampler(pss_seconds=options.pss_seconds),
    ]
    return Sampling(samplers, extras=[ServersGpus()], forced=options.backend)


def make_homes(options: UsageOptions) -> LooksAtHomes | None:
    """Return what walks over home directories, None where nobody wants that.

    Raises ValueError where they cannot be found as *options* say.
    """
    if not options.homes:
        return None
    return HomeWalker(
        _place(options.homes),
        operations_per_second=options.homes_operations_per_second,
        interval_seconds=options.homes_interval_seconds,
    )


def _place(homes: str) -> HomePlace:
    """Return what finds a home: a template's folder, or the function that `module:name` is."""
    if homes.startswith("/"):
        return home_template(homes)
    module, _, name = homes.partition(":")
    try:
        place: HomePlace = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 -- whatever the operator's module does
        raise ValueError(f"{homes!r} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(place):
        raise ValueError(f"{homes!r} is no function")  # noqa: TRY004 -- a setting has a wrong value
    return place
