"""`/hub/metrics`, as the Hub's own but for a tenth of the work, and without holding up the loop."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import metrics_authentication
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from tornado.iostream import StreamClosedError

from ..metrics.exposition import Exposition, Slices, choose_format
from ..metrics.labels import Point
from .guard import report

CHUNK_BYTES = 128 * 1024
# The fastest level: series compress to a tenth with it, and higher levels cost more CPU than the
# bytes on a local network are worth.
GZIP_LEVEL = 1
GZIP_WBITS = 31  # zlib's way to say: with gzip's header
BEFORE_SCRAPE_SECONDS = 1.0

EXPOSITION = Exposition(REGISTRY, on_error=lambda error: report(Point.METRICS_PAGE, error))

# zlib lets go of the interpreter's lock while it compresses; one thread is enough for one loop.
_compressor = ThreadPoolExecutor(1, thread_name_prefix="metrics-gzip")


class MetricsPage(BaseHandler):
    """All metrics, for Prometheus. Who may read them is as in a stock Hub."""

    _accept_token_auth = True

    @metrics_authentication
    async def get(self) -> None:
        """Answer in the format and encoding that the client asked for."""
        await self._before_scrape()
        await asyncio.sleep(0)  # a slice of its own, not one more after the Hub's authentication
        slices = Slices()
        pieces = await self._page(slices)
        self.set_header("Vary", "Accept, Accept-Encoding")
        try:
            if accepts_gzip(self.request.headers.get("Accept-Encoding", "")):
                await self._send_gzipped(pieces, slices)
            else:
                await self._send(pieces, slices)
        except StreamClosedError:
            self.log.debug("The client of the metrics page went away")

    async def _before_scrape(self) -> None:
        monitor = self.settings.get("monitoring")
        if monitor is None:
            return
        try:
            await asyncio.wait_for(monitor.before_scrape(), BEFORE_SCRAPE_SECONDS)
        except Exception as error:  # noqa: BLE001 -- the page then shows the rest
            report(Point.METRICS_PAGE, error)

    async def _page(self, slices: Slices) -> list[bytes]:
        try:
            format_ = choose_format(",".join(self.request.headers.get_list("Accept")))
            pieces = await EXPOSITION.render(format_, slices)
            self.set_header("Content-Type", format_.content_type)
        except Exception as error:  # noqa: BLE001 -- then as a stock Hub does it
            report(Point.METRICS_PAGE, error)
            pieces = [generate_latest(REGISTRY)]
            self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        return pieces

    async def _send(self, pieces: list[bytes], slices: Slices) -> None:
        self.set_header("Content-Length", str(sum(map(len, pieces))))
        for chunk in chunks(pieces):
            self.write(chunk)
            await self.flush()
            await slices.pause()

    async def _send_gzipped(self, pieces: list[bytes], slices: Slices) -> None:
        self.set_header("Content-Encoding", "gzip")
        loop = asyncio.get_running_loop()
        gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WBITS)
        for chunk in chunks(pieces):
            packed = await loop.run_in_executor(_compressor, gzip.compress, chunk)
            if packed:
                self.write(packed)
                await self.flush()
            await slices.pause()
        self.write(gzip.flush())


def chunks(pieces: list[bytes]) -> Iterator[bytes]:
    """Join *pieces* to chunks worth a system call each."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip."""
    for wish in accept_encoding.lower().split(","):
        name, _, parameters = wish.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return not _is_refused(parameters)
    return False


def _is_refused(parameters: str) -> bool:
    _, _, q = parameters.partition("q=")
    try:
        return bool(q) and float(q.split(";")[0]) == 0
    except ValueError:
        return False


def handlers() -> list[tuple[Any, ...]]:
    """Return the routes, without the Hub's prefix."""
    return [(r"/metrics$", MetricsPage), (r"/api/metrics$", MetricsPage)]
