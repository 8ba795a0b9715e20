"""A program of the operator's own: it gets the webhook's JSON on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from ...errors import DeliveryFailed
from ..message import Message
from .redact import longest_first, redacted
from .webhook import payload

TIMEOUT_SECONDS = 30.0

SAID_BYTES = 4_096
"""What is read of a program's standard error: its first line says why it failed."""

SAID_CHARACTERS = 200

HUBS_SECRETS = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
"""Beginnings of the variables that a program does not get: our token is among them."""


@dataclass
class Script:
    """Runs a program for each message: exit status 0 is "taken", any other is tried again.

    *arguments* may hold secrets; only the program's name is shown. It runs in a process group of
    its own, which is ended when the program is, or after *timeout_seconds*.
    """

    program: str
    arguments: Sequence[str] = field(default=(), repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS
    sends_resolved: bool = True
    kind: str = "script"

    async def send(self, message: Message) -> None:
        """Run the program once. Raises `DeliveryFailed`."""
        try:
            process = await asyncio.create_subprocess_exec(
                self.program,
                *self.arguments,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=PIPE,
                env=_environment(message),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it cannot be run"
            raise DeliveryFailed(f"{self.program} did not start: {why}") from None
        try:
            said = await asyncio.wait_for(_talk(process, message), self.timeout_seconds)
        except (asyncio.TimeoutError, TimeoutError):
            if process.returncode == 0:  # it left a child behind that holds its standard error
                return
            why = f"{self.program} did not end within {self.timeout_seconds:g} s and was killed"
            raise DeliveryFailed(why) from None
        finally:
            await _end(process)
        if process.returncode:
            raise DeliveryFailed(self._failure(process.returncode, said))

    def _failure(self, status: int, said: str) -> str:
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with {status}"
        line = redacted(said.strip().partition("\n")[0], longest_first(self.arguments))
        return f"{self.program} {ended}" + (f": {line[:SAID_CHARACTERS]}" if line else "")


async def _talk(process: Process, message: Message) -> str:
    """Write the JSON, read the beginning of what is said, wait for the end."""
    assert process.stdin is not None  # noqa: S101 -- it is a pipe
    assert process.stderr is not None  # noqa: S101
    writing = asyncio.ensure_future(_write(process.stdin, orjson.dumps(payload(message))))
    try:
        said = bytearray()
        while chunk := await process.stderr.read(SAID_BYTES):
            said += chunk[: SAID_BYTES - len(said)]
        await process.wait()
    finally:
        writing.cancel()
    return said.decode("utf-8", "replace")


async def _write(stdin: asyncio.StreamWriter, text: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # a program need not read
        stdin.write(text)
        await stdin.drain()
        stdin.close()


async def _end(process: Process) -> None:
    """Kill what is left of the program's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _environment(message: Message) -> dict[str, str]:
    """Return our environment without the Hub's secrets, and what a short script wants to know."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(HUBS_SECRETS)}
    return {
        **ours,
        "ALERT_STATUS": message.status,
        "ALERT_NAME": dict(message.common_labels).get("alertname", ""),
        "ALERT_COUNT": str(len(message.alerts) + message.truncated_alerts),
    }
