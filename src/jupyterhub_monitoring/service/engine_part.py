"""An engine beside us, as a part of the service: seldom asked whether it has what pages need."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence

from ..alerting.rules.rule_status import GroupSnapshot
from ..errors import BadData, MonitoringError, NotPrometheus, QueryError
from ..health.codes import ENGINE_DOWN, ENGINE_LACKS
from ..metrics.spec import PREFIX
from ..promql.engine import Engine
from ..promql.quoting import quote
from ..querier import HttpQuerier, Kind, kind_of
from ..store.store import Store
from .application import Host

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
AGAIN_SECONDS = 10.0
"""After a look in vain. Two of them in a row are a fault: an engine may restart."""

SETTLED_SECONDS = 180.0
"""So long after our start the engine may not have scraped the Hub, nor evaluated a rule."""

_AT_ONCE = (Kind.UNAUTHORISED, Kind.NOT_PROMETHEUS)
"""What does not come and go by itself."""

QUERY_WRONG = (BadData, QueryError)

_WANTED = {
    f"{PREFIX}_hub_info": "the Hub (at /hub/metrics)",
    f"{PREFIX}_monitoring_service_build_info": (
        "its monitoring service (at /services/monitoring/metrics), so that nothing is known of"
        " what servers use"
    ),
}


class EngineRules:
    """The rules of the engine that are about this Hub, as they were when last asked for."""

    def __init__(self, groups: Sequence[GroupSnapshot]) -> None:
        self._groups = groups

    def snapshot(self) -> Sequence[GroupSnapshot]:
        """Return every group and how it is."""
        return self._groups


class EnginePart:
    """Looks at the engine that *querier* asks; *host*'s rules and faults are what it says."""

    def __init__(
        self, host: Host, querier: HttpQuerier, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host, self._querier, self._clock = host, querier, clock
        self._began = clock()
        self._in_vain = 0

    async def start(self) -> None:
        """Begin to look."""
        self._host.also(self._run())

    async def opened(self, store: Store, engine: Engine) -> None:
        """Nothing to do: there is no store beside an engine."""

    async def stop(self) -> None:
        """End the connections."""
        self._querier.close()

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(AGAIN_SECONDS if self._in_vain else LOOK_SECONDS)

    async def look(self) -> None:
        """Ask once, and tell what is wrong."""
        faults = self._host.context.faults
        try:
            lacks = await self._lacks()
        except MonitoringError as error:
            self._in_vain += 1
            if self._in_vain > 1 or kind_of(error) in _AT_ONCE:
                told = str(error)
                faults.put(ENGINE_DOWN, told if told.endswith("?") else f"{told}.")
        except Exception as error:
            self._in_vain += 1
            log.exception("The engine could not be looked at")
            faults.put(ENGINE_DOWN, f"it cannot be asked ({type(error).__name__}: {error}).")
        else:
            self._in_vain = 0
            faults.put(ENGINE_DOWN, None)
            settled = self._clock() - self._began >= SETTLED_SECONDS
            faults.put(ENGINE_LACKS, *(lacks if settled else ()))

    async def _lacks(self) -> list[str]:
        """Return a sentence for each thing that is not there. Raises what the querier raises."""
        place, context = self._querier.place, self._host.context
        context.victoria = await self._is_victoria()
        counts = await asyncio.gather(
            *(context.querier.instant(f"count(last_over_time({name}[10m]))") for name in _WANTED)
        )
        told = [
            f"{place} has no numbers of {what}{_with(context.own_labels)}. Let it scrape that;"
            " `jupyterhub-monitoring export prometheus` writes the configuration, whose token has"
            " to have the scope read:metrics."
            for count, (name, what) in zip(counts, _WANTED.items(), strict=True)
            if math.isnan(count.value)
        ]
        groups = await self._rules()
        context.rules = EngineRules(groups) if groups else None
        if not groups and self._host.settings.alerts.enabled:
            told.append(
                f"{place} tells of no rule about this Hub, so that nobody may be told when it"
                " fails. `jupyterhub-monitoring export prometheus` writes the rules; who wants"
                " none sets c.MonitoringAlerts.enabled = False."
            )
        return told

    async def _is_victoria(self) -> bool:
        """Say whether the engine knows `default`, which only VictoriaMetrics does."""
        try:
            return (await self._querier.instant("1 default 2")).value == 1
        except QUERY_WRONG:
            return False

    async def _rules(self) -> Sequence[GroupSnapshot]:
        """Return the engine's rules; none of one that knows no such question."""
        try:
            return await self._querier.rules(self._host.context.own_labels)
        except NotPrometheus:
            return ()


def _with(own: Mapping[str, str]) -> str:
    """Say which labels the numbers have to have."""
    said = ", ".join(f"{name}={quote(value)}" for name, value in own.items())
    return f" with the label {said} (c.Monitoring.external_labels)" if said else ""
