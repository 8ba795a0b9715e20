"""A real JupyterHub in a process of its own, with a real proxy, on free loopback ports."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from support.ports import free_port

START_SECONDS = 180
SETUP_LINE = "import jupyterhub_monitoring; jupyterhub_monitoring.setup(c)"
SCOPES = [
    "access:servers",
    "admin-ui",
    "admin:groups",
    "admin:server_state",
    "admin:servers",
    "admin:users",
    "proxy",
    "read:hub",
    "read:metrics",
    "shares",
    "shutdown",
]


@dataclass
class Answer:
    """What a request got."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class RealHub:
    """One Hub in *folder*. `config` is Python text, put before or after the common lines.

    The service token `token` has the scopes of an admin and `read:metrics`. `start()`,
    `stop()` and `kill()` may be repeated: the database stays.
    """

    folder: Path
    config: str = ""
    before: str = ""  # config text for the head of the file
    command: tuple[str, ...] = (sys.executable, "-m", "jupyterhub")
    setup_line: bool = True
    env: dict[str, str] = field(default_factory=dict)
    db_url: str = ""
    simple: bool = True  # SimpleLocalProcessSpawner with the fake single-user server
    lab: bool = False  # the real single-user server (slower: about 3 s a spawn)
    service: bool = False  # the monitoring service, which every Hub has by default (1 s of CPU)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.hub_port, self.api_port = free_port(), free_port(), free_port()
        self.token = secrets.token_hex(16)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The proxy's public URL, with a slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def hub_url(self) -> str:
        """The Hub itself, not through the proxy, with a slash."""
        return f"http://127.0.0.1:{self.hub_port}/hub/"

    @property
    def log(self) -> str:
        return (self.folder / "hub.log").read_text(errors="replace")

    def config_text(self) -> str:
        """The whole jupyterhub_config.py."""
        bin_dir = Path(sys.executable).parent
        lines = [
            self.before,
            SETUP_LINE if self.setup_line else "",
            "" if self.service else "c.Monitoring.service = False",
            f"c.JupyterHub.bind_url = 'http://127.0.0.1:{self.port}/'",
            "c.JupyterHub.hub_ip = '127.0.0.1'",
            f"c.JupyterHub.hub_port = {self.hub_port}",
            f"c.JupyterHub.db_url = {self.db_url or f'sqlite:///{self.folder}/hub.db'!r}",
            f"c.JupyterHub.cookie_secret_file = {str(self.folder / 'cookie_secret')!r}",
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{self.api_port}'",
            f"c.ConfigurableHTTPProxy.command = [{str(bin_dir / 'configurable-http-proxy')!r}]",
            f"c.ConfigurableHTTPProxy.pid_file = {str(self.folder / 'proxy.pid')!r}",
            "c.JupyterHub.authenticator_class = 'dummy'",
            "c.DummyAuthenticator.password = 'right'",
            "c.Authenticator.allow_all = True",
            "c.Authenticator.admin_users = {'admin'}",
            f"c.JupyterHub.services = [dict(name='test', api_token={self.token!r})]",
            f"c.JupyterHub.load_roles = [dict(name='test', services=['test'], scopes={SCOPES})]",
        ]
        if self.simple:
            homes = str(self.folder / "home" / "{username}")
            lines += [
                "c.JupyterHub.spawner_class = 'simple'",
                f"c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}",
                "c.Spawner.args = ['--allow-root']",
            ]
            if not self.lab:
                single = Path(__file__).with_name("tiny_singleuser.py")
                lines.append(f"c.Spawner.cmd = [{sys.executable!r}, {str(single)!r}]")
        return "\n".join([*lines, textwrap.dedent(self.config)]) + "\n"

    def start(self, *, wait: bool = True) -> RealHub:
        """Start the Hub; with *wait*, return when it answers."""
        path = self.folder / "jupyterhub_config.py"
        path.write_text(self.config_text())
        env = {**os.environ, "TZ": "UTC", **self.env}
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        with (self.folder / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "-f", str(path)],
                cwd=self.folder,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if wait:
            self.wait_until_up()
        return self

    def wait_until_up(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the Hub exited ({self.process.returncode}):\n{self.log}")
            if "JupyterHub is now running" in self.log:
                with contextlib.suppress(OSError):
                    if self.get("hub/health").status == 200:
                        return
            time.sleep(0.1)
        raise AssertionError(f"the Hub did not start in {seconds} s:\n{self.log}")

    def stop(self, seconds: float = 120) -> int:
        """SIGTERM; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        finally:
            self.kill()
        (self.folder / "hub.log").rename(self.folder / f"hub.{time.time_ns()}.log")
        (self.folder / "hub.log").touch()
        return status

    def kill(self) -> None:
        """End the Hub and all that it started."""
        if self.process is not None:
            for pid in [self.process.pid, *self._children()]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self.process.wait()

    def _children(self) -> list[int]:
        """Process groups of ours that live in sessions of their own: proxy, servers."""
        mine = re.compile(
            rf"{re.escape(str(self.folder))}(?!\w)|:({self.api_port}|{self.hub_port})/"
        )
        found = []
        for process in psutil.process_iter(["pid", "cwd", "cmdline", "environ"]):
            hub = (process.info["environ"] or {}).get("JUPYTERHUB_API_URL", "")
            words = [str(process.info["cwd"]), *(process.info["cmdline"] or ()), hub]
            if any(mine.search(f"{word}/") for word in words):
                found.append(process.info["pid"])
        return [pid for pid in found if pid != os.getpid()]

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "",
        data: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
        direct: bool = False,
        base: str = "",
    ) -> Answer:
        """Send one request; `token=None` for none, '' for the service's own.

        It goes through the proxy, or *direct* to the Hub, or to *base*, an address with a slash.
        """
        base = base or (self.hub_url.removesuffix("hub/") if direct else self.url)
        url = base + path.lstrip("/")
        body = json.dumps(data).encode() if data is not None else None
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)
        if token is not None:
            request.add_header("Authorization", f"token {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), dict(error.headers))

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Answer:
        return self.request("POST", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        return self.request("DELETE", path, **kwargs)

    def login(self, username: str, password: str = "right") -> Browser:
        """Log in as a person does, through the form; the answer's status is in `.status`."""
        browser = Browser(self)
        browser.login(username, password)
        return browser

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Scrape; keys are (sample name, label pairs)."""
        answer = self.get("hub/metrics")
        assert answer.status == 200, answer.text
        return {
            (s.name, frozenset(s.labels.items())): s.value
            for family in text_string_to_metric_families(answer.text)
            for s in family.samples
        }

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples of *name* with these labels; None if there are none."""
        found = [
            value
            for (sample, pairs), value in self.metrics().items()
            if sample == f"jupyterhub_{name}" and frozenset(labels.items()) <= pairs
        ]
        return sum(found) if found else None

    def user(self, name: str) -> Any:
        return self.get(f"hub/api/users/{name}").json

    def wait_ready(self, username: str, server: str = "", seconds: float = 180) -> Any:
        """Wait until the server is ready; return its model."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            model = self.user(username)["servers"].get(server)
            if model and model["ready"]:
                return model
            time.sleep(0.1)
        raise AssertionError(f"{username}'s server is not ready:\n{self.log[-6000:]}")


class Browser:
    """A person with a cookie jar."""

    def __init__(self, hub: RealHub) -> None:
        self.hub = hub
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.status = 0

    def open(self, path: str, form: dict[str, str] | None = None, timeout: float = 60) -> Answer:
        url = self.hub.url + path.lstrip("/")
        if form is not None:
            xsrf = next((c.value for c in self.jar if c.name == "_xsrf"), "")
            form = {"_xsrf": xsrf or "", **form}
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self.opener.open(url, body, timeout) as response:
                answer = Answer(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            answer = Answer(error.code, error.read(), dict(error.headers))
        self.status = answer.status
        return answer

    def login(self, username: str, password: str) -> Answer:
        self.open("hub/login")
        return self.open("hub/login?next=/hub/home", {"username": username, "password": password})
