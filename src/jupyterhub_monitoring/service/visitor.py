"""Who asks, and what that one may: decided here alone, from what the Hub says of a token.

Three scopes of JupyterHub count. `access:services!service=monitoring` lets in: admins have it, and
users by `c.Monitoring.my_usage`. `read:metrics`, which admins have, shows people everything; a
service that is let in sees everything without it. `list:users` shows those whom the Hub lists.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from jupyterhub.services.auth import check_scopes

ACCESS = "access:services!service=monitoring"
FULL_VIEW = "read:metrics"
LISTING = "list:users"


class Needs(Enum):
    """What a handler wants of who asks it."""

    FULL = "the full view: what it shows is about everybody"
    LOGIN = "to be let in: it shows what its `viewer` may see, and no more"
    NAME = "to be a user of the Hub, or let in: who is not let in sees the own"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user of the Hub, or a service of it (*is_user* is False), with the scopes of the token."""

    name: str
    is_user: bool
    let_in: bool  # to this service
    scopes: frozenset[str]
    admin: bool = False  # who logged in on a page; a token may do less than its owner

    @classmethod
    def of(cls, model: Mapping[str, Any], access: Collection[str], *, by_cookie: bool) -> Visitor:
        """Return whom the Hub's *model* describes. One scope of *access* lets in."""
        scopes = frozenset(model.get("scopes") or ())
        is_user = model.get("kind") == "user"
        return cls(
            name=model["name"],
            is_user=is_user,
            let_in=bool(check_scopes(set(access or {ACCESS}), set(scopes))),
            scopes=scopes,
            admin=is_user and by_cookie and model.get("admin") is True,
        )

    @property
    def full(self) -> bool:
        """Whether everything may be seen."""
        return self.let_in and (not self.is_user or self.admin or FULL_VIEW in self.scopes)

    @property
    def lists_others(self) -> bool:
        """Whether the Hub may list other users to the token; only it knows which."""
        own = f"{LISTING}!user={self.name}"
        listing = {scope for scope in self.scopes if scope.partition("!")[0] == LISTING}
        return self.is_user and self.let_in and not self.full and bool(listing - {own})

    def why_not(self, needs: Needs) -> str | None:
        """Return a sentence with the scope that is missing for *needs*; None if none is."""
        if needs is Needs.NAME and self.is_user:
            return None
        if not self.let_in:
            return f"this takes the scope {ACCESS}, which you, or your token, do not have"
        if needs is Needs.FULL and not self.full:
            return (
                "this shows everybody's numbers, which takes the scope"
                f" {FULL_VIEW}, and you, or your token, do not have it"
            )
        return None
