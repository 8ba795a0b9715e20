"""Explore in a real browser: typing with help, errors in their place, links for others."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from support.browser import PATIENCE_MS, Chromium, Visit, check_axe, shoot
from support.explored import EVIL, explored
from support.page_server import PREFIX, PageServer

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.peer("axe")]
expect.set_options(timeout=PATIENCE_MS)

OPTIONS = ".options [role=option]"
EXPLORE = f"{PREFIX[1:]}explore"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    end = int(time.time()) + 3600  # so that there are samples at each moment of the tests
    with explored(tmp_path_factory.mktemp("store"), end, 90) as context, PageServer(context) as it:
        yield it


@pytest.fixture
def visit(pages: PageServer, browser: Chromium) -> Iterator[Visit]:
    with browser.visit(pages.url) as opened:
        yield opened
        assert opened.troubles == []


def address(*exprs: str, **more: str) -> str:
    return f"{EXPLORE}?{urlencode([*(('expr', expr) for expr in exprs), *more.items()])}"


def field(page: Page, number: int = 0) -> str:
    """The CSS of a field; wait until its help is there."""
    css = f"#expr-{number}"
    expect(page.locator(css)).to_have_attribute("role", "combobox")
    return css


def test_completion_needs_no_mouse(visit: Visit):
    """What is typed is completed with arrows, Tab and Enter: metric, label, value; Enter runs."""
    visit.open(EXPLORE)
    page, css = visit.page, field(visit.page)
    page.type(css, "su")
    options = page.locator(OPTIONS)
    expect(options.first).to_contain_text("sum")
    expect(page.locator(css)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")  # the first one
    page.keyboard.type("(ma")
    expect(options.filter(has_text="many")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    chosen = page.locator(f'{OPTIONS}[aria-selected="true"]')
    expect(chosen).to_have_count(1)
    while "many" not in chosen.inner_text():
        page.keyboard.press("ArrowDown")
    expect(page.locator(css)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    page.keyboard.press("Enter")
    page.keyboard.type("{")
    expect(options).to_have_text(["n"])
    page.keyboard.press("Tab")
    page.keyboard.type('="00')
    expect(options.first).to_contain_text("000")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("})")
    expect(page.locator(css)).to_have_value('sum(many{n="001"})')
    page.keyboard.press("Enter")
    expect(page.locator(".latest td")).to_have_text(["1"])
    expect(page.locator(".legend .name")).to_have_text(['sum(many{n="001"})'])


def test_help_is_shown_as_text(visit: Visit):
    """Help texts and label values with tags in them are read, not run."""
    visit.open(EXPLORE)
    page, css = visit.page, field(visit.page)
    page.type(css, "u")
    expect(page.locator(OPTIONS).nth(1)).to_contain_text("up")  # after "unless"
    page.keyboard.press("ArrowUp")  # from none to the last
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".options .help:visible")).to_have_text(f"Whether it answers. {EVIL}")
    page.keyboard.press("Escape")
    page.fill(css, "evil")
    page.keyboard.press("Enter")
    expect(page.locator(".legend .name")).to_contain_text(EVIL.replace('"', '\\"'))
    assert page.locator("main img").count() == 0


def test_escape_closes_and_enter_then_runs(visit: Visit):
    """The list is never in the way: Escape closes it, and without a choice Enter runs."""
    visit.open(EXPLORE)
    page, css = visit.page, field(visit.page)
    page.type(css, "u")
    page.locator(OPTIONS).first.wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(".options")).to_be_hidden()
    page.keyboard.type("p ==")
    page.keyboard.type(" 1")
    page.keyboard.press("Enter")
    expect(page.locator(".latest td")).to_have_text(["up", "hub", "1"])


def test_lines_are_for_who_writes_many(visit: Visit):
    """Shift+Enter begins a line, the field grows; undo takes a completion back."""
    visit.open(EXPLORE)
    page, css = visit.page, field(visit.page)
    before = page.locator(css).bounding_box()
    page.type(css, "sum(")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("up")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type(")")
    expect(page.locator(css)).to_have_value("sum(\nup\n)")
    after = page.locator(css).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > 2 * before["height"]
    page.keyboard.press("Enter")
    expect(page.locator(".latest td")).to_have_text(["1"])


def test_errors_are_marked_in_their_place(visit: Visit):
    """A wrong expression is shown again with the place marked; put right, the mark is gone."""
    visit.open(EXPLORE)
    page, css = visit.page, field(visit.page)
    page.fill(css, "sum(rat(up[5m]))")
    page.keyboard.press("Enter")
    expect(page.locator(".mistake p").first).to_contain_text("Did you mean rate?")
    expect(page.locator(".mistake mark")).to_have_text("rat")
    expect(page.locator(css)).to_have_attribute("aria-invalid", "true")
    mark, caret = (page.locator(f".mistake {it}").bounding_box() for it in ("mark", ".caret"))
    assert mark is not None
    assert caret is not None
    assert abs(mark["x"] + mark["width"] - caret["x"] - caret["width"]) < 2
    page.fill(css, "sum(rate(up[5m]))")
    page.keyboard.press("Enter")
    expect(page.locator(".latest td")).to_have_text(["0"])
    expect(page.locator(".mistake")).to_have_count(0)
    assert page.locator(css).get_attribute("aria-invalid") is None


def test_a_link_shows_others_the_same(visit: Visit, pages: PageServer, browser: Chromium):
    """The address follows what is asked, and opens the same for somebody else; back goes back."""
    visit.open(address("up"))
    page = visit.page
    field(page)
    page.get_by_role("button", name="Add an expression").click()
    page.keyboard.type("count(many)")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator(".latest")).to_have_count(2)
    page.select_option("#range", "6h")
    expect(page).to_have_url(re.compile(r"expr=up&expr=count%28many%29|range=6h.*expr=up"))
    expect(page.locator(".legend")).to_have_count(2)
    with browser.visit(pages.url) as other:
        other.open(page.url.removeprefix(pages.url))
        expect(other.page.locator("textarea").nth(1)).to_have_value("count(many)")
        expect(other.page.locator(".legend .name")).to_have_count(3)
        assert other.page.input_value("#range") == "6h"
        assert other.troubles == []
    page.go_back()
    page.go_back()
    expect(page.locator("textarea")).to_have_count(1)
    expect(page.locator("#range")).to_have_value("1h")


def test_one_line_of_many_is_shown_alone(visit: Visit):
    """A click on a line's name hides the others, by mouse or by keyboard; another shows all."""
    visit.open(address("many < 50"))
    page = visit.page
    names = page.locator(".legend button")
    expect(names).to_have_count(50)
    names.nth(7).press("Enter")
    expect(names.nth(7)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".legend .away")).to_have_count(49)
    names.nth(7).click()
    expect(page.locator(".legend .away")).to_have_count(0)


def test_what_was_asked_lately_is_kept_here(visit: Visit):
    """The browser keeps what was asked, shows it on an empty page, and forgets it when told to."""
    visit.open(address("up", "many < 3"))
    page = visit.page
    expect(page.locator(".legend .name")).to_have_count(5)
    visit.open(EXPLORE)
    lately = page.locator("#recent li")
    expect(lately).to_have_text(["many < 3", "up"])
    page.get_by_role("button", name="Forget them").click()
    expect(lately).to_have_count(0)
    visit.open(EXPLORE)
    field(page)
    assert page.locator("#recent").is_hidden()


def test_it_works_without_javascript(pages: PageServer, browser: Chromium):
    """The form asks, the page answers: fields, values and errors need no script."""
    with browser.visit(pages.url, javascript=False) as visit:
        visit.open(EXPLORE)
        visit.page.fill("textarea", "up == 1")
        visit.page.get_by_role("button", name="Run").click()
        expect(visit.page.locator(".latest td")).to_have_text(["up", "hub", "1"])
        visit.page.get_by_role("button", name="Add an expression").click()
        visit.page.fill("#expr-1", "rate(up")
        visit.page.get_by_role("button", name="Run").first.click()
        expect(visit.page.locator(".mistake mark")).to_have_text("(")
        expect(visit.page.locator(".latest td")).to_have_text(["up", "hub", "1"])


LOOKS = {
    "empty": EXPLORE,
    "error": address("up", "sum(\n  rate(many)\n)"),
    "many": address("many < 200"),
    "nothing": address("manny"),
}


@pytest.mark.parametrize(
    ("width", "dark"), [(360, False), (1440, True)], ids=["narrow-light", "wide-dark"]
)
@pytest.mark.parametrize("look", LOOKS)
def test_it_can_be_read(look: str, width: int, dark: bool, pages: PageServer, browser: Chromium):
    """In light and dark, wide and narrow, nothing is too pale, too wide or without a name."""
    with browser.visit(pages.url, width=width, dark=dark) as visit:
        visit.open(LOOKS[look])
        field(visit.page)
        expect(visit.page.locator(".panel.loading")).to_have_count(0)
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert check_axe(visit.page) == []
        shoot(visit.page, f"explore-{look}-{width}-{'dark' if dark else 'light'}")
        assert visit.troubles == []
