"""The gate: every route says what it needs, and a cookie alone changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse
from tornado.web import RequestHandler

from jupyterhub_monitoring.errors import ListingError
from jupyterhub_monitoring.service.gate import LISTED_USERS, Gated, gated
from jupyterhub_monitoring.service.listed_users import ListedUsers
from jupyterhub_monitoring.service.visitor import Needs
from support.gate_rig import PREFIX, Client, serve, session, stand_in_hub
from support.route_paths import path_of, route_table

OPEN = ("health", "oauth_callback", "static/.*")
"""What answers without a login, and says nothing about anybody: patterns of paths."""


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with stand_in_hub(monkeypatch):
        yield


# --- Every route --------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Any) -> Iterator[list[Any]]:
    """Return the service's own table of routes."""
    with route_table(tmp_path, PREFIX) as made:
        yield made


def is_open(path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in OPEN)


def below(pattern: str) -> str:
    return path_of(pattern).removeprefix(PREFIX)


def test_every_route_says_what_it_needs(table: list[Any]):
    """A handler is behind the gate, or in this file's list of those that are open to all."""
    assert len(table) > 20
    for pattern, handler, *_ in table:
        path = below(pattern)
        assert issubclass(handler, Gated) != is_open(path) or path == "health", pattern
    needs = {path: h.needs for p, h, *_ in table if not is_open(path := below(p))}
    assert needs["api/usage"] is Needs.NAME
    machines = re.compile(r"api/(?!usage)|alertmanager|federate|metrics|-/")
    for_machines = {path: found for path, found in needs.items() if machines.match(path)}
    assert len(for_machines) > 20
    assert set(for_machines.values()) == {Needs.FULL}


WHO: dict[str, tuple[str, str, set[Needs]]] = {
    "nobody": ("", "", set()),
    "unknown": ("header", "no-such-token", set()),
    "plain": ("header", "plain", {Needs.LOGIN, Needs.NAME}),
    "plain by cookie": ("cookie", "plain", {Needs.LOGIN, Needs.NAME}),
    "user without the scope": ("header", "closed", {Needs.NAME}),
    "user without the scope by cookie": ("cookie", "closed", {Needs.NAME}),
    "group admin": ("header", "teacher", {Needs.LOGIN, Needs.NAME}),
    "group admin by cookie": ("cookie", "teacher", {Needs.LOGIN, Needs.NAME}),
    "admin": ("header", "admin", set(Needs)),
    "admin by cookie": ("cookie", "admin", set(Needs)),
    "service": ("header", "service", set(Needs)),
    "service without the scope": ("header", "stranger", set()),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("how", "token", "gets"), WHO.values(), ids=WHO)
def test_who_gets_to_which_route(
    table: list[Any], how: str, token: str, gets: set[Needs], method: str
):
    """Each route of the table lets in exactly those whom its needs name; a cookie sends nothing."""
    let_in: dict[str, bool] = {}

    async def work(client: Client) -> None:
        for pattern, handler, *_ in table:
            path = below(pattern)
            if is_open(path):
                continue
            reply = await client.ask(
                path,
                method,
                token=token if how == "header" else "",
                cookies=session(token) if how == "cookie" else None,
            )
            if reply.code == 405:
                assert method == "POST"
                continue
            turned_away = reply.code in (401, 403) or is_login(reply)
            let_in[path] = not turned_away
            may = handler.needs in gets and not (method == "POST" and how == "cookie")
            # A page may still say that it is not for this viewer.
            refused_by_the_page = handler.needs is Needs.LOGIN and reply.code == 403
            assert let_in[path] == may or refused_by_the_page, (path, reply.code)

    async def everybody(client: Client) -> None:
        await work(client)

    serve(table, everybody, **{LISTED_USERS: ListedUsers(lambda _: frozenset())})
    assert len(let_in) > (15 if method == "GET" else 3)


def is_login(reply: HTTPResponse) -> bool:
    return reply.code == 302 and "oauth2/authorize" in reply.headers["Location"]


# --- What a handler learns ----------------------------------------------------------------------


class Mirror(RequestHandler):
    """Says who the viewer is, and gives the token for its form."""

    viewer: Any
    page = "mirror"  # a handler may have this attribute: the gate leaves it alone

    def get(self) -> None:
        viewer = self.viewer
        self.set_header("X-Form", self.xsrf_token.decode())
        self.finish({"name": viewer.name, "full": viewer.full, "others": sorted(viewer.others)})

    def post(self) -> None:
        self.finish(f"{self.page} changed by {self.viewer.name}")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish(str(kwargs["exc_info"][1].log_message))


MIRRORS = [
    route
    for needs in Needs
    for route in gated([(f"{PREFIX}{needs.name}", Mirror)], needs=needs, page=True)
]


@pytest.mark.parametrize(
    ("token", "path", "seen"),
    [
        ("plain", "LOGIN", {"name": "ben", "full": False, "others": []}),
        ("teacher", "LOGIN", {"name": "tom", "full": False, "others": ["ana", "ben"]}),
        ("teacher", "NAME", {"name": "tom", "full": False, "others": ["ana", "ben"]}),
        ("closed", "NAME", {"name": "eva", "full": False, "others": []}),
        ("admin", "LOGIN", {"name": "root", "full": True, "others": []}),
        ("admin", "FULL", {"name": "root", "full": True, "others": []}),
        ("service", "LOGIN", {"name": None, "full": True, "others": []}),
    ],
)
def test_the_viewer(token: str, path: str, seen: dict[str, Any]):
    """A handler knows whose numbers it may show; the Hub is asked only for a group's admin."""
    asked = []

    def ask(token: str) -> frozenset[str]:
        asked.append(token)
        return frozenset({"ana", "ben", "tom"})

    async def work(client: Client) -> None:
        for how in ({"token": token}, {"cookies": session(token)}):
            reply = await client.ask(path, **how)  # type: ignore[arg-type]
            assert (reply.code, reply.body and reply.code == 200) == (200, True)
            assert reply.body.decode() == str(seen).replace("'", '"').replace(
                "False", "false"
            ).replace("True", "true").replace("None", "null")
        # A token in the header that the Hub does not know hides nothing of the cookie's.
        reply = await client.ask(path, token="no-such-token", cookies=session(token))
        assert reply.code == 200

    serve(MIRRORS, work, **{LISTED_USERS: ListedUsers(ask)})
    assert asked == (["teacher"] if token == "teacher" else [])


def test_a_hub_that_does_not_list():
    """A group's admin is told so; a smaller group would be a wrong answer."""

    def ask(_: str) -> frozenset[str]:
        raise ListingError("timeout", "the Hub does not answer in time")

    async def work(client: Client) -> None:
        reply = await client.ask("LOGIN", token="teacher")
        assert reply.code == 503
        assert "whom you may see" in reply.body.decode()
        assert (await client.ask("LOGIN", token="plain")).code == 200

    serve(MIRRORS, work, **{LISTED_USERS: ListedUsers(ask)})


@pytest.mark.parametrize(
    ("token", "path", "scope"),
    [
        ("plain", "FULL", "read:metrics"),
        ("teacher", "FULL", "read:metrics"),
        ("closed", "FULL", "access:services!service=monitoring"),
        ("closed", "LOGIN", "access:services!service=monitoring"),
        ("stranger", "NAME", "access:services!service=monitoring"),
    ],
)
def test_a_refusal_names_the_scope(token: str, path: str, scope: str):
    """Who is refused can ask an administrator for the right thing."""

    async def work(client: Client) -> None:
        reply = await client.ask(path, token=token)
        assert reply.code == 403
        assert f"the scope {scope}" in reply.body.decode()

    serve(MIRRORS, work)


# --- Requests that change something -------------------------------------------------------------


async def form_of(client: Client, token: str) -> tuple[dict[str, str], str]:
    """Open the page as a browser does; return its cookies after that, and the form's token."""
    headers = {"Sec-Fetch-Mode": "navigate"}
    reply = await client.ask("LOGIN", cookies=session(token), headers=headers)
    assert reply.code == 200
    set_cookies = reply.headers.get_list("Set-Cookie")
    xsrf = [cookie for cookie in set_cookies if cookie.startswith("_xsrf=")]
    assert len(xsrf) == 1
    assert f"Path={PREFIX}" in xsrf[0]
    value = xsrf[0].partition("=")[2].partition(";")[0].strip('"')
    return {**session(token), "_xsrf": value}, reply.headers["X-Form"]


FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate"}


def test_a_form_of_ours():
    """The page's token in a form, or in a script's header, lets a cookie change something."""

    async def work(client: Client) -> None:
        cookies, token = await form_of(client, "plain")
        form = await client.ask(
            "LOGIN", "POST", cookies=cookies, headers=FORM, body=f"_xsrf={token}"
        )
        assert (form.code, form.body) == (200, b"mirror changed by ben")
        script = {"Sec-Fetch-Mode": "same-origin", "X-XSRFToken": token}
        for method in ("POST", "GET"):
            reply = await client.ask("LOGIN", method, cookies=cookies, headers=script)
            assert reply.code == 200

    serve(MIRRORS, work)


def test_forms_of_others():
    """Without the token, with a wrong one or one of somebody else, nothing is changed."""

    async def work(client: Client) -> None:
        cookies, token = await form_of(client, "plain")
        others_cookies, others = await form_of(client, "teacher")
        for body, sent in (
            ("", cookies),
            ("_xsrf=", cookies),
            (f"_xsrf={token[:-1]}", cookies),
            ("_xsrf=%C3%A9", cookies),
            (f"_xsrf={others}", cookies),
            (f"_xsrf={others}", {**cookies, "_xsrf": others_cookies["_xsrf"]}),
            (f"_xsrf={token}", {"_xsrf": cookies["_xsrf"]}),
        ):
            reply = await client.ask("LOGIN", "POST", cookies=sent, headers=FORM, body=body)
            assert reply.code in (401, 403), body
            assert b"changed" not in reply.body
        missing = await client.ask("LOGIN", "POST", cookies=cookies, headers=FORM)
        assert "load the page again" in missing.body.decode()
        # What another page of the same host fetches with the visitor's cookies.
        reply = await client.ask("LOGIN", cookies=cookies, headers={"Sec-Fetch-Mode": "cors"})
        assert reply.code == 403

    serve(MIRRORS, work)


def test_a_token_needs_no_form():
    """Programs send no cookie, so nobody can make a browser send their requests."""

    async def work(client: Client) -> None:
        for headers in ({}, {"Sec-Fetch-Mode": "cors"}):
            reply = await client.ask("LOGIN", "POST", token="plain", headers=headers)
            assert (reply.code, reply.body) == (200, b"mirror changed by ben")

    serve(MIRRORS, work)


def test_nobody_goes_to_the_login():
    """From a page; everything else gets an error."""

    async def work(client: Client) -> None:
        assert is_login(await client.ask("FULL"))
        assert (await client.ask("FULL", "POST")).code == 401

    serve(MIRRORS, work)
