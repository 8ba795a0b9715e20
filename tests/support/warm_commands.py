"""The command line in processes that begin at once: forks of one that has imported everything.

    with WarmCommands() as warm, warm.run(["import", ...], ["serve", ...], log=path):
        ...

Each fork is a process of its own that calls the `main` of `jupyterhub-monitoring`, as the console
script does, once for each command. An interpreter's start and imports, a second or so, are paid
once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1]


class WarmCommands:
    """The process that forks, while this is entered."""

    def __enter__(self) -> WarmCommands:  # noqa: PYI034 -- nobody subclasses it
        code = "from support.warm_commands import fork_forever; fork_forever()"
        self._parent = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._parent.stdin
        self._parent.stdin.close()
        self._parent.wait(10)

    @contextmanager
    def run(self, *commands: Sequence[object], log: Path) -> Iterator[int]:
        """Run *commands* one after the other; what they say goes to *log*. The process's id.

        The process is ended with the block.
        """
        assert self._parent.stdin
        assert self._parent.stdout
        order = [list(map(str, command)) for command in commands]
        print(json.dumps([str(log), order]), file=self._parent.stdin, flush=True)
        process = int(self._parent.stdout.readline())
        try:
            yield process
        finally:
            os.kill(process, signal.SIGKILL)


def fork_forever() -> None:
    """Fork for each line of the standard input, and say the number of the process."""
    from jupyterhub_monitoring import cli  # noqa: PLC0415 -- only here, not where tests run
    from jupyterhub_monitoring.service import standalone  # noqa: F401, PLC0415 -- for the forks

    for verb in ("import", "serve"):
        cli.load(verb)
    children: list[int] = []
    for line in sys.stdin:
        log, commands = json.loads(line)
        child = os.fork()
        if not child:
            _become(log, commands)
        children.append(child)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    for child in children:
        os.waitpid(child, 0)


def _become(log: str, commands: list[list[str]]) -> None:
    """Run *commands* in this fork, which then ends."""
    status = 1
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        from jupyterhub_monitoring import cli  # noqa: PLC0415 -- as above

        status = next((status for command in commands if (status := cli.main(command))), 0)
    except BaseException:  # noqa: BLE001 -- into the log, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
