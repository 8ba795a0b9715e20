"""The page's own Hub class works as written, on a Hub that has nothing else of ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.real_hub import RealHub

PAGE = '''
import asyncio
from jupyterhub.app import JupyterHub
from jupyterhub_monitoring import HealthChecker

async def lost():
    return False

class MonitoredJupyterHub(JupyterHub):
    """JupyterHub with health monitoring"""
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.health_checker = HealthChecker(self)
        self.setup_health_checks()

    def setup_health_checks(self):
        """Register health check functions"""
        self.health_checker.register_check(
            'database', self.health_checker.database_health_check, interval=30)
        self.health_checker.register_check(
            'proxy', self.health_checker.proxy_health_check, interval=60)
        self.health_checker.register_check(
            'spawners', self.health_checker.spawner_health_check, interval=120)
        self.health_checker.register_check('lost', lost)

    async def start(self):
        """Start Hub with health monitoring"""
        await super().start()
        asyncio.create_task(self.periodic_health_checks())

    async def periodic_health_checks(self):
        """Run periodic health checks"""
        while True:
            try:
                health_results = await self.health_checker.run_checks()
                for check_name, result in health_results.items():
                    self.log.warning(f"Seen {check_name}: {result['status']}")
                    if result['status'] != 'healthy':
                        self.log.warning(f"Health check {check_name}: {result['status']}")
                await asyncio.sleep(60)
            except Exception as e:
                self.log.error(f"Health check error: {e}")
                await asyncio.sleep(300)

MonitoredJupyterHub.launch_instance()
'''


@pytest.mark.parametrize("db_url", ["", "sqlite:///:memory:"], ids=["file", "in memory"])
def test_page_example(make_hub: Callable[..., RealHub], tmp_path: Path, db_url: str) -> None:
    """Its three checks are healthy on a healthy Hub, and the one that is not is logged."""
    (tmp_path / "page_hub.py").write_text(PAGE)
    command = (sys.executable, str(tmp_path / "page_hub.py"))
    hub = make_hub(command=command, setup_line=False, db_url=db_url).start()
    deadline = time.monotonic() + 60
    while "Health check lost: unhealthy" not in hub.log:
        assert time.monotonic() < deadline, hub.log
        time.sleep(0.1)
    for check in ("database", "proxy", "spawners"):
        assert f"Seen {check}: healthy" in hub.log
    assert "Health check error" not in hub.log
