"""What the cgroup of a server is called, from what its spawner recorded.

SystemdSpawner   unit_name   jupyter-ann-singleuser.service   in a slice
DockerSpawner    object_id   docker-ID.scope in a slice, libpod-ID.scope, /docker/ID
batchspawner     job_id      job_ID below slurm/uid_1000 (v1), slurmstepd.scope (v2)
"""

from __future__ import annotations

import re

from .container import container_id
from .model import RunningServer
from .recorded import recorded, recorded_text

_UNIT = re.compile(r"[^\x00-\x1f\x7f/]{1,240}")
_ESCAPED = re.compile(rb"[^A-Za-z0-9:_.\\@-]")
_JOB = re.compile(r"\d{1,20}")
_UNIT_KINDS = (".service", ".scope")


def unit_name(server: RunningServer) -> str:
    """Return the systemd unit of *server* as it is called in the cgroup tree, or ''."""
    recorded_name = recorded_text(server, "unit_name")
    if not _UNIT.fullmatch(recorded_name):
        return ""
    name = escaped(recorded_name)
    return name if name.endswith(_UNIT_KINDS) else f"{name}.service"


def job_id(server: RunningServer) -> str:
    """Return the number of the batch job that *server* is, or ''."""
    found = recorded(server, "job_id")
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return found if isinstance(found, str) and _JOB.fullmatch(found) else ""


def cgroup_names(server: RunningServer) -> tuple[str, ...]:
    """Return what the last part of the path of *server*'s cgroup may be; none where unknown."""
    if unit := unit_name(server):
        return (unit,)
    if container := container_id(server):
        return (f"docker-{container}.scope", f"libpod-{container}.scope", container)
    if job := job_id(server):
        return (f"job_{job}",)
    return ()


def escaped(name: str) -> str:
    r"""Write *name* as systemd-run does: a space becomes \x20."""
    data = name.encode(errors="surrogateescape")
    return _ESCAPED.sub(lambda byte: b"\\x%02x" % byte[0][0], data).decode()
