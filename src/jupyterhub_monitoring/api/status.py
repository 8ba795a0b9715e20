"""`/api/v1/status/…`: what this service is, how it runs, and how full its store is."""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..alerting.rfc3339 import rfc3339
from ..errors import BadData
from .handler import Answer, ApiHandler
from .parameters import parse_integer

if TYPE_CHECKING:
    from ..store.store import StoreStats

PROMETHEUS = "3.14.0"
"""The Prometheus whose API and PromQL this is; Grafana chooses its requests by it."""

DEFAULT_ROWS = 10
MOST_ROWS = 10_000

LATEST, EARLIEST = 2**63 - 1, -(2**63)
"""What Prometheus shows as the oldest and the newest time of an empty store."""


class BuildInfo(ApiHandler):
    """`/api/v1/status/buildinfo`."""

    endpoint = "/api/v1/status/buildinfo"

    async def answer(self, *_args: str) -> None:
        """Answer with the version of Prometheus that this stands for, and our own."""
        self.succeed(
            {
                "application": "jupyterhub-monitoring",
                "version": PROMETHEUS,
                "revision": self.context.version,
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": f"Python {platform.python_version()}",
            }
        )


class RuntimeInfo(ApiHandler):
    """`/api/v1/status/runtimeinfo`."""

    endpoint = "/api/v1/status/runtimeinfo"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with Prometheus's fields; threads take the place of goroutines."""
        context, store = self.context, self.context.store
        started = rfc3339(int(context.started * 1000))

        def work() -> Answer:
            return {
                "startTime": started,
                "CWD": os.getcwd(),  # noqa: PTH109 -- a text for people
                "hostname": socket.gethostname(),
                "serverTime": rfc3339(int(time.time() * 1000)),
                "reloadConfigSuccess": True,
                "lastConfigTime": started,
                "corruptionCount": len(store.damage()),
                "goroutineCount": threading.active_count(),
                "GOMAXPROCS": os.cpu_count() or 1,
                "GOMEMLIMIT": 0,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": context.retention,
            }, ()

        await self.look_up(work)


class Flags(ApiHandler):
    """`/api/v1/status/flags`: the settings in force."""

    endpoint = "/api/v1/status/flags"

    async def answer(self, *_args: str) -> None:
        """Answer with texts by name."""
        self.succeed(dict(self.context.flags))


class TsdbStatus(ApiHandler):
    """`/api/v1/status/tsdb`: how many series, and which metrics and labels have most."""

    endpoint = "/api/v1/status/tsdb"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with the first `limit` rows of each list, 10 by default."""
        rows, store = self._rows(), self.context.store
        await self.look_up(lambda: (tsdb(store.stats(), rows), ()))

    def _rows(self) -> int:
        text = self.parameters.text("limit")
        if not text:
            return DEFAULT_ROWS
        try:
            rows = parse_integer(text)
        except ValueError:
            rows = 0
        if rows < 1:
            raise BadData("limit must be a positive number")
        if rows > MOST_ROWS:
            raise BadData(f"limit must not exceed {MOST_ROWS}")
        return rows


def tsdb(stats: StoreStats, rows: int) -> dict[str, object]:
    """Return Prometheus's form of *stats*, the first *rows* of each list.

    The store has no chunks but pages, and does not count bytes by label nor series by label pair.
    """
    return {
        "headStats": {
            "numSeries": stats.series,
            "numLabelPairs": stats.label_pairs,
            "chunkCount": stats.pages,
            "minTime": LATEST if stats.oldest_ms is None else stats.oldest_ms,
            "maxTime": EARLIEST if stats.newest_ms is None else stats.newest_ms,
        },
        "seriesCountByMetricName": _rows(stats.metrics, rows),
        "labelValueCountByLabelName": _rows(stats.labels, rows),
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": [],
    }


def _rows(pairs: Sequence[tuple[str, int]], rows: int) -> list[dict[str, object]]:
    return [{"name": name, "value": value} for name, value in pairs[:rows]]
