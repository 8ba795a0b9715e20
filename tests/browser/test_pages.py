"""Every page of the service, on a real Hub, as admins and users see it in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from support.actions import start_and_wait, start_server
from support.browser import Chromium, check_axe, shoot
from support.service_hub import PAGE, ServiceHub, eventually

pytestmark = pytest.mark.peer("chromium", "axe")

NASTY = "<img src=x onerror=alert(1)>'\"🐘"
FAILS = "breaks"
CONFIG = f"""
import asyncio
async def refuse(spawner):
    if spawner.user.name == {FAILS!r}:
        raise RuntimeError('no <b>room</b> on the node')
c.Spawner.pre_spawn_hook = refuse
c.JupyterHub.allow_named_servers = True
c.JupyterHub.load_groups = dict(
    staff=dict(users=['tess']), course=dict(users=['ana', 'tess']))
c.JupyterHub.load_roles.append(dict(
    name='course-admin', groups=['staff'], scopes=['admin:users!group=course']))
c.MonitoringUsage.groups = ['course']
c.MonitoringUsage.interval_seconds = 2
c.MonitoringScrape.interval_seconds = 3
c.MonitoringScrape.timeout_seconds = 3
"""
PAGES = {
    "overview": "",
    "users": "users",
    "groups": "groups",
    "user": "user?user=ana",
    "server": "server?user=ana",
    "activity": "activity",
    "alerts": "alerts",
    "health": "checks",
    "explore": "explore?expr=jupyterhub_running_servers&range=1h",
    "status": "status",
    "me": "me",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    """A Hub with three servers, one of them with a nasty name, and a start that failed."""
    hub = ServiceHub(tmp_path_factory.mktemp("hub"), config=CONFIG)
    hub.start()
    try:
        hub.wait_until_open()
        start_and_wait(hub, "ana")
        start_and_wait(hub, "bo")
        start_and_wait(hub, quote(NASTY, safe=""))
        start_server(hub, FAILS)
        eventually(lambda: "no <b>room" in hub.log)
        eventually(lambda: len(hub.ask("api/usage").json["servers"]) == 3)
        eventually(lambda: shown(hub, "sum(jupyterhub_running_servers)") == 3)
        yield hub
    finally:
        hub.kill()


def drawn(page: Page) -> None:
    """Wait until each plot is there, or says why not."""
    page.locator("body[data-drawn]").wait_for()


def shown(hub: ServiceHub, query: str) -> float | None:
    """What the API says of *query* now."""
    found = hub.ask("api/v1/query?query=" + query.replace("+", "%2B")).json["data"]["result"]
    return float(found[0]["value"][1]) if found else None


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_each_page_is_sound(hub: ServiceHub, browser: Chromium, width: int, *, dark: bool):
    """No error, no other host, nothing that a blind or colour-blind person cannot read or reach."""
    with browser.visit(hub.url, name="admin", width=width, dark=dark) as visit:
        for name, path in PAGES.items():
            assert visit.open(PAGE + path) == 200, name
            drawn(visit.page)
            shoot(visit.page, f"{name}-{width}-{'dark' if dark else 'light'}")
            assert visit.troubles == [], name
            if dark is (width == 360):  # each theme once, and each width
                assert check_axe(visit.page) == [], name
            wide = visit.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide"
            assert visit.page.locator("main .answer, main #queries").count() >= 1, name


def test_numbers_are_the_truth(hub: ServiceHub, browser: Chromium):
    """What the page says is what the API says, and that is what runs."""
    with browser.visit(hub.url, name="admin") as visit:
        visit.open(PAGE)
        tile = visit.page.locator(".tile", has_text="servers run").locator(".number")
        assert tile.inner_text() == "3"
        assert "3 servers run" in visit.page.locator(".answer").inner_text()
        visit.open(PAGE + "users")
        rows = visit.page.locator("#table tbody tr")
        assert rows.count() == 3
        usage = {row["username"]: row for row in hub.ask("api/usage").json["servers"]}
        ana = visit.page.locator("tbody tr", has_text="ana").first.inner_text()
        mebibytes = float(re.search(r"([\d.]+) MiB", ana)[1])
        assert mebibytes == pytest.approx(usage["ana"]["memory_bytes"] / 2**20, rel=0.2)
        assert visit.troubles == []


def test_a_failed_start_is_told_with_its_reason(hub: ServiceHub, browser: Chromium):
    """The operator reads who, why and when on the first page, and no name is HTML."""
    with browser.visit(hub.url, name="admin") as visit:
        visit.open(PAGE)
        failures = visit.page.locator("section", has_text="Last failures").locator("li")
        failures.first.wait_for()
        said = failures.first.inner_text()
        assert FAILS in said
        assert "hook" in said or "other" in said or "RuntimeError" in said
        assert visit.page.locator("li b").count() == 0


def test_nasty_names_are_names(hub: ServiceHub, browser: Chromium):
    """Whatever a user is called, every page shows it and runs nothing."""
    with browser.visit(hub.url, name="admin") as visit:
        dialogs: list[str] = []
        visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        visit.open(PAGE + "users")
        visit.page.get_by_role("link", name=NASTY).first.click()
        drawn(visit.page)
        assert NASTY in visit.page.locator(".answer").inner_text()
        visit.page.get_by_role("link", name="default").first.click()
        drawn(visit.page)
        assert NASTY in visit.page.title()
        visit.page.locator(".uplot").nth(1).wait_for()
        assert dialogs == []
        assert visit.troubles == []


def test_a_user_sees_the_own_and_nothing_else(hub: ServiceHub, browser: Chromium):
    """From the Hub's navigation to My usage; pages of everybody are not for ana."""
    with browser.visit(hub.url, name="ana") as visit:
        visit.open("hub/home")
        visit.page.get_by_role("link", name="My usage").click()
        drawn(visit.page)
        answer = visit.page.locator(".answer").inner_text()
        assert re.match(r"Your server uses [\d.]+ MiB.* memory", answer)
        assert visit.page.locator(".uplot").count() >= 1
        names = visit.page.locator(".own-bar nav a").all_inner_texts()
        assert names == ["My usage"]
        assert visit.troubles == []
        for name, path in PAGES.items():
            if name not in ("me", "user", "server", "overview"):
                assert visit.open(PAGE + path) == 403, name
                assert "bo" not in re.findall(r"\w+", visit.page.locator("main").inner_text()), name
        assert visit.open(PAGE + "user?user=bo") == 403
        assert visit.open(PAGE + "server?user=bo") == 403
        assert visit.open(PAGE + "panels/server-memory?user=bo") == 403
        assert visit.open(PAGE + "panels/servers") == 403


def test_who_looks_after_a_group_sees_its_people(hub: ServiceHub, browser: Chromium):
    """Tess, admin of the users of a course, finds ana and not bo."""
    with browser.visit(hub.url, name="tess") as visit:
        visit.open(PAGE + "users")
        rows = visit.page.locator("#table tbody tr")
        assert rows.count() == 1
        assert "ana" in rows.first.inner_text()
        assert visit.open(PAGE + "user?user=ana") == 200
        assert visit.open(PAGE + "user?user=bo") == 403
        assert visit.open(PAGE + "status") == 403


def test_it_says_something_without_scripts(hub: ServiceHub, browser: Chromium):
    """The first line, the numbers, tables and where the data of a plot are."""
    with browser.visit(hub.url, name="admin", javascript=False) as visit:
        visit.open(PAGE)
        assert "3 servers run" in visit.page.locator(".answer").inner_text()
        assert visit.page.locator(".tile .number").first.inner_text() == "3"
        assert "CSV" in visit.page.locator(".panel").first.inner_text()
        visit.open(PAGE + "users?q=bo")
        assert visit.page.locator("#table tbody tr").count() == 1


def test_a_page_that_loses_the_service_comes_back(hub: ServiceHub, browser: Chromium):
    """It says since when it is not live, asks more seldom, and goes on by itself."""
    with browser.visit(hub.url, name="admin") as visit:
        page = visit.page
        visit.open(PAGE)
        drawn(page)
        page.clock.install()
        visit.context.set_offline(True)
        page.clock.fast_forward(16_000)
        page.locator("#lost", has_text="does not answer since").wait_for()
        assert page.locator("#live").inner_text() == "○ not live"
        visit.context.set_offline(False)
        page.locator("#lost").wait_for(state="hidden")
        assert page.locator("#live").inner_text() == "● live"


def test_what_is_marked_with_the_mouse_is_looked_at_closer(hub: ServiceHub, browser: Chromium):
    """Dragging over a plot opens that time, in the address; back leads to where one was."""
    with browser.visit(hub.url, name="admin") as visit:
        page = visit.page
        visit.open(PAGE + "?range=1h")
        page.wait_for_selector(".u-over")
        box = page.locator(".u-over").first.bounding_box()
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] * 0.5, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=5)
        page.mouse.up()
        page.wait_for_url("**from=*&to=*")
        begin, end = (int(n) for n in re.search(r"from=(\d+)&to=(\d+)", page.url).groups())
        assert 0.3 * 3600 <= end - begin <= 0.5 * 3600
        assert page.locator("#live").is_hidden()
        page.go_back()
        page.wait_for_url("**range=1h")
