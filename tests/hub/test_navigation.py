"""People find the pages from the Hub's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.real_hub import Browser
from support.service_hub import ServiceHub

HREF = 'href="/services/monitoring/"'

OWN_PAGE = """{% extends "templates/page.html" %}
{% block announcement %}<p>House rules</p>{% endblock %}
"""


def home(hub: ServiceHub, name: str) -> str:
    """The Hub's home page as *name* sees it."""
    browser = Browser(hub)
    return browser.login(name, "right").text


@contextmanager
def running(folder: Path, config: str = "") -> Iterator[ServiceHub]:
    hub = ServiceHub(folder, config=config)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    with running(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.mark.parametrize(("name", "entry"), [("admin", "Monitoring"), ("ana", "My usage")])
def test_the_navigation_leads_there(hub: ServiceHub, name: str, entry: str):
    """An admin finds the monitoring, everybody else what is theirs; once, not in a menu as well."""
    page = home(hub, name)
    assert page.count(HREF) == 1
    assert f">{entry}</a>" in page
    assert ">Services</a>" not in page


def test_the_operators_own_page_stays(tmp_path: Path):
    """A Hub with a page.html of its own shows that one, and us in its menu of services."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(OWN_PAGE)
    config = f"c.JupyterHub.template_paths = [{str(tmp_path / 'templates')!r}]"
    with running(tmp_path / "hub", config) as hub:
        page = home(hub, "admin")
    assert "House rules" in page
    assert page.count(HREF) == 1
    assert ">Services</a>" in page


def test_who_may_not_see_it_has_no_entry(tmp_path: Path):
    """Where people may not see their own usage, they are not led to a page that refuses them."""
    with running(tmp_path / "hub", "c.Monitoring.my_usage = False") as hub:
        assert HREF in home(hub, "admin")
        assert HREF not in home(hub, "ana")
