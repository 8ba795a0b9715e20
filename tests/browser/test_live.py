"""A page that stays open: for hours, in the background, without the service, while one types."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, Route, expect

from jupyterhub_monitoring.usage.viewer import Viewer
from support.browser import Chromium, Visit
from support.page_server import PREFIX, Context, PageServer
from support.page_states import State, state
from support.served_pages import snapshot

pytestmark = pytest.mark.peer("chromium")

EVERY_MS = 15_000
PATIENCE_SECONDS = 120
SLACK = 10
"""Seconds of the page's clock that pass while a busy machine hands over what was asked."""

REFRESHES = 25

SOURCES = "(all) => all.map((figure) => figure.dataset.src)"
HIDE = """
(hidden) => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[State, PageServer]]:
    """A Hub where all is well."""
    with state("well", tmp_path_factory.mktemp("hub")) as found, found.serve() as server:
        yield found, server


class Traffic:
    """What a window asks for, as paths below the prefix, and how much of that has ended."""

    def __init__(self, visit: Visit) -> None:
        self.asked: list[str] = []
        self.ended = 0
        visit.context.on("request", self._asked)
        visit.context.on("requestfinished", self._ended)
        visit.context.on("requestfailed", self._ended)
        self.page = visit.page

    def _asked(self, request: Request) -> None:
        self.asked.append(urlsplit(request.url).path.removeprefix(PREFIX))

    def _ended(self, _request: Request) -> None:
        self.ended += 1

    def wait_for(self, there: Callable[[], bool]) -> None:
        """Wait until *there* and all that was asked for has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not there() or self.ended < len(self.asked):
            assert time.monotonic() < until, self.asked[-5:]
            self.page.wait_for_timeout(5)

    def pages(self) -> int:
        """How often the page itself was asked for."""
        return self.asked.count("")


def open_live(visit: Visit) -> Traffic:
    """Open the Overview, with a clock that stands, and wait until it is drawn."""
    traffic = Traffic(visit)
    visit.page.clock.install()
    visit.open(PREFIX[1:])
    expect(visit.page.locator(".panel .placeholder")).to_have_count(0)
    traffic.wait_for(lambda: True)
    return traffic


def held(visit: Visit) -> dict[str, float]:
    """Return what the page holds: elements, listeners, bytes of the heap."""
    session = visit.context.new_cdp_session(visit.page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    found = {
        each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]
    }
    session.detach()
    return {name: found[name] for name in ("Nodes", "JSEventListeners", "JSHeapUsedSize")}


def refresh(traffic: Traffic, times: int) -> None:
    """Let the page ask anew so many times."""
    plots = traffic.page.locator(".panel").count()
    for _ in range(times):
        asked = len(traffic.asked)
        traffic.page.clock.run_for(EVERY_MS)
        traffic.wait_for(lambda asked=asked: len(traffic.asked) >= asked + 2 + plots)  # type: ignore[misc]


def test_hours_of_refreshes_leave_nothing_behind(
    served: tuple[State, PageServer], browser: Chromium
):
    """Elements, listeners and memory stay what they are, however long the page is open."""
    with browser.visit(served[1].url) as visit:
        traffic = open_live(visit)
        refresh(traffic, 5)
        before = held(visit)
        refresh(traffic, REFRESHES)
        after = held(visit)
        assert after["Nodes"] <= before["Nodes"] + 200, (before, after)
        assert after["JSEventListeners"] <= before["JSEventListeners"] + 20, (before, after)
        assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] * 1.2 + 500_000, (before, after)
        assert visit.page.locator(".uplot").count() == visit.page.locator(".panel").count()
        assert visit.troubles == []


def test_what_one_reads_stays_under_the_mouse(served: tuple[State, PageServer], browser: Chromium):
    """New numbers come while somebody reads those of an hour ago: the line stays where it is."""
    with browser.visit(served[1].url) as visit:
        traffic = open_live(visit)
        visit.page.locator(".u-over").first.hover(position={"x": 200, "y": 50})
        line = visit.page.locator(".u-cursor-x").first
        expect(line).to_have_attribute("style", re.compile(r"translate\(200px"))
        refresh(traffic, 1)
        expect(line).to_have_attribute("style", re.compile(r"translate\(200px"))


def test_a_tab_in_the_background_asks_for_nothing(
    served: tuple[State, PageServer], browser: Chromium
):
    """Nothing in an hour behind another tab; whoever comes back sees what is now."""
    with browser.visit(served[1].url) as visit:
        traffic = open_live(visit)
        visit.page.evaluate(HIDE, arg=True)
        before = len(traffic.asked)
        visit.page.clock.run_for(3_600_000)
        assert visit.page.locator("#live").inner_text() == "paused"
        assert len(traffic.asked) == before
        visit.page.evaluate(HIDE, arg=False)
        traffic.wait_for(lambda: len(traffic.asked) > before)
        assert traffic.asked[before] == ""
        expect(visit.page.locator("#live")).to_have_text("● live")


def test_it_asks_more_and_more_seldom_without_the_service(
    served: tuple[State, PageServer], browser: Chromium
):
    """After 15 s, 30 s, a minute, then every two minutes; and as before when it is back."""
    with browser.visit(served[1].url) as visit:
        traffic = open_live(visit)
        page = visit.page
        page.route("**/*", lambda route: route.abort("connectionrefused"))
        waited = [seconds_until_asked(traffic) for _ in range(6)]
        assert waited == pytest.approx([15, 30, 60, 120, 120, 120], abs=SLACK)
        expect(page.locator("#lost")).to_contain_text("does not answer since")
        page.unroute("**/*")
        assert seconds_until_asked(traffic) == pytest.approx(120, abs=SLACK)
        expect(page.locator("#live")).to_have_text("● live")
        traffic.wait_for(lambda: True)
        assert seconds_until_asked(traffic) == pytest.approx(15, abs=SLACK)
        expect(page.locator("#lost")).to_be_hidden()


def test_a_login_that_is_over_is_told(served: tuple[State, PageServer], browser: Chromium):
    """What one reads stays; the page says that it is not let in, not that the service is away."""
    with browser.visit(served[1].url) as visit:
        open_live(visit)
        visit.page.route("**/*", lambda route: route.fulfill(status=403, body="no"))
        visit.page.clock.run_for(EVERY_MS)
        expect(visit.page.locator("#lost")).to_contain_text("Reload the page to log in.")
        expect(visit.page.locator(".tiles")).to_be_visible()


def seconds_until_asked(traffic: Traffic) -> int:
    """Return after how many seconds the page asks anew, in steps of 5, when that has ended."""
    before, seconds = traffic.pages(), 0
    while traffic.pages() == before:
        assert seconds < 200
        traffic.page.clock.run_for(5000)
        traffic.page.wait_for_timeout(20)
        seconds += 5
    traffic.wait_for(lambda: True)
    traffic.page.wait_for_timeout(200)  # the page learns of it and plans anew
    return seconds


def test_the_filter_shows_what_was_typed_last(browser: Chromium):
    """A slow answer for less of the word does not come after that for the whole word."""
    names = [f"u{n}" for n in range(2000)]
    many = snapshot(time.time(), names)
    slow: list[Route] = []

    def first_is_slow(route: Route) -> None:
        if route.request.url.endswith("&range=6h") and "q=u19&" in route.request.url:
            slow.append(route)
        else:
            route.continue_()

    with (
        PageServer(Context(), snapshots=lambda: many) as server,
        browser.visit(server.url) as visit,
    ):
        page = visit.page
        page.route("**/users?*", first_is_slow)
        visit.open(f"{PREFIX[1:]}users")
        expect(page.locator("caption")).to_contain_text("100 of 2,000")
        page.locator("#q").press_sequentially("u19")
        while not slow:
            page.wait_for_timeout(10)
        page.locator("#q").press_sequentially("99")
        expect(page.locator("#table tbody tr")).to_have_count(1)
        for route in slow:
            route.continue_()
        page.wait_for_timeout(300)
        assert page.locator("#table tbody tr").count() == 1
        assert page.locator("#q").input_value() == "u1999"
        assert "q=u1999" in page.url
        page.reload()
        assert page.locator("#table tbody tr").count() == 1


def test_a_server_that_starts_appears_on_my_usage(tmp_path: Path, browser: Chromium):
    """Nobody has to load the page anew; each server's plots are its own and stay so."""
    with state("well", tmp_path) as found:
        now, both = time.time(), ["one", "two"]
        shown = [snapshot(now, ["u1"], ["one"])]
        found.more["snapshots"] = lambda: shown[0]
        own = Viewer("u1", full=False)
        with found.serve(own) as server, browser.visit(server.url) as visit:
            page: Page = visit.page
            page.clock.install()
            visit.open(f"{PREFIX[1:]}me")
            expect(page.locator("h2.server")).to_have_text(["one"])
            shown[0] = snapshot(now, ["u1", "u1"], ["one", "two"])
            goes_on_until(page, lambda: page.locator("h2.server").all_inner_texts() == both)
            for _ in range(2):
                page.clock.run_for(EVERY_MS)
                page.wait_for_timeout(100)
                asked = page.locator(".panel").evaluate_all(SOURCES)
                assert [each.rpartition("name=")[2] for each in asked] == ["one"] * 2 + ["two"] * 2
            shown[0] = snapshot(now, [])
            goes_on_until(page, lambda: page.locator("h2.server").count() == 0)
            assert page.locator("main").get_by_role("link", name="Start a server").is_visible()


def goes_on_until(page: Page, there: Callable[[], bool]) -> None:
    """Let time pass on the page until it is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not there():
        assert time.monotonic() < until
        page.clock.run_for(EVERY_MS)
        page.wait_for_timeout(50)
