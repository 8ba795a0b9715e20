"""The README's first command, as the person sees it who types it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from support.chromium import Chromium
from support.demo import Demo

pytestmark = pytest.mark.peer("chromium")


def sample(text: str, pattern: str) -> float:
    """Sum the samples whose line begins with *pattern*; none is a failure."""
    found = re.findall(rf"^{pattern}(?:{{[^}}]*}})? (\S+)", text, re.MULTILINE)
    assert found, f"no {pattern} in\n{text[:3000]}"
    return sum(map(float, found))


def test_login_lab_and_metrics(tmp_path: Path):
    """A browser logs in with what the banner says, JupyterLab opens, the metrics show both."""
    with Demo(tmp_path) as demo, Chromium(tmp_path / "browser") as page:
        page.open(demo.url)
        page.type("#username_input", "ada")
        page.type("#password_input", demo.said("password"))
        page.click("#login_submit")
        page.wait_for("#jp-main-dock-panel, .jp-LauncherCard", seconds=90)
        page.wait_for(".jp-LauncherCard")
        time.sleep(3)  # what would pop up has done so by now
        page.screenshot(tmp_path / "lab.png")
        assert "/user/ada/lab" in page.url
        assert not page.has(".jp-toast-button, .jp-Dialog"), "JupyterLab asks to fetch news"

        metrics = demo.get("hub/metrics")
        assert sample(metrics, "jupyterhub_login_success_total") == 1
        assert sample(metrics, "jupyterhub_spawn_success_total") == 1
        assert sample(metrics, "jupyterhub_spawn_failure_total") == 0
        assert sample(metrics, "jupyterhub_running_servers") == 1


def test_admin_reads_the_metrics_in_the_browser(tmp_path: Path):
    """The admin's own login is enough for the page; another user's is not."""
    with Demo(tmp_path) as demo:
        for name, allowed in (("admin", True), ("ada", False)):
            with Chromium(tmp_path / name) as page:
                page.open(demo.url + "hub/login?next=/hub/home")
                page.type("#username_input", name)
                page.type("#password_input", demo.said("password"))
                page.click("#login_submit")
                page.wait_for("#start, #stop")
                page.open(demo.url + "hub/metrics")
                assert ("jupyterhub_running_servers" in page.text) is allowed
