"""What the API and the pages see of this process: its parts, as they come and go."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from .._version import __version__
from ..activity import Activity
from ..alerting.notifying.notifier import Notifier
from ..api import QueryRunner
from ..api.context import Rules
from ..health.reported import HubHealth
from ..metrics.service_catalogue import SERVICE_INFO, register_service
from ..promql.engine import Engine
from ..querier import ConfinedQuerier, EmbeddedQuerier, HttpQuerier, Querier
from ..remote_write.state import WriteState
from ..scrape import Scraper
from ..store.store import Store
from .faults import Faults
from .settings import Settings


def make_registry() -> CollectorRegistry:
    """Return the metrics of this process, the service's and Python's."""
    registry = CollectorRegistry()
    register_service(registry)
    SERVICE_INFO.labels(__version__).set(1)
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


@dataclass
class Context:
    """An `ApiContext`. `engine` and `store` are there once the store is open.

    With *beside*, an engine beside us, they never are: it has the series.
    """

    settings: Settings
    queries: QueryRunner
    registry: CollectorRegistry
    faults: Faults = field(default_factory=Faults)
    scraper: Scraper | None = None
    notifier: Notifier | None = None
    rules: Rules | None = None
    activity: Activity | None = None
    hub_health: HubHealth | None = None  # None: there is no Hub
    external_labels: Mapping[str, str] = field(default_factory=dict)
    writing: Sequence[WriteState] = ()  # how it stands with each receiver of remote write
    tells_nobody: bool = False  # alerts are evaluated, and no setting says whom to tell
    started: float = field(default_factory=time.time)
    version: str = __version__
    beside: HttpQuerier | None = None
    own_labels: Mapping[str, str] = field(default_factory=dict)  # of this Hub's series there
    victoria: bool = False  # the engine beside us is a VictoriaMetrics, see `Period`
    open_store: Store | None = None
    open_engine: Engine | None = None

    def learn_health(self, health: HubHealth) -> None:
        """Take note of what the Hub says of its health."""
        self.hub_health = health

    @property
    def store(self) -> Store:
        """The store, which has to be open."""
        assert self.open_store is not None  # noqa: S101 -- who asks looks at `unavailable` first
        return self.open_store

    @property
    def engine(self) -> Engine:
        """The engine on the open store."""
        assert self.open_engine is not None  # noqa: S101 -- as above
        return self.open_engine

    @cached_property
    def querier(self) -> Querier:
        """What answers PromQL; asking our own store raises `StoreNotOpen` while it is not."""
        if self.beside is None:
            return EmbeddedQuerier(self.queries, self)
        own = self.own_labels
        return ConfinedQuerier(self.beside, own) if own else self.beside

    @property
    def unavailable(self) -> str | None:
        """Why nothing can be asked for, or None."""
        if self.open_engine is not None or self.beside is not None:
            return None
        critical = [fault for fault in self.faults.standing() if fault.code.critical]
        reasons = [f"{fault.code}: {fault.message}" for fault in critical]
        return "; ".join(reasons) or "the store is being opened; ask again in a moment"

    @property
    def retention(self) -> str:
        """What is kept, as Prometheus shows it."""
        if self.beside is not None:
            return f"as {self.beside.place} says"
        store = self.settings.store
        return f"{store.retention_days:g}d or {store.retention_bytes / 2**30:.3g}GiB"

    @property
    def runbooks(self) -> str:
        """Where the pages about codes and alerts are, without a slash at the end."""
        return self.settings.rules.runbook_base.rstrip("/")

    @property
    def flags(self) -> Mapping[str, str]:
        """Every setting that is a plain number or switch; the others may hold secrets."""
        known = self.settings
        sections = (
            known.scrape,
            known.store,
            known.query,
            known.usage,
            known.alerts,
            known.rules,
            known.prometheus,
        )
        return {
            f"{type(section).__name__}.{name}": str(value)
            for section in sections
            for name in sorted(section.class_own_traits(config=True))
            if isinstance(value := getattr(section, name), bool | int | float)
        }
