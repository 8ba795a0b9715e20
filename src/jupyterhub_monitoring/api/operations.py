"""What keeps a service running asks: is it alive, is it ready, what are its own metrics."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry
from tornado.web import HTTPError

from ..metrics.exposition import Exposition, choose_format
from .handler import ApiHandler

_pages: WeakKeyDictionary[CollectorRegistry, Exposition] = WeakKeyDictionary()


class Healthy(ApiHandler):
    """`/-/healthy`: 200 whenever the process answers."""

    endpoint = "/-/healthy"

    async def answer(self, *_args: str) -> None:
        """Answer."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("jupyterhub-monitoring is Healthy.\n")


class Ready(ApiHandler):
    """`/-/ready`: 200 when queries are answered, else 503 and why not."""

    endpoint = "/-/ready"

    async def answer(self, *_args: str) -> None:
        """Answer."""
        unavailable = self.context.unavailable
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_status(200 if unavailable is None else 503)
        self.finish(f"{unavailable or 'jupyterhub-monitoring is Ready.'}\n")


class OwnMetrics(ApiHandler):
    """`/metrics`: what this process counts, in the format that the client asks for."""

    endpoint = "/metrics"

    async def answer(self, *_args: str) -> None:
        """Answer with all families of the registry."""
        registry = self.context.registry
        page = _pages.get(registry)
        if page is None:
            page = _pages[registry] = Exposition(registry)
        format_ = choose_format(",".join(self.request.headers.get_list("Accept")))
        self.set_header("Content-Type", format_.content_type)
        self.set_header("Vary", "Accept, Accept-Encoding")
        body = self.body_of(*await page.render(format_))
        self.send_whole(body, body.block())


class Unknown(ApiHandler):
    """Any other path."""

    endpoint = "other"
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    async def answer(self, *_args: str) -> None:
        """Say where to look."""
        raise HTTPError(
            404, f"{self.request.path} is not here; see docs/reference/http-api.md for what is"
        )

    delete = patch = put = ApiHandler.get
