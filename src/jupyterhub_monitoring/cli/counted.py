"""How many there are, in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return "1 rule" or "1,200 rules" of a *noun* that takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
