"""Ports for programs that cannot choose one themselves."""

from __future__ import annotations

import random
import socket

RANGE = range(11_000, 32_000)
"""Below those that the kernel gives to outgoing connections: none of them can be in the way."""

_ours: list[socket.socket] = []


def free_port() -> int:
    """Return a port that nobody uses and that no other test, in whatever process, is given.

    An abstract Unix socket of the port's name says that it is taken, until this process ends.
    """
    numbers = random.Random()  # Hypothesis seeds the module's own: all processes would draw alike
    while True:
        port = numbers.choice(RANGE)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0jupyterhub-monitoring-test-port-{port}")
            with socket.socket() as free:
                free.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _ours.append(claim)
        return port
