"""A real Hub with the monitoring service on, and a look at the service's process."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from .real_hub import Answer, RealHub

PAGE = "services/monitoring/"
ASKER = """
c.JupyterHub.load_roles.append(dict(
    name='asker', services=['test'], scopes=['access:services!service=monitoring'],
))
c.JupyterHub.services.append(dict(name='plain', api_token='plain-0123456789'))
c.MonitoringScrape.interval_seconds = 1
c.MonitoringScrape.timeout_seconds = 1
"""


def eventually(what: Callable[[], Any], seconds: float = 90) -> Any:
    """Return the first true value of *what*; an exception of it counts as false."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = what()
        except Exception as error:  # noqa: BLE001 -- the Hub or the service is away for a moment
            last = error
        else:
            if last:
                return last
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {last!r}")


class ServiceHub(RealHub):
    """A Hub whose service token may ask the monitoring service."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.service = True
        self.config = ASKER + textwrap.dedent(self.config)

    @property
    def data_dir(self) -> Path:
        """Where the service keeps its state by default."""
        return self.folder / "jupyterhub-monitoring"

    @property
    def services(self) -> list[psutil.Process]:
        """The service's processes that this Hub started."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        return [p for p in children if p.cmdline()[-2:] == ["jupyterhub_monitoring", "service"]]

    def ask(self, path: str = "", **kwargs: Any) -> Answer:
        """Ask the service through the proxy."""
        return self.get(PAGE + path, **kwargs)

    def ask_directly(self, path: str = "", **kwargs: Any) -> Answer:
        """Ask the service past the proxy, which logs each address that is refused."""
        url = self.services[0].environ()["JUPYTERHUB_SERVICE_URL"]
        return self.get(PAGE + path, base=f"{url.rstrip('/')}/", **kwargs)

    def health(self) -> dict[str, Any]:
        """Return the service's own health report, as soon as the service answers."""
        report: dict[str, Any] = eventually(lambda: self.ask("health").json)
        return report

    def codes(self) -> dict[str, str]:
        """Return the health codes that stand, with their messages."""
        checks = self.health().get("checks", {}).values()
        return {c["jupyterhub:code"]: c["output"] for found in checks for c in found}

    def wait_for_code(self, code: str, seconds: float = 90) -> str:
        """Wait until *code* stands; return its message."""
        message: str = eventually(lambda: self.codes().get(code), seconds)
        return message

    def wait_until_open(self, seconds: float = 90) -> None:
        """Wait until queries are answered."""
        eventually(lambda: self.ask("-/ready").status == 200, seconds)
