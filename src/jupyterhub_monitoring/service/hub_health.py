"""Asks the Hub for its report on its health, again and again: no page waits for the Hub."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from ..health.report import CONTENT_TYPE
from ..health.reported import HubHealth, HubReport, read_report
from ..usage.listing import HubApi

log = logging.getLogger(__name__)

POLL_SECONDS = 10.0
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 2 << 20

NO_DETAILS = (
    "the Hub says {status} and no more: it does not know our token. Restart the Hub, so that it"
    " starts this service anew"
)


class HubHealthPoll:
    """Asks the Hub at *api*, and hands what it learns to *tell*."""

    def __init__(
        self,
        api: HubApi,
        tell: Callable[[HubHealth], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api, self._tell, self._clock = api, tell, clock
        self._now = HubHealth()
        self.url = f"{api.url.removesuffix('/api')}/health/ready?verbose=1&report=1"

    async def run(self) -> None:
        """Ask until cancelled."""
        self._tell(self._now)
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_BYTES)
        try:
            while True:
                await self.ask(client)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            client.close()

    async def ask(self, client: SimpleAsyncHTTPClient) -> None:
        """Ask once. What goes wrong is part of what is told; what was known before stays."""
        problem, report = "", None
        try:
            report = await self._report(client)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the Hub's health is not known
            problem = _reason(error)
        now = self._clock()
        if report is not None and not report.details:
            problem = NO_DETAILS.format(status=report.status)
        if problem:
            since = self._now.since if self._now.problem else now
            self._now = replace(self._now, problem=problem, since=since)
        else:
            self._now = HubHealth(report, now)
        self._tell(self._now)

    async def _report(self, client: SimpleAsyncHTTPClient) -> HubReport:
        request = HTTPRequest(
            self.url,
            headers={"Authorization": f"Bearer {self._api.token}", "Accept": CONTENT_TYPE},
            connect_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            ssl_options=self._api.tls() if self.url.startswith("https:") else None,
        )
        answer = await client.fetch(request, raise_error=False)
        if answer.code not in (200, 503):
            raise ValueError(f"it answers HTTP {answer.code} at /hub/health/ready")
        return read_report(answer.body)


def _reason(error: BaseException) -> str:
    """Return why the Hub gives no report, without an address or a secret."""
    if isinstance(error, OSError):
        return f"the Hub does not answer: {error.strerror or type(error).__name__}"
    if isinstance(error, ValueError):
        return f"the Hub gives no report on its health: {error}"
    return f"the Hub does not answer: {str(error) or type(error).__name__}"
