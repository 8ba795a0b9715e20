"""The container that a server runs in, as DockerSpawner and its like record it."""

from __future__ import annotations

import re

from .model import RunningServer
from .recorded import recorded_text

_ID = re.compile(r"[0-9a-f]{64}")


def container_id(server: RunningServer) -> str:
    """Return the id of the container of *server*, or ''.

    SwarmSpawner records the id of a service, which is shorter: where its container is, and what
    it is called there, is not known.
    """
    for name in ("object_id", "container_id"):
        found = recorded_text(server, name)
        if _ID.fullmatch(found):
            return found
    return ""
