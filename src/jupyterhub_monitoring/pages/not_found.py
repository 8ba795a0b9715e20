"""What answers where there is no page."""

from __future__ import annotations

from tornado.web import HTTPError

from .handler import PageHandler
from .navigation import Audience


class NotFoundPage(PageHandler):
    """Any address below the prefix that is nothing."""

    audience = Audience.ALL

    async def get(self) -> None:
        """Say so. HTTPError 404."""
        raise HTTPError(404, "Perhaps it has another name now; the navigation has what there is.")
