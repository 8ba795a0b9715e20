"""Alerts: what fires, who was told, what is kept quiet; and what changes that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tornado.web import HTTPError

from ...alerting.notifying.notifier import Notifier
from ...api.alertmanager.handler import same_site
from ...errors import BadData, MonitoringError, UnknownSilence
from ..answer import Mood
from ..handler import PageHandler
from .alert_rows import AlertRow
from .episodes import Past, past
from .messages import MessageRow, Messages, messages
from .silences import DURATIONS, SilenceList, silence_list, wish

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """The alerts of one page: *rows* of *count*, from *offset* on; *firing* of all of them."""

    rows: Sequence[AlertRow]
    count: int
    offset: int
    firing: int


class AlertsPage(PageHandler):
    """`alerts?offset=100&range=7d`; each alert is `#ID`."""

    page = "alerts"
    default_range = "7d"

    async def get(self) -> None:
        """Show everything; each part says for itself that it is not known."""
        sources, context = self.sources, self.sources.context
        rows = sources.alerts.rows(context)
        firing = [row for row in rows if row.state == "firing"]
        offset = self._offset()
        sent, kept = await self._notified()
        history, problem = await self._past()
        self.show(
            "alerts.html",
            period=self.period,
            mood=mood(firing, known=context.rules is not None),
            firing=firing,
            shown=Shown(rows[offset : offset + PER_PAGE], len(rows), offset, len(firing)),
            per_page=PER_PAGE,
            silences={row.id: row for row in kept.rows},
            silence_list=kept,
            can_silence=context.notifier is not None,
            durations=DURATIONS,
            messages=sent,
            told=told(sent.rows if sent else (), firing),
            not_taken=sum(row.outcome == "waiting" and row.bad for row in sent.rows) if sent else 0,
            past=history,
            problem=problem,
            tells_nobody=context.tells_nobody,
            elsewhere=context.notifier is None and not context.tells_nobody,
        )

    def _offset(self) -> int:
        text = self.get_query_argument("offset", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 7:
            raise BadData("offset must be a whole number")
        return int(text)

    async def _notified(self) -> tuple[Messages | None, SilenceList]:
        """Return the messages, None where others send them, and the silences."""
        notifier = self.sources.context.notifier
        if notifier is None:
            return None, SilenceList()
        tries = notifier.next_tries()
        sent = await asyncio.to_thread(messages, notifier, tries)
        return sent, silence_list(await asyncio.to_thread(notifier.silences), notifier.now())

    async def _past(self) -> tuple[Past | None, str]:
        """Return what fired, or None and why that is not known."""
        context = self.sources.context
        if context.unavailable is not None:
            return None, context.unavailable
        try:
            return await self.sources.kept.get(
                ("past", self.period.query),
                lambda: past(context.querier, self.period, self.began),
            ), ""
        except MonitoringError as error:
            return None, str(error)


def mood(firing: Sequence[AlertRow], *, known: bool) -> Mood:
    """Return how bad it is."""
    if firing:
        return Mood.FAIL if firing[0].severity == "critical" else Mood.WARN
    return Mood.WELL if known else Mood.UNKNOWN


def told(rows: Sequence[MessageRow], firing: Sequence[AlertRow]) -> list[tuple[str, float | None]]:
    """Return each receiver of what fires, and when one was told since it began; None: not yet."""
    since = min((row.since for row in firing), default=0.0)
    names = dict.fromkeys(name for row in firing for name in row.receivers)
    at = {
        row.receiver: row.ended
        for row in reversed(rows)
        if row.outcome == "delivered" and row.ended is not None and row.ended >= since
    }
    return [(name, at.get(name)) for name in names]


class _Changing(PageHandler):
    """Changes silences for a form of the page, and leads back to it."""

    page = "alerts"

    def prepare(self) -> None:
        """Refuse also what a page of another site sends; without a Hub there is no gate."""
        super().prepare()
        changes = self.request.method not in ("GET", "HEAD")
        if (
            changes
            and "Authorization" not in self.request.headers
            and not same_site(self.request.headers)
        ):
            raise HTTPError(403, "a page of another site may change nothing here")

    async def get(self) -> None:
        """Lead to the page, who comes back here from a login."""
        self.redirect(f"{self.sources.prefix}alerts")

    @property
    def notifier(self) -> Notifier:
        """What keeps silences. HTTPError 404 where others do."""
        notifier = self.sources.context.notifier
        if notifier is None:
            raise HTTPError(404, "Alerts are not told here: silence them in your Alertmanager.")
        return notifier

    def back(self, place: str) -> None:
        """Lead back to the page, as it was looked at."""
        self.sources.alerts.forget()
        kept = {
            name: value
            for name in ("range", "from", "to", "offset")
            if (value := self.get_body_argument(name, ""))
        }
        query = f"?{urlencode(kept)}" if kept else ""
        self.redirect(f"{self.sources.prefix}alerts{query}#{place}", status=303)


class SilenceHandler(_Changing):
    """`alerts/silence`: a silence for one alert."""

    async def post(self) -> None:
        """Make it. Raises `BadData` without a reason, HTTPError 404 for an alert that is over."""
        notifier = self.notifier
        id_ = self.get_body_argument("alert")
        self.sources.alerts.forget()
        rows = self.sources.alerts.rows(self.sources.context)
        row = next((row for row in rows if row.id == id_), None)
        if row is None:
            raise HTTPError(404, "That alert is over, so nothing was silenced.")
        by = self.viewer.name or "a service"
        asked = wish(
            row,
            self.get_body_argument("duration", ""),
            self.get_body_argument("comment", ""),
            by,
            notifier.now(),
        )
        await notifier.in_thread(lambda: notifier.put_silence(asked))
        self.back(row.id)


class EndSilenceHandler(_Changing):
    """`alerts/silence/end`: ends one."""

    async def post(self) -> None:
        """End it; one that is over already stays so. HTTPError 404 for one that is not there."""
        notifier, id_ = self.notifier, self.get_body_argument("silence")
        try:
            await notifier.in_thread(lambda: notifier.expire_silence(id_))
        except UnknownSilence:
            raise HTTPError(404, "That silence is over.") from None
        self.back("silences")
