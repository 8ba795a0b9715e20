"""What is worth looking at, declared once; pages and dashboards of other tools are made of it."""

from .catalogue import PANELS, Board, board, panel
from .dashboard import DASHBOARDS, Dashboard, Section
from .panel import Curve, Fold, Kind, Mood, Panel, State, Threshold, Tone
from .unit import Unit

__all__ = [
    "DASHBOARDS",
    "PANELS",
    "Board",
    "Curve",
    "Dashboard",
    "Fold",
    "Kind",
    "Mood",
    "Panel",
    "Section",
    "State",
    "Threshold",
    "Tone",
    "Unit",
    "board",
    "panel",
]
