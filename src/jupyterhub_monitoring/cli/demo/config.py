"""The configuration of the demo's Hub: an ordinary jupyterhub_config.py in its folder."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

TEXT = """\
# Written by `jupyterhub-monitoring demo`, again at each start. It runs with
# `jupyterhub-monitoring hub -f` this file; with plain `jupyterhub`, add
# `import jupyterhub_monitoring; jupyterhub_monitoring.setup(c)`.
import sys

folder = {folder!r}

# Loopback only: anyone who can log in runs programs as you.
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = {internal_port}
c.JupyterHub.db_url = f"sqlite:///{{folder}}/jupyterhub.sqlite"
c.JupyterHub.upgrade_db = True  # a kept folder may come from an older JupyterHub
c.JupyterHub.cookie_secret_file = f"{{folder}}/cookie_secret"

# The Python proxy reports local time where the Hub expects UTC.
c.ConfigurableHTTPProxy.command = ["env", "TZ=UTC", {proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.pid_file = f"{{folder}}/proxy.pid"

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"admin"}}

# Everybody's server runs as you, with a home of its own.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{{folder}}/homes/{{{{username}}}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.args = [
    "--allow-root",
    # Nothing here asks the network for news, updates or extensions.
    f"--LabApp.app_settings_dir={{folder}}/lab",
    "--LabApp.extension_manager=readonly",
]

# Who may read /hub/metrics and the details of /hub/health, and ask the monitoring service.
c.JupyterHub.services = [{{"name": "prometheus", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{
        "name": "prometheus",
        "services": ["prometheus"],
        "scopes": ["read:metrics", "access:services!service=monitoring"],
    }},
]
"""

# JupyterLab's defaults for everybody (its `overrides.json`).
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}


@dataclass(frozen=True)
class DemoHub:
    """One demo: its folder, its three loopback ports, its secrets (new at each start)."""

    folder: Path
    port: int
    internal_port: int
    api_port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def url(self) -> str:
        """Where a browser goes, with a slash."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def health_urls(self) -> tuple[str, str]:
        """What answers when the Hub is up: itself, then through the proxy.

        In this order the proxy's log is not full of complaints about a Hub that still starts.
        """
        own = f"http://127.0.0.1:{self.internal_port}/"
        return own + "hub/health", self.url + "hub/health"

    @property
    def config_text(self) -> str:
        """Return the whole file."""
        return TEXT.format(
            folder=str(self.folder),
            url=self.url,
            internal_port=self.internal_port,
            api_port=self.api_port,
            proxy=str(proxy_program()),
            password=self.password,
            token=self.token,
        )

    def write(self) -> Path:
        """Write the file, for its owner's eyes only, and what it refers to; return its path."""
        lab = self.folder / "lab"
        lab.mkdir(exist_ok=True)
        (lab / "overrides.json").write_text(json.dumps(LAB_SETTINGS), encoding="utf-8")
        path = self.folder / "jupyterhub_config.py"
        path.touch(mode=0o600)
        path.write_text(self.config_text, encoding="utf-8")
        return path


def proxy_program() -> Path:
    """Return where pip puts the proxy: beside this Python, on PATH or not."""
    return Path(sys.executable).parent / "configurable-http-proxy"
