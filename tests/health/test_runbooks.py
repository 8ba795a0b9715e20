"""Every health code has a page that says what it means, how to see it and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.rules.pack import alert_names
from jupyterhub_monitoring.health import CODES

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
SECTIONS = ("## What it means", "## How to see it", "## What to do")


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_code_has_a_runbook(code) -> None:
    """The page has the code and its title on top, the three parts, a command, and a step."""
    page = (RUNBOOKS / f"{code.code}.md").read_text()
    assert page.startswith(f"# {code.code}: {code.title}\n")
    places = [page.index(section) for section in SECTIONS]
    assert places == sorted(places)
    assert "```sh" in page
    assert "\n* " in page[places[-1] :]


def test_no_runbook_is_left_over() -> None:
    """No page speaks of a code or an alert that does not exist."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*CODES, *alert_names()}
