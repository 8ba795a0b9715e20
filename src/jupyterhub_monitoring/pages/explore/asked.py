"""What somebody asks for: the expressions in an address, and the addresses that ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from ...dashboards import Kind, board
from ...errors import BadData
from ..panel_data import queries_of
from ..period import Period

MOST = 10
"""Expressions on one page."""


def expressions(texts: Iterable[str]) -> list[str]:
    """Return what is not empty of *texts*. Raises `BadData` where there are too many."""
    found = [text.replace("\r\n", "\n") for text in texts if text.strip()]
    if len(found) > MOST:
        raise BadData(f"a page holds at most {MOST} expressions, and here are {len(found)}")
    return found


def query_string(exprs: Sequence[str], period: Period) -> str:
    """Return what stands behind `?` in the address that asks for *exprs*."""
    return f"{urlencode([('expr', expr) for expr in exprs])}&{period.query}"


def latest_moment(period: Period, now: float) -> float:
    """Return when the latest values of *period* are: now, or where a time in the past ends.

    A plot that ends now ends at its last whole step, which may be half a day ago.
    """
    return now if period.name else period.end


def starting_points(period: Period) -> list[tuple[str, tuple[str, ...]]]:
    """Return titles and expressions to begin with: what the Overview shows as lines."""
    return [
        (panel.title, queries_of(panel, period, {}))
        for panel in board("overview").panels
        if panel.kind is Kind.LINES and not panel.places
    ]
