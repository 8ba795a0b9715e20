"""What tests of pages lean on: the browser tells of everything that goes wrong in a page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.browser import Chromium, check_axe, shoot
from support.ports import free_port

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.peer("axe")]

PAGES = {
    "/good": "<p>All is well</p><script>document.querySelector('p').append('!')</script>",
    "/console": "<script>console.warn('fine'); console.error('so not')</script>",
    "/raises": "<script>nothing.there()</script>",
    "/missing": "<script type=module>fetch('/nowhere')</script>",
    "/refused": f"<script type=module>fetch('http://127.0.0.1:{free_port()}/')</script>",
    "/dim": "<p style='color: #ccc; background: #fff'>Nobody can read this</p>",
    "/wide": "<p style='width: 500px'>x</p>",
}
HEAD = "<!doctype html><html lang=en><title>T</title><link rel=icon href=data:,><main><h1>T</h1>"


class Pages(BaseHTTPRequestHandler):
    """Answers with PAGES, under the policy that ours have but for inline scripts."""

    def do_GET(self) -> None:
        body = PAGES.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", "script-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(f"{HEAD}{body}</main></html>".encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_good_page_is_quiet(site: str, browser: Chromium):
    """Nothing is reported of a page that has nothing wrong; its host is known."""
    with browser.visit(site) as visit:
        assert visit.open("good") == 200
        assert visit.page.inner_text("p") == "All is well!"
        assert check_axe(visit.page) == []
        assert visit.troubles == []
        assert visit.hosts == {site.split("/")[2]}


@pytest.mark.parametrize(
    ("page", "trouble"),
    [
        ("console", "console: so not"),
        ("raises", "script: nothing is not defined"),
        ("missing", "request: 404 "),
        ("refused", "another host: http://127.0.0.1:"),
        ("not-there", "request: 404 "),
    ],
)
def test_trouble_is_told(page: str, trouble: str, site: str, browser: Chromium):
    """Errors on the console, of scripts and of requests, and other hosts, are found."""
    with browser.visit(site) as visit:
        visit.open(page)
        visit.page.wait_for_load_state("networkidle")
        assert any(trouble in told for told in visit.troubles), visit.troubles


def test_text_that_cannot_be_read_is_told(site: str, browser: Chromium):
    """Too little contrast is found, whatever the page's policy; not outside of what is asked."""
    with browser.visit(site) as visit:
        visit.open("dim")
        (found,) = check_axe(visit.page)
        assert found.startswith("serious: ")
        assert "color-contrast" in found
        assert "Nobody can read this" in found
        assert check_axe(visit.page, within="h1") == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_ways_to_look(dark: bool, width: int, site: str, browser: Chromium):
    """A window has the width and the colour scheme that were asked for."""
    with browser.visit(site, width=width, dark=dark) as visit:
        visit.open("good")
        assert visit.page.evaluate("innerWidth") == width
        assert visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark


def test_without_javascript(site: str, browser: Chromium):
    """A page can be looked at as those see it who switched scripts off."""
    with browser.visit(site, javascript=False) as visit:
        visit.open("good")
        assert visit.page.inner_text("p") == "All is well"


def test_pictures_are_kept(site: str, browser: Chromium):
    """A screenshot shows the whole page, and lies where people look for it."""
    with browser.visit(site, width=360) as visit:
        visit.open("wide")
        path = shoot(visit.page, "browser-wide")
    assert path.parent.name == ".screenshots"
    assert path.read_bytes().startswith(b"\x89PNG")
