"""The text form of matchers: `{severity="critical",job=~"hub.*"}`, and what people write of it.

Two grammars are tried, as Alertmanager does since 0.27: the strict one, in which names and values
may be any quoted text, and the older one, which forgives. Where both read something and disagree,
the older one wins, so that a file means what it always meant.
"""

from __future__ import annotations

from .matcher import Matcher, Matchers


def parse_matchers(text: str) -> Matchers:
    """Return the matchers of *text*, in its order. Raises `BadData`."""
    raise NotImplementedError


def parse_matcher(text: str) -> Matcher:
    """Return the one matcher of *text*, which has no braces. Raises `BadData`."""
    raise NotImplementedError
