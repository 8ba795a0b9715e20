"""Targets, their text, and the loop that asks them in rhythm."""

from .scraper import Scraper
from .settings import MonitoringScrape
from .state import Health, TargetState
from .target import Credentials, Limits, Target
from .target_config import extra_targets

__all__ = [
    "Credentials",
    "Health",
    "Limits",
    "MonitoringScrape",
    "Scraper",
    "Target",
    "TargetState",
    "extra_targets",
]
