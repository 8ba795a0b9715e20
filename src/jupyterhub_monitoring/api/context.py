"""What the HTTP API needs from whoever serves it: the service, `serve`, or a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ..alerting.notifying.notifier import Notifier
    from ..alerting.rules.rule_status import GroupSnapshot
    from ..promql.engine import Engine
    from ..querier.runner import QueryRunner
    from ..scrape.scraper import Scraper
    from ..store.store import Store


class Rules(Protocol):
    """The rules in force."""

    def snapshot(self) -> Sequence[GroupSnapshot]:
        """Return every group and how it is, by file and name."""


class ApiContext(Protocol):
    """The parts that answer. `engine` and `store` are asked for only while `unavailable` is None.

    All are read at each request, so that a part may come, go and be replaced meanwhile.
    """

    @property
    def engine(self) -> Engine:
        """What evaluates queries."""

    @property
    def store(self) -> Store:
        """Where the series are."""

    @property
    def scraper(self) -> Scraper | None:
        """What scrapes, or None where nothing is scraped (`serve`)."""

    @property
    def notifier(self) -> Notifier | None:
        """What decides whom to tell of alerts, or None where others do."""

    @property
    def rules(self) -> Rules | None:
        """The rules in force, or None where there are none (`serve`)."""

    @property
    def queries(self) -> QueryRunner:
        """Where queries wait and run; `close()` it before the engine and the store."""

    @property
    def registry(self) -> CollectorRegistry:
        """The metrics of this process, for its own `/metrics`."""

    @property
    def unavailable(self) -> str | None:
        """Why the series cannot be asked for, with the health code; None when they can."""

    @property
    def version(self) -> str:
        """The version of this package."""

    @property
    def started(self) -> float:
        """When this process began, in seconds since 1970."""

    @property
    def retention(self) -> str:
        """What is kept, as Prometheus shows it: `400d or 5GiB`."""

    @property
    def flags(self) -> Mapping[str, str]:
        """The settings in force, by name, without secrets."""
