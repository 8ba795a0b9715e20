"""Who looks, and whose numbers and names that one may see."""

from __future__ import annotations

from dataclasses import dataclass

from ..metrics.usernames import Usernames, policy


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. *name* is the username, None of a service and of nobody.

    *full* is to see everybody. *others* are the usernames, as the Hub has them, of those that are
    seen without it: the members of a group whose admin this is.
    """

    name: str | None
    full: bool
    others: frozenset[str] = frozenset()

    @property
    def sees_others(self) -> bool:
        """Whether there may be anybody else to see."""
        return self.full or bool(self.others - {self.name})

    def may_see(self, username: str) -> bool:
        """Whether the numbers of *username* are for this viewer."""
        return self.full or username == self.name or username in self.others

    def label(self, username: str, names: Usernames | None = None) -> str:
        """Return how *username* is shown; see `label_of`."""
        return self.label_of(username, username, names)

    def label_of(self, username: str, text: str, names: Usernames | None = None) -> str:
        """Return how *text*, a name or what *username* named, is shown.

        To its owner as it is, to others as *names* allow: by default, the policy in force. Empty
        where that leaves names out.
        """
        if username == self.name or not text:
            return text
        return (names or policy()).label(text)


NOBODY = Viewer(None, full=False)
