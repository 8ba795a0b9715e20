"""Alertmanagers of the operator's own: all of them get every alert, none waits for another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit, urlunsplit

import orjson

from ...errors import DeliveryFailed, WrongRouting
from ...metrics.alerting_catalogue import (
    ALERTMANAGER_DROPPED,
    ALERTMANAGER_FAILURES,
    ALERTMANAGER_SENDS,
)
from ..alert import Alert, Millis, labels_of
from ..receivers.http_options import HttpOptions
from ..receivers.http_post import HttpPost, Request
from ..receivers.placeholders import expanded
from ..receivers.redact import shown
from ..receivers.webhook import JSON
from ..rfc3339 import rfc3339

log = logging.getLogger(__name__)

QUEUE = 10_000
"""Alerts that wait for one Alertmanager, as in Prometheus; the oldest goes when it is full."""

BATCH = 64
"""Alerts of one request."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0
"""Between attempts: doubled from the first to the longest."""

PATH = "/api/v2/alerts"


@dataclass
class Waiting:
    """The alerts that one Alertmanager was not told of yet, each as it is now.

    What is put while it waits replaces what it was: after an hour without the Alertmanager it is
    told what is true then. May be used from any thread.
    """

    limit: int = QUEUE
    _alerts: dict[str, Alert] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, alerts: Sequence[Alert]) -> int:
        """Add *alerts*; return how many of the oldest had to go."""
        with self._lock:
            for alert in alerts:
                self._alerts.pop(alert.fingerprint, None)
                self._alerts[alert.fingerprint] = alert
            dropped = max(0, len(self._alerts) - self.limit)
            for oldest in list(self._alerts)[:dropped]:
                del self._alerts[oldest]
            return dropped

    def first(self, most: int = BATCH) -> list[Alert]:
        """Return the oldest ones; they stay until `done`."""
        with self._lock:
            return [alert for alert, _ in zip(self._alerts.values(), range(most), strict=False)]

    def done(self, alerts: Sequence[Alert]) -> None:
        """Forget *alerts*, but for those that have changed meanwhile."""
        with self._lock:
            for alert in alerts:
                if self._alerts.get(alert.fingerprint) is alert:
                    del self._alerts[alert.fingerprint]

    def __len__(self) -> int:
        return len(self._alerts)


@dataclass
class Alertmanager:
    """One of them. *failure* says why it does not take alerts, empty while it does."""

    url: str = field(repr=False)
    http: HttpPost = field(repr=False)
    waiting: Waiting = field(default_factory=Waiting, repr=False)
    failure: str = ""
    first_wait_seconds: float = FIRST_WAIT_SECONDS

    @property
    def name(self) -> str:
        """What it is called in metrics and texts."""
        return shown(self.url)

    def put(self, alerts: Sequence[Alert]) -> None:
        """Let *alerts* wait for it."""
        if dropped := self.waiting.put(alerts):
            ALERTMANAGER_DROPPED.labels(self.name).inc(dropped)

    async def send_all(self) -> None:
        """Send what waits, and try until nothing does."""
        wait = self.first_wait_seconds
        while alerts := self.waiting.first():
            if await self._sent(alerts):
                self.waiting.done(alerts)
                wait = self.first_wait_seconds
            else:
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _sent(self, alerts: Sequence[Alert]) -> bool:
        """Send *alerts* once; return whether they are done with."""
        request = Request(self.url, orjson.dumps([_written(alert) for alert in alerts]), JSON)
        try:
            await self.http.send(request)
        except DeliveryFailed as failed:
            ALERTMANAGER_FAILURES.labels(self.name).inc()
            if not self.failure:
                log.warning("alerts are not taken: %s", failed)
            self.failure = str(failed)
            if not failed.retry:
                ALERTMANAGER_DROPPED.labels(self.name).inc(len(alerts))
            return not failed.retry
        if self.failure:
            log.info("%s takes alerts again", self.name)
        self.failure = ""
        ALERTMANAGER_SENDS.labels(self.name).inc(len(alerts))
        return True


class Alertmanagers:
    """An `AlertSink`: hands alerts, with *external_labels*, to all of *peers*."""

    def __init__(
        self, peers: Sequence[Alertmanager], external_labels: Mapping[str, str] | None = None
    ) -> None:
        self.peers = tuple(peers)
        self._external = dict(external_labels or {})
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        """Queue *alerts*; returns at once. May be called from any thread, and before `start`."""
        del now
        full = [self._with_external(alert) for alert in alerts]
        for peer in self.peers:
            peer.put(full)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    async def start(self) -> None:
        """Begin to send, one task for each of them."""
        self._loop = asyncio.get_running_loop()
        self._news = [asyncio.Event() for _ in self.peers]
        self._tell()
        self._tasks = [
            asyncio.create_task(self._run(peer, news))
            for peer, news in zip(self.peers, self._news, strict=True)
        ]

    async def stop(self) -> None:
        """End. What still waits is lost: rules send what fires again after the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def problem(self) -> str:
        """Return why nobody is told, where no Alertmanager takes alerts; else empty."""
        failures = [peer.failure for peer in self.peers]
        if not failures or not all(failures):
            return ""
        return f"no Alertmanager takes alerts, so nobody is told: {'; '.join(failures)}"

    def _tell(self) -> None:
        for news in self._news:
            news.set()

    async def _run(self, peer: Alertmanager, news: asyncio.Event) -> None:
        while True:
            await news.wait()
            news.clear()
            await peer.send_all()

    def _with_external(self, alert: Alert) -> Alert:
        labels = labels_of({**self._external, **dict(alert.labels)})
        return alert if labels == alert.labels else replace(alert, labels=labels)


def alertmanagers_of(
    urls: Sequence[str],
    external_labels: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Alertmanagers, list[str]]:
    """Return the Alertmanagers at *urls*, and a sentence on each URL that is wrong."""
    peers, problems = [], []
    for number, url in enumerate(urls, start=1):
        try:
            peers.append(alertmanager_of(url, os.environ if environ is None else environ))
        except WrongRouting as wrong:  # noqa: PERF203 -- the others still work
            problems.append(f"Alertmanager {number} of {len(urls)}: {wrong}")
    return Alertmanagers(peers, external_labels), problems


def alertmanager_of(url: str, environ: Mapping[str, str]) -> Alertmanager:
    """Return the Alertmanager at *url*. Raises `WrongRouting`, whose text has no secret.

    `http://host:9093`, `https://user:password@host/path`, or `https://TOKEN@host`.
    """
    full = expanded(url.strip(), environ)
    try:
        parts = urlsplit(full)
        wrong = not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong or parts.scheme not in {"http", "https"} or not full.isascii():
        raise WrongRouting("an Alertmanager's address is http://host:9093 or https://host/path")
    user, password = unquote(parts.username or ""), parts.password
    options = (
        HttpOptions(credentials=user)
        if password is None
        else HttpOptions(username=user, password=unquote(password))
    )
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/").removesuffix(PATH) + PATH
    return Alertmanager(urlunsplit((parts.scheme, host, path, "", "")), HttpPost(options))


def _written(alert: Alert) -> dict[str, object]:
    """Return *alert* as Alertmanager's API takes it."""
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": rfc3339(alert.ends_at),
        "generatorURL": alert.generator_url,
    }
