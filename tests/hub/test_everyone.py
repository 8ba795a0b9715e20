"""The role of all users gets one scope, and what the operator has in it stays."""

from __future__ import annotations

from typing import Any

import pytest

from jupyterhub_monitoring.hub.everyone import Opened, opened

SCOPE = "access:services!service=monitoring"
OTHER: dict[str, Any] = {"name": "teachers", "scopes": ["list:users"]}
STOCK = ["self", SCOPE]

CASES: dict[str, tuple[list[dict[str, Any]], set[str] | None, list[Any], set[str] | None]] = {
    "Hub 5, no role": ([OTHER], None, [OTHER, {"name": "user", "scopes": STOCK}], None),
    "Hub 5, a role": (
        [{"name": "user", "scopes": ["self", "shares"], "description": "d"}, OTHER],
        None,
        [{"name": "user", "scopes": ["self", "shares", SCOPE], "description": "d"}, OTHER],
        None,
    ),
    "Hub 5, a role without scopes": (
        [{"name": "user", "description": "d"}],
        None,
        [{"name": "user", "description": "d", "scopes": STOCK}],
        None,
    ),
    "Hub 6, no role": ([OTHER], set(), [OTHER], {SCOPE}),
    "Hub 6, more for users": ([], {"read:hub"}, [], {"read:hub", SCOPE}),
    "Hub 6, a role, which wins": (
        [{"name": "user", "scopes": ["self"]}],
        {"read:hub"},
        [{"name": "user", "scopes": STOCK}],
        {"read:hub"},
    ),
    "Hub 6, a role without scopes": (
        [{"name": "user", "description": "d"}],
        set(),
        [{"name": "user", "description": "d"}],
        {SCOPE},
    ),
    "it is there already": (
        [{"name": "user", "scopes": STOCK}],
        None,
        [{"name": "user", "scopes": STOCK}],
        None,
    ),
    "a role that takes all away": (
        [{"name": "user", "scopes": []}],
        None,
        [{"name": "user", "scopes": [SCOPE]}],
        None,
    ),
}


@pytest.mark.parametrize(("roles", "extra", "wanted", "wanted_extra"), CASES.values(), ids=CASES)
def test_what_users_get(roles: Any, extra: Any, wanted: Any, wanted_extra: Any):
    """One scope is added where the Hub takes it from; the operator's objects are not changed."""
    before = [dict(role) for role in roles]
    made = opened(roles, extra, SCOPE)
    assert made == Opened(wanted, wanted_extra and frozenset(wanted_extra))
    assert roles == before


def test_roles_that_an_authenticator_manages():
    """JupyterHub 5 would exit on two roles `user`: there the operator hears what to do instead."""
    made = opened([OTHER], None, SCOPE, managed=True)
    assert made.roles == [OTHER]
    assert f"Add '{SCOPE}' to their role yourself" in str(made.problem)
    assert opened([OTHER], set(), SCOPE, managed=True) == Opened([OTHER], frozenset({SCOPE}))
