"""`/api/v2/alerts` and `/api/v2/alerts/groups`: what fires, and taking alerts from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...alerting.alert import Alert
from ...alerting.go_regexp import compiled
from ...alerting.notifying.alert_views import AlertView
from ...alerting.routing.matcher import Matchers, all_match
from ...alerting.routing.matcher_parser import parse_matcher
from ...errors import BadData, BadMatcher
from .documents import alert_document, alert_of, group_document
from .handler import GET_AND_POST, AlertmanagerHandler

MAX_FILTERS = 100


class _AlertsHandler(AlertmanagerHandler):
    def filters(self) -> Matchers:
        """Return the matchers of the parameters `filter`. Raises `BadData`."""
        texts = self.parameters.all("filter")
        if len(texts) > MAX_FILTERS:
            raise BadData(f"more than {MAX_FILTERS} filters")
        return tuple(parse_matcher(text) for text in texts)

    def wanted(self) -> Callable[[AlertView], bool]:
        """Return which alerts are asked for. Raises `BadData`."""
        matchers = self.filters()
        active, silenced = self.flag("active"), self.flag("silenced")
        inhibited = self.flag("inhibited")

        def is_wanted(view: AlertView) -> bool:
            return (
                all_match(matchers, dict(view.alert.labels))
                and (active or bool(view.silenced_by or view.inhibited_by))
                and (silenced or not view.silenced_by)
                and (inhibited or not view.inhibited_by)
            )

        return is_wanted

    def receiver_wanted(self) -> Callable[[str], bool]:
        """Return which receivers are asked for. Raises `BadData`."""
        pattern = self.parameters.text("receiver")
        if not pattern:
            return lambda _: True
        try:
            regex = compiled(pattern, whole=True)
        except BadMatcher as error:
            raise BadData(f"failed to parse receiver param: {error}") from None
        return lambda name: regex.search(name) is not None


class AlertList(_AlertsHandler):
    """`/api/v2/alerts`."""

    endpoint = "/alertmanager/api/v2/alerts"
    SUPPORTED_METHODS = GET_AND_POST

    async def show(self, *_args: str) -> None:
        """Answer with the alerts that fire, by fingerprint."""
        wanted, receiver_wanted, notifier = self.wanted(), self.receiver_wanted(), self.notifier
        await self.give(
            lambda: [
                alert_document(view)
                for view in notifier.alerts()
                if any(map(receiver_wanted, view.receivers)) and wanted(view)
            ]
        )

    async def take(self, body: Any) -> None:
        """Take alerts. Those that are right are taken, also where others are not."""
        if not isinstance(body, list):
            raise BadData("the body has to be a list of alerts")
        notifier = self.notifier
        now, timeout = notifier.now(), notifier.routing.resolve_timeout
        taken: list[Alert] = []
        wrong: list[str] = []
        for document in body:
            try:
                taken.append(alert_of(document, now, timeout))
            except BadData as error:  # noqa: PERF203 -- the others are taken
                wrong.append(str(error))
        await notifier.in_thread(lambda: notifier.put(taken, now))
        if wrong:
            raise BadData("; ".join(dict.fromkeys(wrong)))
        self.finish()


class AlertGroups(_AlertsHandler):
    """`/api/v2/alerts/groups`."""

    endpoint = "/alertmanager/api/v2/alerts/groups"

    async def show(self, *_args: str) -> None:
        """Answer with groups by their labels, each with the alerts that are asked for."""
        wanted, receiver_wanted, notifier = self.wanted(), self.receiver_wanted(), self.notifier
        muted = self.flag("muted")

        def documents() -> list[object]:
            shown, receivers = [], dict[str, list[str]]()
            for group in notifier.groups():
                unmuted = [view for view in group.alerts if wanted(replace(view, muted_by=()))]
                if unmuted and receiver_wanted(group.receiver):
                    shown.append((group, unmuted))
                    for view in unmuted:
                        receivers.setdefault(view.alert.fingerprint, []).append(group.receiver)
            return [
                group_document(group, views, receivers)
                for group, views in shown
                if muted or not group.muted_by
            ]

        await self.give(documents)
