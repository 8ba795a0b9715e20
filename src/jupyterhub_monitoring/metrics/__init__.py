"""Every metric, declared once; the custom-metric API; fast text exposition.

The constants of the page (`SPAWN_SUCCESS`, …) are importable from here. The four that JupyterHub
itself registers (`TOTAL_USERS`, `RUNNING_SERVERS`, `ACTIVE_USERS`, `REQUEST_DURATION_SECONDS`) are
the Hub's own objects, looked up when asked for, so that importing this package does not import
the Hub.
"""

from typing import Any

from .catalogue import *  # noqa: F403 -- the catalogue is the public names
from .catalogue import STOCK
from .custom import record_custom_event, time_custom_operation, update_custom_gauge
from .declare import CATALOGUE, counter, gauge, histogram, register_all
from .spec import PREFIX, Kind, Label, MetricSpec

__all__ = [
    "CATALOGUE",
    "PREFIX",
    "STOCK",
    "Kind",
    "Label",
    "MetricSpec",
    "counter",
    "gauge",
    "histogram",
    "record_custom_event",
    "register_all",
    "time_custom_operation",
    "update_custom_gauge",
]

_FROM_HUB = {"TOTAL_USERS", "RUNNING_SERVERS", "ACTIVE_USERS", "REQUEST_DURATION_SECONDS"}


def __getattr__(name: str) -> Any:
    if name not in _FROM_HUB:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import jupyterhub.metrics  # noqa: PLC0415 -- see above

    return getattr(jupyterhub.metrics, name)
