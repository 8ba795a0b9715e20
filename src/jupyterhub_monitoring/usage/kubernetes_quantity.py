"""Quantities as Kubernetes writes them: '250m' of a core, '128Mi' bytes, '1e3'."""

from __future__ import annotations

import re

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_QUANTITY = re.compile(rf"({_NUMBER})(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{{1,3}}))?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def quantity(text: str) -> float:
    """Return what *text* says, in cores or bytes. `ValueError` where it is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("no quantity of Kubernetes")
    number, unit, exponent = match.groups()
    if unit in _BINARY:
        return float(float(number) * 2 ** _BINARY[unit])
    # As text, so that '1500n' is exactly 1.5e-6: a product of floats would be off in the last bit.
    return float(f"{number}e{_DECIMAL[unit] if unit else exponent or 0}")
