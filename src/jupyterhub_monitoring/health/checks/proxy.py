"""The proxy's API answers, and the proxy knows where the Hub is."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..codes import PROXY_DOWN, PROXY_NO_HUB, PROXY_SLOW
from ..result import Finding, healthy, unhealthy, warning
from ..settings import MonitoringHealth


class ProxyCheck:
    """Asks for all routes, through the Hub's own proxy class, whichever it is."""

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        self._app, self._settings = app, settings

    async def __call__(self) -> Finding:
        """Look at the proxy now."""
        # The Hub's client retries for half a minute when nothing listens: end it before that.
        limit = 0.9 * self._settings.timeout("proxy")
        begun = time.perf_counter()
        try:
            routes = await asyncio.wait_for(self._app.proxy.get_all_routes(), limit)
        except (asyncio.TimeoutError, TimeoutError):
            return unhealthy(PROXY_DOWN, f"the proxy's API did not answer within {limit:g} s")
        except Exception as error:  # noqa: BLE001 -- each proxy class has errors of its own
            return unhealthy(PROXY_DOWN, f"the proxy's API failed: {error}")
        return self._judge(routes, time.perf_counter() - begun)

    def _judge(self, routes: dict[str, Any], seconds: float) -> Finding:
        hub = self._app.hub
        route = routes.get(hub.routespec)
        if route is None:
            return unhealthy(
                PROXY_NO_HUB, f"no route {hub.routespec} to the Hub among {len(routes)} routes"
            )
        target = str(route.get("target", "")).rstrip("/")
        if target and target != hub.host.rstrip("/"):
            return unhealthy(
                PROXY_NO_HUB, f"the route {hub.routespec} leads to {target}, not to {hub.host}"
            )
        if seconds >= self._settings.proxy_warning_seconds:
            return warning(PROXY_SLOW, f"{len(routes)} routes took {seconds:.2f} s")
        return healthy(f"{len(routes)} routes in {1000 * seconds:.0f} ms")
