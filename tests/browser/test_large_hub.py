"""A Hub with 2,000 servers, 20,000 series and thousands of people: pages stay pages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import pytest
from playwright.sync_api import expect

from support.browser import Chromium
from support.hub_history import HubHistory
from support.page_server import PREFIX, PageServer
from support.served_pages import made_up

pytestmark = pytest.mark.peer("chromium")

SERVERS = 2000
PEOPLE = 5000
GENEROUS_SECONDS = 30
"""The goal is 2; benchmarks/pages/overview.py measures it on a quiet machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """Its pages."""
    history = HubHistory(SERVERS, hours=0.5, every=True)
    with made_up(tmp_path_factory.mktemp("hub"), history, people=PEOPLE, days=20) as hub:
        assert hub.store.stats().series > 20_000
        with PageServer(hub.context, snapshots=lambda: hub.snapshot) as server:
            yield server


def test_the_overview_is_soon_there(server: PageServer, browser: Chromium):
    """All plots are drawn, and the tiles have their numbers."""
    with browser.visit(server.url) as visit:
        began = time.monotonic()
        visit.open(PREFIX[1:])
        expect(visit.page.locator(".panel:has(.uplot)")).to_have_count(8)
        expect(visit.page.locator(".tile", has_text="no answer yet")).to_have_count(0)
        assert time.monotonic() - began < GENEROUS_SECONDS
        assert visit.troubles == []


def test_the_table_is_read_page_by_page(server: PageServer):
    """A hundred rows at a time, in one order, each server once."""
    names, following = [], "?sort=user"
    while following:
        page = server.get(f"users{following}").body.decode()
        names += re.findall('<td data-name="user"><a href="[^"]*">([^<]*)</a>', page)
        found = re.search('rel="next" href="([^"]*)"', page)
        following = unescape(found[1]) if found else ""
    assert names == sorted(f"u{n}" for n in range(SERVERS))


def test_months_of_thousands_are_counted(server: PageServer, browser: Chromium):
    """The page is there at once; what it counts appears in it by itself."""
    with browser.visit(server.url) as visit:
        visit.open(f"{PREFIX[1:]}activity?range=90d")
        answer = visit.page.locator(".answer")
        expect(answer).to_have_text(re.compile(r"[\d,]+ people had [\d,]+ sessions"))
        expect(visit.page.locator("table.week")).to_be_visible()
        visit.open(f"{PREFIX[1:]}user?user=u5")
        expect(visit.page.locator(".panel:has(.uplot)")).not_to_have_count(0)
        assert visit.troubles == []
