"""The pages of a real Hub on the engines of large installations, which scrape it themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.actions import start_and_wait, start_server
from support.browser import Chromium, shoot
from support.engine_beside import ENGINES, Engine, hub_beside
from support.service_hub import PAGE, ServiceHub, eventually

pytestmark = pytest.mark.peer("chromium", *ENGINES)

FAILS = "breaks"
CONFIG = f"""
async def refuse(spawner):
    if spawner.user.name == {FAILS!r}:
        raise RuntimeError('no room on the node')
c.Spawner.pre_spawn_hook = refuse
"""
PEOPLE = ("ana", "bo")
SUCCEED = "66.7 %"
"""Two starts of three."""

Beside = tuple[str, ServiceHub, Engine]


@pytest.fixture(scope="module", params=ENGINES)
def beside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Beside]:
    """A Hub with two servers and a start that failed, and what scraped it meanwhile."""
    hub, engine = hub_beside(request.param, tmp_path_factory.mktemp(request.param), CONFIG)
    with engine:
        try:
            hub.start()
            hub.wait_until_open()
            eventually(lambda: rows(hub, "panels/servers.csv?range=1h"))
            for name in PEOPLE:
                start_and_wait(hub, name)
            start_server(hub, FAILS)
            eventually(lambda: "no room on the node" in hub.log)
            eventually(lambda: len(hub.ask("api/usage").json["servers"]) == len(PEOPLE))
            eventually(lambda: rows(hub, "panels/server-memory.csv?range=1h&user=ana"))
            eventually(lambda: SUCCEED in hub.ask("?range=1h").text)
            yield request.param, hub, engine
        finally:
            hub.kill()


def rows(hub: ServiceHub, path: str) -> list[list[str]]:
    """The rows of a panel with a number, without the header."""
    table = list(csv.reader(io.StringIO(hub.ask(path).text)))
    return [row for row in table[1:] if any(row[1:])]


def test_the_pages_say_what_was_driven(beside: Beside, browser: Chromium):
    """Tiles, plots, tables and Explore have the numbers of the engine, and nothing is broken."""
    name, hub, _ = beside
    with browser.visit(hub.url, name="admin") as visit:
        page = visit.page
        visit.open(f"{PAGE}?range=1h")
        page.wait_for_load_state("networkidle")
        tile = page.locator(".tile", has_text="servers run").locator(".number")
        expect(tile).to_have_text(str(len(PEOPLE)))
        expect(page.locator(".answer").first).to_contain_text("2 servers run")
        succeed = page.locator(".tile", has_text="of spawns succeed").locator(".number")
        expect(succeed).to_contain_text(SUCCEED)
        expect(page.locator(".panel.loading")).to_have_count(0)
        assert page.locator(".uplot").count() >= 4  # bars come later on VictoriaMetrics
        shoot(page, f"external-{name}")
        visit.open(f"{PAGE}users")
        assert page.locator("#table tbody tr").count() == len(PEOPLE)
        visit.open(f"{PAGE}user?user=ana&range=1h")
        expect(page.locator(".uplot")).to_have_count(2)  # memory and CPU; there is no home
        visit.open(f"{PAGE}explore?expr=sum(jupyterhub_running_servers)&range=1h")
        expect(page.locator("main")).to_contain_text(str(len(PEOPLE)))
        expect(page.locator(".uplot")).to_have_count(1)
        visit.open(f"{PAGE}status")
        expect(page.locator("main")).to_contain_text("c.Monitoring.prometheus_url")
        assert visit.troubles == []


def test_alerts_are_the_engines(beside: Beside):
    """A Prometheus's rules are the Alerts page's; without rules it says that nothing is known."""
    name, hub, engine = beside
    if name == "prometheus":
        assert "JupyterHubDown" in eventually(lambda: hub.ask("rules").text)
        assert "No alert fires" in hub.ask("alerts").text
    else:
        assert f"http://127.0.0.1:{engine.port} tells of no rules" in hub.ask("alerts").text


def test_the_service_keeps_no_series(beside: Beside):
    """Its folder has no store, its API says whom to ask, and nothing is wrong with it."""
    _, hub, engine = beside
    answer = hub.ask("api/v1/query?query=up")
    assert answer.status == 404
    assert f"ask http://127.0.0.1:{engine.port} " in answer.json["error"]
    assert not (hub.data_dir / "series.sqlite").exists()
    assert (hub.data_dir / "activity.sqlite").exists()
    assert hub.codes() == {}
