"""What the API says of series that another engine keeps."""

from __future__ import annotations

from tornado.web import HTTPError

from .handler import ApiHandler


def elsewhere(handler: type[ApiHandler], place: str) -> type[ApiHandler]:
    """Return *handler*; if it asks for series, one that says that *place* has them.

    We do not pass questions on: whoever may ask us would ask with our credentials.
    """
    if not handler.asks_store:
        return handler

    async def answer(_self: ApiHandler, *_args: str) -> None:
        raise HTTPError(
            404, f"this service keeps no series: ask {place} (c.Monitoring.prometheus_url)"
        )

    return type(handler.__name__, (handler,), {"answer": answer, "__doc__": answer.__doc__})
