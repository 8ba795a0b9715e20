"""Rules and notifications as a part of the service: made by the settings, looked after, ended."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from ..alerting.alert import AlertSink
from ..alerting.notifying.alert_book import BookLimits
from ..alerting.notifying.alertmanagers import Alertmanagers, alertmanagers_of
from ..alerting.notifying.delivery import DeliverySettings
from ..alerting.notifying.external_labels import with_labels
from ..alerting.notifying.notification_store import NotificationLimits
from ..alerting.notifying.notifier import Notifier
from ..alerting.receivers.build_receivers import template_files
from ..alerting.rules.pack import render_pack
from ..alerting.rules.rule_book import RuleBook
from ..alerting.text_file import state_of
from ..alerting.who_is_told import Routing, routing_of
from ..health.codes import NOT_DELIVERED, NOTIFY_NOT_KEPT, NOTIFY_WRONG, RULES_WRONG
from ..promql.engine import Engine
from ..store.store import Store
from .application import Host
from .fault_alerts import FaultAlerts
from .outside import Outside

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LATE_MS = 300_000
"""A message that has waited for as long is a fault: five attempts have failed by then."""


class AlertingPart:
    """From rules to messages in *host*, as its settings and *outside* say."""

    def __init__(self, host: Host, outside: Outside, base_dir: Path) -> None:
        self._host, self._outside, self._base_dir = host, outside, base_dir
        self._settings = host.settings.alerts
        host.context.external_labels = outside.external_labels
        host.context.tells_nobody = host.beside is None and not (
            outside.notify or outside.alertmanagers or self._settings.routing_file
        )
        self._sink: AlertSink | None = None
        self._alertmanagers: Alertmanagers | None = None
        self._notifier: Notifier | None = None
        self._book: RuleBook | None = None
        self._routing_problems: tuple[str, ...] = ()
        self._read: object = None
        self._templates: tuple[str, ...] = ()

    # --- Life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Be ready to tell people, before there is a store: that it cannot be opened is news."""
        try:
            await self._begin_telling()
        except Exception as error:
            log.exception("Nobody can be told of alerts")
            self._host.context.faults.put(NOTIFY_WRONG, f"{type(error).__name__}: {error}")
        if self._sink is not None:
            runbooks = self._host.settings.rules.runbook_base
            self._host.also(FaultAlerts(self._host.context.faults, self._sink, runbooks).run())
        self._host.also(self._look_after())

    async def opened(self, store: Store, engine: Engine) -> None:
        """Evaluate rules from now on."""
        parameters, problems = self._host.settings.rules.parameters()
        self._host.add_problem(*problems)
        self._book = self._host.context.rules = RuleBook(
            store,
            engine,
            self._sink,
            files=[self._base_dir / file for file in self._settings.rule_files],
            texts=render_pack(parameters),
            external_labels=self._outside.external_labels,
            external_url=self._outside.external_url.rstrip("/"),
            default_interval_seconds=self._settings.evaluation_interval_seconds,
        )
        await self._book.start()
        self._look()

    async def stop(self) -> None:
        """End the rules first: they hand alerts on."""
        for part in (self._book, self._notifier, self._alertmanagers):
            if part is not None:
                await part.stop()

    # --- Who is told -------------------------------------------------------------------------

    async def _begin_telling(self) -> None:
        outside = self._outside
        if outside.alertmanagers:
            self._alertmanagers, problems = alertmanagers_of(outside.alertmanagers)
            self._routing_problems = tuple(problems)
            await self._alertmanagers.start()
            self._sink = with_labels(self._alertmanagers, outside.external_labels)
            return
        routing = await asyncio.to_thread(self._routing)
        self._notifier = await asyncio.to_thread(self._make_notifier, routing)
        await self._notifier.start()
        self._host.context.notifier = self._notifier
        self._sink = with_labels(self._notifier, outside.external_labels)

    def _routing(self) -> Routing:
        """Read the routing as it is now; remember what it was read from."""
        routing = self._read_routing()
        if routing.config.templates != self._templates:
            # They were not looked at before they were read: one may have changed meanwhile.
            self._templates = routing.config.templates
            routing = self._read_routing()
        self._routing_problems = routing.problems
        return routing

    def _read_routing(self) -> Routing:
        self._read = self._state_of_files()
        return routing_of(
            self._settings,
            self._outside.notify,
            self._base_dir,
            hub_label=self._host.settings.rules.hub_label,
        )

    def _make_notifier(self, routing: Routing) -> Notifier:
        alerts = BookLimits(per_name=self._settings.max_alerts_per_name)
        return Notifier(
            self._host.folder,
            routing.config,
            routing.receivers,
            external_url=self._outside.external_url,
            limits=NotificationLimits(alerts=alerts),
            delivery=DeliverySettings(give_up_after=round(self._settings.give_up_hours * 3.6e6)),
        )

    def _state_of_files(self) -> object:
        """Return what is different as soon as the routing file or one of its templates is."""
        if not self._settings.routing_file:
            return None
        path = self._base_dir / self._settings.routing_file
        return [state_of(file) for file in (path, *template_files(self._templates, path.parent))]

    # --- Looking after it --------------------------------------------------------------------

    async def _look_after(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._read_again()
            except Exception:
                log.exception("The routing file could not be read again")

    async def _read_again(self) -> None:
        """Put the routing in force if a file of it changed; one that is broken leaves what was."""
        if self._notifier is None or await asyncio.to_thread(self._state_of_files) == self._read:
            return
        routing = await asyncio.to_thread(self._routing)
        if not routing.broken:
            self._notifier.update(routing.config, routing.receivers)
            log.info("The routing file is in force as it is now")

    def _look(self) -> None:
        """Say what is wrong, as health codes."""
        faults, notifier = self._host.context.faults, self._notifier
        told = list(self._routing_problems)
        if self._alertmanagers is not None and (problem := self._alertmanagers.problem()):
            told.append(problem)
        faults.put(NOTIFY_WRONG, *told)
        if self._book is not None:
            faults.put(RULES_WRONG, *self._book.problems)
        if notifier is not None:
            faults.put(NOTIFY_NOT_KEPT, notifier.problem)
            faults.put(NOT_DELIVERED, _late(notifier))


def _late(notifier: Notifier) -> str | None:
    """Return what to say of messages that have waited for long, None where none has."""
    late = [m for m in notifier.queue() if notifier.now() - m.queued_at >= LATE_MS]
    if not late:
        return None
    first = late[0]
    many = "1 message waits" if len(late) == 1 else f"{len(late)} messages wait"
    return (
        f"{many} for more than {LATE_MS // 60_000} min, the first for receiver"
        f" {first.lane.channel.receiver!r} ({first.kind}): {first.error or 'not tried yet'}"
    )
