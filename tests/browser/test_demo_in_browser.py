"""The README's first command, as the person sees it who types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.browser import Chromium, shoot
from support.demo import Demo

pytestmark = pytest.mark.peer("chromium")


def sample(text: str, pattern: str) -> float:
    """Sum the samples whose line begins with *pattern*; none is a failure."""
    found = re.findall(rf"^{pattern}(?:{{[^}}]*}})? (\S+)", text, re.MULTILINE)
    assert found, f"no {pattern} in\n{text[:3000]}"
    return sum(map(float, found))


def test_login_lab_and_metrics(tmp_path: Path, browser: Chromium):
    """A browser logs in with what the banner says, JupyterLab opens, the metrics show both."""
    with Demo(tmp_path) as demo, browser.visit(demo.url) as visit:
        page = visit.page
        visit.open()
        page.fill("#username_input", "ada")
        page.fill("#password_input", demo.said("password"))
        page.click("#login_submit")
        page.wait_for_selector(".jp-LauncherCard")
        page.wait_for_timeout(3000)  # what would pop up has done so by now
        shoot(page, "demo-lab")
        assert "/user/ada/lab" in page.url
        assert page.locator(".jp-toast-button, .jp-Dialog").count() == 0, "JupyterLab asks for news"

        metrics = demo.get("hub/metrics")
        assert sample(metrics, "jupyterhub_login_success_total") == 1
        assert sample(metrics, "jupyterhub_spawn_success_total") == 1
        assert sample(metrics, "jupyterhub_spawn_failure_total") == 0
        assert sample(metrics, "jupyterhub_running_servers") == 1


def test_admin_reads_the_metrics_in_the_browser(tmp_path: Path, browser: Chromium):
    """The admin's own login is enough for the page; another user's is not."""
    with Demo(tmp_path) as demo:
        for name, allowed in (("admin", True), ("ada", False)):
            with browser.visit(demo.url, name=name, password=demo.said("password")) as visit:
                visit.open("hub/metrics")
                assert ("jupyterhub_running_servers" in visit.page.inner_text("body")) is allowed
