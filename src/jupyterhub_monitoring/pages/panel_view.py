"""A panel as the page draws its frame: title, reason, and where its data and its PromQL are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ..dashboards import Panel
from ..usage.viewer import Viewer
from .panel_data import queries_of
from .period import Period
from .subject import Subject


@dataclass(frozen=True, slots=True)
class PanelView:
    """Addresses are below the service's prefix; *explore* is empty for who may not ask.

    *anchor* is the frame's id, by default the panel's: a page about several servers has one panel
    several times.
    """

    panel: Panel
    data: str
    csv: str
    explore: str
    queries: tuple[str, ...]
    anchor: str = ""


def panel_views(
    panels: Iterable[Panel], period: Period, viewer: Viewer, about: Subject | None = None
) -> list[PanelView]:
    """Return the frames of *panels*; those with places are *about* somebody."""
    return [_view(panel, period, viewer, about) for panel in panels]


def _view(panel: Panel, period: Period, viewer: Viewer, about: Subject | None) -> PanelView:
    where = period.query
    if about is not None and panel.places:
        where += "&" + urlencode({"user": about.user, "name": about.server})
    queries = queries_of(panel, period, about.places if about else {})
    asked = urlencode([("expr", query) for query in queries])
    return PanelView(
        panel,
        f"panels/{panel.id}?{where}",
        f"panels/{panel.id}.csv?{where}",
        f"explore?{asked}&{period.query}" if viewer.full else "",
        queries,
        f"panel-{panel.id}-{quote(about.server)}" if about and about.server else "",
    )
