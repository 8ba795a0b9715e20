"""What people, services and accidents do to a Hub, for tests that then look at its numbers."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from support.real_hub import Answer, Browser, RealHub

T = TypeVar("T")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def wait_until(what: Callable[[], T], seconds: float = 120, *, why: str = "") -> T:
    """Return what *what* returns as soon as it is true; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {seconds} s: {why or what} ({value!r})")
        time.sleep(0.1)
    return value


def total(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of *name*'s samples with these labels; 0 when there are none."""
    wanted = frozenset(labels.items())
    return sum(
        value
        for (sample, pairs), value in samples.items()
        if sample == f"jupyterhub_{name}" and wanted <= pairs
    )


def by_label(samples: Samples, name: str, label: str) -> dict[str, float]:
    """Return *name*'s samples that are not 0, summed by the value of *label*."""
    found: dict[str, float] = {}
    for (sample, pairs), value in samples.items():
        if sample == f"jupyterhub_{name}" and value:
            key = dict(pairs)[label]
            found[key] = found.get(key, 0) + value
    return found


# --- servers -----------------------------------------------------------------------------------


def server_path(user: str, name: str = "") -> str:
    return f"hub/api/users/{user}/servers/{name}" if name else f"hub/api/users/{user}/server"


def start_server(hub: RealHub, user: str, name: str = "") -> Answer:
    """Ask for a server, as the service; the user is made when there is none."""
    answer = hub.post(server_path(user, name))
    if answer.status == 404:
        assert hub.post(f"hub/api/users/{user}").status in (201, 409)
        answer = hub.post(server_path(user, name))
    return answer


def start_and_wait(hub: RealHub, user: str, name: str = "") -> Any:
    """Start a server; return its model when it is ready."""
    answer = start_server(hub, user, name)
    assert answer.status in (201, 202), answer.text
    return hub.wait_ready(user, name)


def server(hub: RealHub, user: str, name: str = "") -> Any:
    """Return the server's model, None when it is not active."""
    return hub.user(user)["servers"].get(name)


def wait_gone(hub: RealHub, user: str, name: str = "", seconds: float = 40) -> None:
    """Wait until the Hub knows the server as stopped."""
    wait_until(lambda: not server(hub, user, name), seconds, why=f"{user}/{name} is gone")


def kill_server(hub: RealHub, user: str, name: str = "") -> None:
    """End the server's process with SIGKILL, and wait until the Hub noticed."""
    pid = hub.wait_ready(user, name)["state"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_gone(hub, user, name)


def stop_as(browser: Browser, user: str, name: str = "") -> Answer:
    """Stop a server as the person of *browser* does from the home or the admin page."""
    found = re.search(rb'xsrf_token:\s*"([^"]+)"', browser.open("hub/home").body)
    xsrf = found.group(1).decode() if found else ""
    url = browser.hub.url + server_path(user, name)
    request = urllib.request.Request(url, method="DELETE", headers={"X-XSRFToken": xsrf})
    try:
        with browser.opener.open(request, timeout=60) as response:
            return Answer(response.status, response.read(), dict(response.headers))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), dict(error.headers))


def ready_servers(hub: RealHub, **kwargs: Any) -> frozenset[tuple[str, str, str]]:
    """Return (user, server, when it started) of every server that the API calls ready."""
    users = hub.get("hub/api/users?limit=200&state=active", **kwargs).json
    return frozenset(
        (user["name"], name, model["started"])
        for user in users
        for name, model in user["servers"].items()
        if model["ready"]
    )


def end_hub_only(hub: RealHub, seconds: float = 40) -> int:
    """SIGTERM to the Hub alone: what it leaves behind (servers, proxy) goes on."""
    assert hub.process is not None
    hub.process.send_signal(signal.SIGTERM)
    status = hub.process.wait(seconds)
    (hub.folder / "hub.log").rename(hub.folder / f"hub.{time.time_ns()}.log")
    (hub.folder / "hub.log").touch()
    return status


# --- watching ----------------------------------------------------------------------------------


@dataclass
class Watcher:
    """Scrapes `running_servers` over and over, and asks the API before and after each scrape.

    Where both answers name the same servers, nothing changed in between, so the scrape has one
    right value. `wrong` holds the scrapes that showed another one, `seen` all the values.
    """

    hub: RealHub
    seen: list[float] = field(default_factory=list)
    checked: int = 0
    wrong: list[tuple[float, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Watcher:  # noqa: PYI034 -- nobody subclasses it
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            try:
                self._look()
            except (OSError, ValueError, KeyError, TypeError):  # noqa: PERF203
                continue  # the Hub is restarting: no scrape, no number

    def _look(self) -> None:
        before = ready_servers(self.hub, direct=True, timeout=20)
        page = self.hub.get("hub/metrics", direct=True, timeout=20)
        after = ready_servers(self.hub, direct=True, timeout=20)
        if page.status != 200:
            self.failures.append(f"{page.status}: {page.text[:200]}")
            return
        found = re.search(r"^jupyterhub_running_servers (\S+)$", page.text, re.MULTILINE)
        if found is None:
            self.failures.append("no running_servers on the page")
            return
        value = float(found.group(1))
        self.seen.append(value)
        if before == after:
            self.checked += 1
            if value != len(after):
                self.wrong.append((value, len(after)))
