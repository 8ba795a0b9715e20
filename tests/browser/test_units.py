"""What scripts write of a number is what the server writes of it."""

from __future__ import annotations

import math
import random

import pytest

from jupyterhub_monitoring.dashboards import Unit
from jupyterhub_monitoring.dashboards.unit import UNKNOWN
from support.browser import Chromium
from support.page_server import PREFIX, Context, PageServer

pytestmark = pytest.mark.peer("chromium")

EDGES = [
    0.0, -0.0, 1.0, -1.0, 0.05, 0.125, -0.125, 0.25, 1.25, 1.35, 2.5, -2.5, 99.95, 99.99, 100.0,
    100.5, 101.5, -100.5, 999.5, 1000.0, 1023.9, 1024.0, 1023.99 * 1024, 119.99, 120.0, 7199.0,
    7200.0, 172_799.0, 172_800.0, 0.9996, 0.99999, 0.001, 0.0001, 0.00012345, 1e-5, 1.5e-7, 1e-300,
    5e-324, 999_999.5, 1e6, 12_345_678.0, 1e9, 1e12, 999.96e12, 9.99996e14, 1e15, 1.25e15, 1e21,
    1e22, 1.7976931348623157e300, -0.04, -0.96, 0.0995, 0.00995, 0.072, 0.97249, 1.005, 3.6e6,
]  # fmt: skip
IN_PAGE = """
async ([address, cases]) => {
  const { text } = await import(address);
  return cases.map(([unit, value]) => text(value, unit));
}
"""


def some_numbers() -> list[float]:
    """Edges, and numbers of all sizes, some of them halfway between two texts."""
    dice = random.Random(5)
    wide = [dice.choice([1, -1]) * 10 ** dice.uniform(-8, 16) for _ in range(120)]
    halfway = [dice.randrange(4000) / 8 for _ in range(60)]
    return EDGES + wide + halfway


def test_scripts_write_numbers_as_the_server_does(browser: Chromium):
    """A tile of the server and the legend of a plot say the same of the same number."""
    cases = [(unit.value, value) for unit in Unit for value in some_numbers()]
    with PageServer(Context()) as server, browser.visit(server.url) as visit:
        visit.open(f"{PREFIX[1:]}nothing-but-our-policy")
        visit.troubles.clear()
        written = visit.page.evaluate(IN_PAGE, [f"{PREFIX}static/js/units.js", cases])
    expected = [Unit(unit).text(value) for unit, value in cases]
    pairs = zip(cases, written, expected, strict=True)
    assert [(case, *texts) for case, *texts in pairs if texts[0] != texts[1]] == []


def test_what_is_not_known_is_a_dash(browser: Chromium):
    """Neither null nor NaN is ever written as a number, and infinity has its sign."""
    values = [None, math.nan, math.inf, -math.inf]
    with PageServer(Context()) as server, browser.visit(server.url) as visit:
        visit.open(f"{PREFIX[1:]}nothing-but-our-policy")
        cases = [("bytes", value) for value in values]
        written = visit.page.evaluate(IN_PAGE, [f"{PREFIX}static/js/units.js", cases])
    assert written == [Unit.BYTES.text(value) for value in values] == [UNKNOWN, UNKNOWN, "∞", "-∞"]
