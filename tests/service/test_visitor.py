"""What somebody may, from what the Hub says of the token: a table of scopes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.service.visitor import ACCESS, Needs, Visitor
from jupyterhub_monitoring.usage.viewer import NOBODY, Viewer

METRICS = "read:metrics"
GROUP = "list:users!group=class"
SELF = "list:users!user=ana"

# scopes; kind; admin; by a cookie; let in, full, lists others
CASES: dict[str, tuple[list[str], str, bool, bool, str]] = {
    "every user, by default": ([ACCESS], "user", False, True, "in"),
    "a user without it": ([], "user", False, True, ""),
    "read:metrics alone": ([METRICS], "user", False, False, ""),
    "both": ([ACCESS, METRICS], "user", False, False, "in full"),
    "all services": (["access:services", METRICS], "user", False, False, "in full"),
    "another service": (["access:services!service=x", METRICS], "user", True, True, ""),
    "an admin on a page": ([ACCESS], "user", True, True, "in full"),
    "an admin's token that may less": ([ACCESS], "user", True, False, "in"),
    "an admin who is not let in": ([METRICS], "user", True, True, ""),
    "a group's admin": ([ACCESS, GROUP], "user", False, True, "in lists"),
    "who lists all users": ([ACCESS, "list:users"], "user", False, False, "in lists"),
    "who lists one user": ([ACCESS, "list:users!user=ben"], "user", False, False, "in lists"),
    "who lists nobody else": ([ACCESS, SELF], "user", False, False, "in"),
    "a similar scope": ([ACCESS, "list:users-of!group=x"], "user", False, False, "in"),
    "a group's admin who is not let in": ([GROUP], "user", False, False, ""),
    "a group's admin with all": ([ACCESS, GROUP, METRICS], "user", False, False, "in full"),
    "a service": ([ACCESS], "service", False, False, "in full"),
    "a service without it": ([METRICS, "list:users"], "service", True, False, ""),
}


def visitor(scopes: list[str], kind: str, admin: bool, by_cookie: bool) -> Visitor:
    model: dict[str, Any] = {"kind": kind, "name": "ana", "scopes": scopes, "admin": admin}
    return Visitor.of(model, {ACCESS}, by_cookie=by_cookie)


@pytest.mark.parametrize(("scopes", "kind", "admin", "by_cookie", "may"), CASES.values(), ids=CASES)
def test_what_scopes_give(scopes: list[str], kind: str, *, admin: bool, by_cookie: bool, may: str):
    """Nobody who is not let in sees anything; only read:metrics makes a person see everything."""
    asks = visitor(scopes, kind, admin, by_cookie)
    found = {"in": asks.let_in, "full": asks.full, "lists": asks.lists_others}
    assert [word for word, is_so in found.items() if is_so] == may.split()
    assert (asks.why_not(Needs.FULL) is None) == ("full" in may)
    assert (asks.why_not(Needs.LOGIN) is None) == ("in" in may)
    assert (asks.why_not(Needs.NAME) is None) == ("in" in may or kind == "user")


def test_the_missing_scope_is_named():
    """Who is refused reads what to ask an administrator for."""
    assert ACCESS in str(visitor([METRICS], "user", False, True).why_not(Needs.FULL))
    assert METRICS in str(visitor([ACCESS], "user", False, True).why_not(Needs.FULL))


def test_a_model_of_an_odd_hub():
    """What the Hub does not say is not had."""
    asks = Visitor.of({"name": "ana"}, set(), by_cookie=True)
    assert (asks.is_user, asks.let_in, asks.full, asks.lists_others) == (False, False, False, False)
    assert (
        Visitor.of({"name": "a", "kind": "user", "admin": "yes"}, (), by_cookie=True).full is False
    )


# --- What a viewer sees -------------------------------------------------------------------------

TEACHER = Viewer("tom", full=False, others=frozenset({"ben"}))
VIEWERS: dict[str, tuple[Viewer, str, bool]] = {
    "own": (Viewer("ana", full=False), "ana", False),
    "group": (TEACHER, "ben tom", True),
    "only oneself in the group": (
        Viewer("ana", full=False, others=frozenset({"ana"})),
        "ana",
        False,
    ),
    "full": (Viewer("root", full=True), "ana ben root tom", True),
    "service": (Viewer(None, full=True), "ana ben root tom", True),
    "nobody": (NOBODY, "", False),
}


@pytest.mark.parametrize(("viewer", "seen", "others"), VIEWERS.values(), ids=VIEWERS)
def test_whom_a_viewer_sees(viewer: Viewer, seen: str, *, others: bool):
    """Oneself, those that the Hub lists, or everybody."""
    people = ("ana", "ben", "root", "tom", "")
    wanted = [*seen.split(), *([""] if viewer.full else [])]
    assert [name for name in people if viewer.may_see(name)] == sorted(wanted, key=people.index)
    assert viewer.sees_others is others
    with pytest.raises(dataclasses.FrozenInstanceError):
        viewer.full = True  # type: ignore[misc]


@pytest.mark.parametrize("mode", UsernameMode)
def test_names_as_the_mode_shows_them(monkeypatch: pytest.MonkeyPatch, mode: UsernameMode):
    """One's own names are plain in every mode; others', also to a group's admin, as it allows."""
    names = Usernames(mode, b"key")
    monkeypatch.setattr(usernames, "_in_force", names)
    shown = {"name": "ben", "hash": names.label("ben"), "none": ""}[mode.value]
    for viewer in (TEACHER, Viewer("tom", full=True)):
        assert (viewer.label("tom"), viewer.label_of("tom", "gpu")) == ("tom", "gpu")
        assert (viewer.label("ben"), viewer.label_of("ben", "")) == (shown, "")
        assert viewer.label_of("ben", "gpu") == names.label("gpu")
    assert Viewer(None, full=True).label("ben") == shown
