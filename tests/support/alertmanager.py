"""A real Alertmanager, on a free port."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from support.peers import find
from support.ports import free_port

SHARE = b"/usr/share/prometheus/alertmanager"
"""Where Debian's looks for its templates; it has no option for that."""

SILENT = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class RealAlertmanager:
    """Alertmanager with *config* in *folder*; it may be killed, and started again."""

    def __init__(self, folder: Path, config: str = SILENT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "am.yml").write_text(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "am.log").read_text(errors="replace")

    def start(self) -> None:
        program, share = self._program()
        with (self.folder / "am.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(program),
                    f"--config.file={self.folder / 'am.yml'}",
                    f"--storage.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=share,
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def ready(self, within_seconds: float = 60.0) -> None:
        """Return once it answers."""
        deadline = time.monotonic() + within_seconds
        while True:
            try:
                self.api("status")
            except OSError:  # noqa: PERF203 -- that is polling
                assert self.process is not None
                assert self.process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.1)
            else:
                return

    def api(self, path: str) -> Any:
        """Ask the API v2. Raises OSError while it is away."""
        with urllib.request.urlopen(f"{self.url}/api/v2/{path}", timeout=30) as response:
            return json.load(response)

    def _program(self) -> tuple[Path, Path]:
        """The program, and the folder with its templates, in which it is to run.

        One that is unpacked and not installed would not find them: it gets a copy that looks in
        the folder in which it runs, by a path of the same length.
        """
        found = find("alertmanager")
        if Path(SHARE.decode()).is_dir():
            return found, Path(SHARE.decode())
        copy = self.folder / "alertmanager"
        if not copy.exists():
            here = b"./" * (len(SHARE) // 2)
            copy.write_bytes(found.read_bytes().replace(SHARE, here))
            copy.chmod(0o700)
        return copy, found.parents[2] / SHARE.decode().lstrip("/")
