"""Every page in every state in a real browser: no error, readable for all, and as wide as it is."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from jupyterhub_monitoring.dashboards.unit import UNKNOWN
from support.browser import Chromium, Visit, check_axe
from support.page_server import PREFIX
from support.page_states import NASTY, Held, nasty_names, new_hub, state

pytestmark = pytest.mark.peer("chromium", "axe")

PAGES = ("", "users", "user?user=u1", "server?user=u1", "activity", "status", "me", "groups")
BROKEN = ("store not open", "queries fail", "queries hang", "activity damaged", "usage not seen")
NARROW = 360
NO_ANSWER = "/panels/"
"""What a plot asks for is refused where there is no answer; the plot says why."""


def open_page(visit: Visit, path: str) -> Page:
    """Open *path* and wait until what its plots ask for is there."""
    assert visit.open(PREFIX[1:] + path) == 200, path
    page = visit.page
    page.wait_for_load_state("load")
    return page


def own_troubles(visit: Visit) -> list[str]:
    """Return what went wrong in the page itself."""
    refused = "the server responded with a status of 50"
    return [each for each in visit.troubles if NO_ANSWER not in each and refused not in each
            and "/marks" not in each]  # fmt: skip


def is_sound(visit: Visit, path: str, width: int = NARROW) -> None:
    """Hold one page that is open to what every page has to be."""
    page = visit.page
    assert own_troubles(visit) == [], path
    assert check_axe(page) == [], path
    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    for word in ("NaN", "undefined", "Infinity", "[object"):
        assert word not in page.locator("body").inner_text(), path


@pytest.mark.parametrize("name", [*BROKEN, "new"])
def test_a_page_that_lacks_something_is_sound(browser: Chromium, tmp_path: Path, name: str):
    """On a telephone, too, with the store broken or with nothing there yet."""
    made = new_hub(tmp_path) if name == "new" else state(name, tmp_path)
    with made as found, found.serve() as server, browser.visit(server.url, width=NARROW) as visit:
        for path in PAGES:
            page = open_page(visit, path)
            if name != "queries hang":
                expect(page.locator(".placeholder noscript")).to_have_count(0)
            is_sound(visit, path)


def test_a_plot_says_why_it_is_empty(browser: Chromium, tmp_path: Path):
    """In place of each plot stands what the service answered."""
    with (
        state("queries fail", tmp_path) as found,
        found.serve() as server,
        browser.visit(server.url) as visit,
    ):
        page = open_page(visit, "")
        said = page.locator(".panel .placeholder")
        expect(said.first).to_contain_text("segment 12 is damaged")
        assert said.count() == page.locator(".panel").count() == 8


def test_what_is_asked_for_fills_in_by_itself(browser: Chromium, tmp_path: Path):
    """Tiles without an answer get theirs within seconds, also where the page does not live."""
    with state("well", tmp_path) as found, found.serve() as server:
        found.context.querier = held = Held(found.context.querier)
        with browser.visit(server.url) as visit:
            page = open_page(visit, f"?from={time.time() - 3600:.0f}&to={time.time():.0f}")
            tile = page.locator(".tile", has_text="servers run")
            expect(tile).to_contain_text("no answer yet")
            held.let_go(server)
            expect(tile).not_to_contain_text("no answer yet")
            expect(tile.locator(".number")).not_to_have_text(UNKNOWN)
            expect(page.locator("#live")).to_be_hidden()
            assert visit.troubles == []


def test_names_run_nothing_and_break_nothing(browser: Chromium, tmp_path: Path):
    """Whatever people and servers are called, at 360 px: no dialog, nothing wider."""
    dialogs: list[str] = []
    with (
        nasty_names(tmp_path) as found,
        found.serve() as server,
        browser.visit(server.url, width=NARROW) as visit,
    ):
        visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path in ("", "users", "activity", "groups"):
            open_page(visit, path)
            expect(visit.page.locator(".placeholder noscript")).to_have_count(0)
            is_sound(visit, path)
        for name in NASTY:
            for path in (f"user?{urlencode({'user': name})}",
                         f"server?{urlencode({'user': name, 'name': name})}"):  # fmt: skip
                page = open_page(visit, path)
                expect(page.locator(".uplot").first).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, path
                assert " ".join(name.split()) in " ".join(page.title().split())
        assert dialogs == []
        assert visit.troubles == []
