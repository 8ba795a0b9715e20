"""Lets every user in to the service, to see the own usage: `c.Monitoring.my_usage`.

The Hub's role `user`, which every user has, gets one scope in addition. The Hub makes its roles
anew at each start, so that the stock role is back at the first one without us.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyterhub import orm

USER_ROLE = "user"
STOCK_SCOPES = ("self",)


@dataclass(frozen=True)
class Opened:
    """What `load_roles` and `extra_user_scopes` become; None where the Hub has no such setting."""

    roles: list[dict[str, Any]]
    extra: frozenset[str] | None
    problem: str | None = None


def opened(
    roles: Sequence[dict[str, Any]],
    extra: Collection[str] | None,
    scope: str,
    *,
    managed: bool = False,
) -> Opened:
    """Add *scope* to the role of all users, and keep whatever else the operator has in it.

    *managed* is an authenticator that has roles of its own: it may have a `user` as well, and the
    Hub exits on two. JupyterHub 6 has `extra_user_scopes` for it, which it ignores where a role
    `user` says its scopes.
    """
    kept = None if extra is None else frozenset(extra)
    theirs = next((role for role in roles if role.get("name") == USER_ROLE), None)
    if theirs is not None and "scopes" in theirs:
        return Opened([_with(role, scope) if role is theirs else role for role in roles], kept)
    if kept is not None:
        return Opened([*roles], kept | {scope})
    if theirs is not None:
        whole = {**theirs, "scopes": [*STOCK_SCOPES, scope]}
        return Opened([whole if role is theirs else role for role in roles], None)
    if managed:
        problem = (
            "c.Monitoring.my_usage: the authenticator manages roles, so users do not get the scope"
            f" that lets them see their own usage. Add {scope!r} to their role"
            " yourself, or set c.Monitoring.my_usage = False."
        )
        return Opened([*roles], None, problem)
    return Opened([*roles, {"name": USER_ROLE, "scopes": [*STOCK_SCOPES, scope]}], None)


def _with(role: Mapping[str, Any], scope: str) -> dict[str, Any]:
    scopes = list(role["scopes"] or ())
    return {**role, "scopes": scopes if scope in scopes else [*scopes, scope]}


def let_everyone_in(hub: Any, service: str) -> list[str]:
    """Do so in *hub*, before it makes its roles; return what stands against it.

    Never for a *service* that was made while the Hub ran: it has the name of ours, and is not ours.
    """
    known = orm.Service.find(hub.db, service)
    if known is not None and not known.from_config:
        return []
    made = opened(
        hub.load_roles,
        getattr(hub, "extra_user_scopes", None),
        f"access:services!service={service}",
        managed=bool(hub.authenticator.manage_roles),
    )
    hub.load_roles = made.roles
    if made.extra is not None:
        hub.extra_user_scopes = set(made.extra)
    return [made.problem] if made.problem else []
