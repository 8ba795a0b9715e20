"""What is worth looking at, declared once; pages and dashboards of other tools are made of it."""

from .catalogue import PANELS, Board, board, panel
from .panel import Curve, Fold, Kind, Panel, Tone
from .unit import Unit

__all__ = ["PANELS", "Board", "Curve", "Fold", "Kind", "Panel", "Tone", "Unit", "board", "panel"]
