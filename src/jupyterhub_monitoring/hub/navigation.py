"""An entry in the Hub's navigation that leads to the pages of the service.

It is a template of ours before the Hub's own, so an operator's `page.html` comes before both. Then,
and wherever this cannot be done, the service is in the Hub's menu of services, as others are.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ..metrics.labels import Point
from .guard import guarded
from .service import NAME

log = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "page.html"
HREF = "monitoring_href"
"""The variable that the template knows the pages by."""


@guarded(Point.ATTACH)
def add_to_navigation(app: Any) -> None:
    """Add the entry to the pages of the Hub *app*, once it has its services."""
    service = app._service_map.get(NAME)
    own = app._template_paths_default()[0]
    before = [path for path in app.template_paths if path != own]
    if service is None or any((Path(path) / PAGE).is_file() for path in before):
        log.debug("The Hub's %s is the operator's; monitoring is in the menu of services", PAGE)
        return
    app.template_paths = [*before, str(TEMPLATES), own]
    app.template_vars = {**app.template_vars, HREF: service.href}
    service.display = False
