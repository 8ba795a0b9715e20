"""Every page in every state of the Hub: it is there, says what is wrong, and reads like a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.eventually import eventually
from support.page_server import PageServer
from support.page_states import NASTY, OPENING, STATES, Held, State, nasty_names, new_hub, state

PAGES = (
    "",
    "users",
    "groups",
    "user?user=u1",
    "server?user=u1",
    "activity",
    "activity?range=90d",
    "report",
    "report?by=group",
    "status",
    "me",
    "explore",
    "alerts",
    "rules",
    "checks",
)
FORBIDDEN = re.compile(r"\b(NaN|nan|None|undefined|Infinity|inf|null)\b")
ALL = [*STATES, "new"]


class Shown(HTMLParser):
    """What a person reads of a page, tooltips included; where its panels get their data."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.words: list[str] = []
        self.data: list[str] = []
        self.links: list[str] = []
        self._unread = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._unread = tag in ("script", "style", "code")
        self.words += [found[name] or "" for name in ("title", "aria-label") if name in found]
        if "data-src" in found:
            self.data.append(found["data-src"] or "")
        if tag == "a":
            self.links.append(found.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self._unread = False

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All of it, with one space where there were some."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(params=ALL)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PageServer]:
    """The pages in each state."""
    made: AbstractContextManager[State]
    made = new_hub(tmp_path) if request.param == "new" else state(request.param, tmp_path)
    with made as found, found.serve() as server:
        yield server


def test_every_page_is_there_and_has_no_word_of_a_program(served: PageServer):
    """Whatever is broken or empty: the page comes, though queries hang, and reads like a page."""
    for path in PAGES:
        answer = served.get(path)
        assert answer.status == 200, path
        shown = Shown(answer.body)
        assert FORBIDDEN.findall(shown.text) == [], (path, shown.text)
        assert shown.text.count("Monitoring") >= 2, path


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("well", "", "All is well|servers run"),
        ("store not open", "", f"Nothing is known of now: {OPENING}"),
        ("store not open", "status", "The store is being opened"),
        ("queries time out", "", "Nothing is known of now: .*time"),
        ("queries time out", "", "servers run .not known now."),
        ("queries fail", "", "Nothing is known of now: segment 12 is damaged"),
        ("queries hang", "", "the answer takes longer than usual"),
        ("queries hang", "", "servers run .no answer yet."),
        ("queries hang", "", "Near their limit .* of 2.0 GiB memory"),
        ("no activity", "activity", "is not kept, or cannot be read"),
        ("no activity", "user?user=u1", "Not known: what happened is not kept"),
        ("no activity", "", "Not known: what happened is not kept"),
        ("activity damaged", "activity", "activity.sqlite is damaged"),
        ("activity damaged", "server?user=u1", "activity.sqlite is damaged"),
        ("usage not sampled", "users", "Usage is not sampled"),
        ("usage not yet looked at", "users", "Nothing was looked at yet"),
        ("usage not seen", "users", "This is not new: the Hub does not answer"),
        ("usage not seen", "users", "not known: permission"),
        ("usage not seen", "server?user=u0", "is starting"),
        ("new", "", "The Hub was not heard of yet|nothing is scraped here, and the store is empty"),
        ("new", "users", "No server has run yet. Start one and it appears here within 15 s"),
        ("new", "activity", "Nobody had a server in this time"),
        ("new", "user?user=u1", "Nothing is known of u1 in this time"),
        ("new", "me", "You have no server that runs"),
    ],
)
def test_what_is_wrong_is_said(name: str, path: str, said: str, tmp_path: Path):
    """Each page says in a sentence why it does not know what it should."""
    made = new_hub(tmp_path) if name == "new" else state(name, tmp_path)
    with made as found, found.serve() as server:
        assert re.search(said, Shown(server.get(path).body).text)


def test_the_past_tells_of_itself(tmp_path: Path):
    """Before there was a Hub nothing is said of now, nor of what failed since."""
    with state("well", tmp_path) as found, found.serve() as server:
        assert "No server failed" not in Shown(server.get("?range=30d").body).text
        shown = Shown(server.get("?from=2020-01-01&to=2020-01-02").body).text
        assert "Nothing was recorded at the end of this time." in shown
        assert "No server failed to start in this time." in shown


def test_what_takes_long_is_there_the_next_time(tmp_path: Path):
    """A slow answer is waited for in the background, once, and shown to who looks again."""
    with state("well", tmp_path) as found, found.serve() as server:
        found.context.querier = held = Held(found.context.querier)
        assert "data-soon" in server.get("").body.decode()
        questions = held.asked
        assert "data-soon" in server.get("").body.decode()
        assert held.asked == questions
        held.let_go(server)
        eventually(lambda: "data-soon" not in server.get("").body.decode())
        assert held.asked == questions
        assert re.search("servers run", Shown(server.get("").body).text)


def test_any_name_has_its_pages(tmp_path: Path):
    """Links lead to the person and the server whatever they are called; their plots are full."""
    with nasty_names(tmp_path) as found, found.serve() as server:
        links = set(Shown(server.get("users").body).links)
        for name in NASTY:
            about = urlencode({"user": name})
            of_server = urlencode({"user": name, "name": name})
            for page in (f"user?{about}", f"server?{of_server}"):
                assert f"/services/monitoring/{page}" in links, name
                shown = Shown(server.get(page).body)
                assert " ".join(name.split()) in shown.text
                plots = [server.get(src.removeprefix("/services/monitoring/")).json
                         for src in shown.data]  # fmt: skip
                assert any(plot["lines"] for plot in plots), name
