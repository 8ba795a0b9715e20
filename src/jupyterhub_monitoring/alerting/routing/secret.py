"""Strings that must not be shown: passwords, tokens, addresses that are secrets."""

from __future__ import annotations

HIDDEN = "<secret>"
"""What stands in place of a secret, as in Prometheus and Alertmanager."""


class Secret(str):
    """A string that prints as `<secret>`; `reveal()` gives it to whom it is for.

    It is a string, so that it may be compared and passed on. What joins or encodes it works on the
    text itself: the result is no `Secret` any more.
    """

    __slots__ = ()

    def reveal(self) -> str:
        """Return the text."""
        return str.__str__(self)

    def __str__(self) -> str:
        return HIDDEN if self else ""

    def __repr__(self) -> str:
        return repr(str(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
