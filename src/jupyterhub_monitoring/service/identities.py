"""Who is behind which token, as the Hub said a moment ago; never more than so many.

JupyterHub's library forgets each answer after five minutes, but keeps any number until then, those
for tokens that somebody made up as well.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.services.auth import HubOAuth, _ExpiringDict

MAX_IDENTITIES = 10_000


class Identities(_ExpiringDict):
    """A cache for `HubAuth` that forgets the oldest answers when it is full."""

    def __setitem__(self, key: str, model: dict[str, Any] | None) -> None:
        """Keep *model*, None for a token that the Hub does not know."""
        super().__setitem__(key, model)
        while len(self) > MAX_IDENTITIES:
            del self[next(iter(self.values))]


def use_bounded_cache() -> None:
    """Let the gate of this process keep its answers in `Identities`."""
    auth = HubOAuth.instance()
    auth.cache = Identities(auth.cache_max_age)
