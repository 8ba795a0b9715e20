"""A Hub that tells of alerts, with a spawner that can be broken."""

from __future__ import annotations

import subprocess
from typing import Any

from support.peers import find
from support.service_hub import PAGE, ServiceHub, eventually
from support.told import Told

BUILT_IN = "JupyterHubSpawnsFailing"
OWN = "SpawnerBroken"

RULES = f"""
groups:
  - name: ours
    rules:
      - alert: {OWN}
        expr: increase(hub:jupyterhub_spawn_failures:sum[30s]) >= 2
        labels: {{severity: critical, component: ours}}
        annotations: {{summary: The spawner is broken.}}
"""
"""As the built-in one, but over soon."""

CONFIG = """
c.Monitoring.notify = {urls!r}
c.MonitoringAlerts.group_wait_seconds = 2
c.MonitoringAlerts.group_interval_seconds = 3
c.MonitoringAlerts.evaluation_interval_seconds = {evaluation}
c.MonitoringAlerts.rule_files = ['rules.yaml']
c.Spawner.consecutive_failure_limit = {limit}

async def hook(spawner):
    import os
    if os.path.exists({broken!r}):
        raise RuntimeError('broken on purpose')

c.Spawner.pre_spawn_hook = hook
"""


class AlertingHub(ServiceHub):
    """A Hub whose spawner can be broken, and which tells of it."""

    told: Told
    limit = 0
    evaluation = 1

    def __post_init__(self) -> None:
        broken = str(self.folder / "broken")
        self.config = CONFIG.format(
            urls=self.told.urls, limit=self.limit, evaluation=self.evaluation, broken=broken
        )
        super().__post_init__()
        (self.folder / "rules.yaml").write_text(RULES)

    def start_and_look(self) -> None:
        """Start, and wait until the rules have seen that all is well."""
        self.start()
        self.wait_until_open(60)
        eventually(lambda: self.value("hub:jupyterhub_spawn_failures:sum") is not None)

    def value(self, query: str) -> float | None:
        result = self.ask(f"api/v1/query?query={query}").json["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def break_spawner(self) -> None:
        (self.folder / "broken").touch()

    def mend_spawner(self) -> None:
        (self.folder / "broken").unlink()

    def fail_to_start(self, *names: str) -> None:
        for name in names:
            self.post(f"hub/api/users/{name}")
            assert self.post(f"hub/api/users/{name}/server").status >= 500

    def amtool(self, *arguments: str) -> str:
        """Run a real amtool with the Hub's token as a password."""
        url = f"http://any:{self.token}@127.0.0.1:{self.port}/{PAGE}alertmanager"
        command = [find("amtool"), f"--alertmanager.url={url}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def firing(self) -> list[str]:
        """Return the names of what fires now."""
        alerts: list[Any] = self.ask("api/v1/alerts").json["data"]["alerts"]
        return [a["labels"]["alertname"] for a in alerts if a["state"] == "firing"]
