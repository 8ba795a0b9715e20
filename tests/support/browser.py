"""A real headless Chromium for tests of pages: Playwright drives the one that Debian has.

    with Chromium() as browser, browser.visit(hub.url, name="admin", dark=True) as visit:
        visit.open("services/monitoring/")
        visit.page.get_by_role("link", name="Health").click()  # Playwright's own Page
        assert visit.troubles == []
        assert check_axe(visit.page) == []
        shoot(visit.page, "health-dark")

Playwright keeps an event loop running in this thread for as long as the browser is open, so no
`async def` test can run meanwhile: keep them in other modules than those that use `browser`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import (
    BrowserContext,
    Error,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from support import peers

if TYPE_CHECKING:
    from typing_extensions import Self

SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
PATIENCE_MS = 120_000  # for whatever one waits; the machine may be busy
expect.set_options(timeout=PATIENCE_MS)
ABORTED = "net::ERR_ABORTED"  # a page that is left ends what it still asks for

AXE = """
async (within) => {
  const {violations} = await axe.run(within || document, {resultTypes: ["violations"]});
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact)).flatMap(
    ({impact, id, help, nodes}) => nodes.map(
      (node) => `${impact}: ${help} (${id}) at ${node.target.join(" ")}: ${node.html}`));
}
"""


class Chromium:
    """One browser. Its visits know nothing of each other."""

    def __enter__(self) -> Self:
        self._cookies: dict[tuple[str, str], Any] = {}
        with ExitStack() as opened:
            chromium = opened.enter_context(sync_playwright()).chromium
            # Chromium's own sandbox refuses root; that is Playwright's default, too.
            sandbox = os.geteuid() != 0
            program = peers.find("chromium")
            self._browser = chromium.launch(executable_path=program, chromium_sandbox=sandbox)
            opened.callback(self._browser.close)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._opened.close()

    @contextmanager
    def visit(  # the ways in which one page can be looked at
        self,
        hub: str,
        *,
        name: str = "",
        password: str = "right",
        width: int = 1440,
        dark: bool = False,
        javascript: bool = True,
    ) -> Iterator[Visit]:
        """Open a window on the Hub at the URL *hub*: of *name*, who has logged in, or of nobody."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            storage_state=self._logged_in(hub, name, password) if name else None,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield Visit(hub, context)
        finally:
            context.close()

    def _logged_in(self, hub: str, name: str, password: str) -> Any:
        """Return the cookies of a login through the form, done once in a window of its own."""
        if (hub, name) not in self._cookies:
            with self.visit(hub) as visit:
                visit.log_in(name, password)
                self._cookies[hub, name] = visit.page.context.storage_state()
        return self._cookies[hub, name]


@dataclass
class Visit:
    """A window, and what went wrong in it."""

    hub: str
    context: BrowserContext
    troubles: list[str] = field(default_factory=list)
    """Errors on the console and of scripts, requests that failed or went to another host."""
    hosts: set[str] = field(default_factory=set)
    """Host and port of every request."""

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.context.on("console", lambda said: self._console(said.type, said.text))
        self.context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        self.context.on("request", lambda request: self._asked(request.url))
        self.context.on("requestfailed", self._failed)
        self.context.on("response", self._answered)
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def open(self, path: str = "") -> int:
        """Go to a path below the Hub's URL; return the status when the page is loaded."""
        try:
            answer = self.page.goto(self.hub + path)
        except Error as error:  # an answer without a word in it, for one
            raise AssertionError(f"{error.message}\n{self.troubles}") from error
        assert answer is not None
        return answer.status

    def log_in(self, name: str, password: str = "right") -> None:
        """Fill in the Hub's form; end on the Hub's home page."""
        home = urlsplit(self.hub).path + "hub/home"
        self.open(f"hub/login?next={quote(home)}")
        self.page.fill("#username_input", name)
        self.page.fill("#password_input", password)
        self.page.click("#login_submit")
        self.page.wait_for_url(f"**{home}")

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.troubles.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("data", "blob"):
            return
        self.hosts.add(parts.netloc)
        if parts.netloc != urlsplit(self.hub).netloc:
            self.troubles.append(f"another host: {url}")

    def _failed(self, request: Request) -> None:
        if request.failure != ABORTED:
            self.troubles.append(f"request: {request.failure} {request.url}")

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self.troubles.append(f"request: {answer.status} {answer.url}")


def check_axe(page: Page, within: str = "") -> list[str]:
    """Return what axe-core finds serious or critical, in elements that match the CSS *within*.

    Needs JavaScript in the page, and `@pytest.mark.peer("axe")` at the test.
    """
    page.evaluate(peers.find("axe").read_text())  # no tag: our pages' policy forbids inline scripts
    found: list[str] = page.evaluate(AXE, within)
    return found


def shoot(page: Page, name: str) -> Path:
    """Save the whole page as .screenshots/NAME.png, for people to look at."""
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True, animations="disabled")
    return path
