"""What pages are made from. The service has it all; a test makes what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..activity import Activity
from ..alerting.notifying.notifier import Notifier
from ..api.context import Rules
from ..capacity.span import Terms
from ..health.codes import Code
from ..health.reported import HubHealth
from ..querier import Querier
from ..remote_write.state import WriteState
from ..scrape import Scraper
from ..store.stats import StoreStats
from ..usage.snapshot import UsageSnapshot
from .firing import AlertsNow
from .kept import Kept


class StandingFault(Protocol):
    """Something that is wrong with the service now."""

    @property
    def code(self) -> Code:
        """Its health code."""

    @property
    def message(self) -> str:
        """What was seen, and what to do."""

    @property
    def problems(self) -> Sequence[str]:
        """The same, one sentence or two for each."""

    @property
    def since(self) -> datetime:
        """Since when."""


class StandingFaults(Protocol):
    """All that is wrong with the service now."""

    def standing(self) -> Sequence[StandingFault]:
        """Return it, the worst first."""


class PageContext(Protocol):
    """The parts of the service, as they come and go. None is "not there (yet)"."""

    scraper: Scraper | None
    notifier: Notifier | None
    rules: Rules | None
    activity: Activity | None
    hub_health: HubHealth | None
    external_labels: Mapping[str, str]
    writing: Sequence[WriteState]
    tells_nobody: bool
    victoria: bool  # see `Period`

    @property
    def runbooks(self) -> str:
        """Where the pages about codes and alerts are, without a slash at the end."""

    @property
    def faults(self) -> StandingFaults:
        """What is wrong with the service."""

    @property
    def querier(self) -> Querier:
        """What answers PromQL; asking it raises while the store is not open."""

    @property
    def unavailable(self) -> str | None:
        """Why there are no numbers, or None."""

    @property
    def retention(self) -> str:
        """What is kept, in words."""

    @property
    def flags(self) -> Mapping[str, str]:
        """The settings in force that hold no secret."""


@dataclass(frozen=True)
class Sources:
    """What every page gets. *prefix* and *hub_prefix* are paths that end with a slash.

    *hub_prefix* is empty without a Hub. *snapshots* gives the last look at usage, and is None
    where nobody looks; *store_stats* gives None while the store is not open. *engine* is where
    another engine has the series, empty where they are here.
    """

    context: PageContext
    prefix: str
    hub_prefix: str = ""
    folder: str = ""
    interval: float = 15  # seconds between two scrapes
    engine: str = ""
    snapshots: Callable[[], UsageSnapshot | None] | None = None
    store_stats: Callable[[], StoreStats | None] = lambda: None
    alerts: AlertsNow = field(default_factory=AlertsNow)
    kept: Kept = field(default_factory=Kept)
    terms: Terms = field(default_factory=dict)
    hub_job: str = "jupyterhub"
