"""Waiting for what a real Hub's health checks see."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from support.real_hub import RealHub

INTERVAL, TIMEOUT = 1.0, 2.0
SLACK = 25.0  # for a busy machine; the promise is the interval plus the timeout

QUICK = f"""
names = ["database", "proxy", "public_url", "spawners", "event_loop", "disk", "certificate"]
names += ["hang", "hang_async", "block"]
c.MonitoringHealth.intervals = dict.fromkeys(names, {INTERVAL})
c.MonitoringHealth.timeouts = dict.fromkeys(names, {TIMEOUT})
"""


def status(hub: RealHub, check: str) -> str:
    """Return what anybody is told about *check*: asked at the Hub itself, without a token."""
    answer = hub.get(f"hub/health/checks/{check}", token=None, direct=True)
    assert answer.status == (200 if answer.json["status"] in ("pass", "warn") else 503)
    return answer.json["status"]


def last_code(hub: RealHub, check: str) -> str | None:
    """Return the code that the log gave last for *check*; None when it is healthy.

    From the log, because a Hub whose database is down can look up no token.
    """
    lines = re.findall(rf"health: {check} is (.*)", hub.log)
    if not lines or lines[-1].startswith("healthy again"):
        return None
    return lines[-1].rpartition("[")[2].rstrip("]")


def wait_for_code(hub: RealHub, check: str, code: str | None, extra: float = 0) -> float:
    """Wait for *code* (None: healthy); return the seconds. Fails beyond interval plus timeout."""
    begun = time.monotonic()
    while time.monotonic() - begun < INTERVAL + TIMEOUT + SLACK + extra:
        if last_code(hub, check) == code and (code or status(hub, check) == "pass"):
            return time.monotonic() - begun
        time.sleep(0.1)
    raise AssertionError(
        f"{check}: expected {code}, is {last_code(hub, check)}\n" + hub.log[-4000:]
    )


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Make a file one that nobody can write, not even root."""
    immutable = os.geteuid() == 0
    if immutable:
        subprocess.run(["chattr", "+i", str(path)], check=True)
    else:
        path.chmod(0o444)
    try:
        yield
    finally:
        if immutable:
            subprocess.run(["chattr", "-i", str(path)], check=True)
        else:
            path.chmod(0o644)
