"""The settings that the Hub handed over, each section as its room takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace

from traitlets.config import Config

from .. import configuration
from ..alerting.rules.pack_settings import MonitoringRules
from ..alerting.settings import MonitoringAlerts
from ..capacity.settings import MonitoringReports
from ..promql.settings import MonitoringQuery
from ..querier.settings import MonitoringPrometheus
from ..scrape.settings import MonitoringScrape
from ..store.settings import MonitoringStore
from ..usage.settings import MonitoringUsage


@dataclass(frozen=True)
class Settings:
    """All sections of the service, and a sentence for each thing in them that is wrong."""

    scrape: MonitoringScrape
    store: MonitoringStore
    query: MonitoringQuery
    usage: MonitoringUsage
    alerts: MonitoringAlerts
    rules: MonitoringRules
    prometheus: MonitoringPrometheus
    reports: MonitoringReports
    problems: tuple[str, ...] = ()


def read(text: str, wrong: str = "[]") -> Settings:
    """Read what `configuration.dump_sections` wrote. Never raises: what is wrong is a problem.

    *wrong* is a JSON list of what the Hub knows to be wrong.
    """
    problems = _listed(wrong)
    try:
        config = configuration.load_sections(text)
    except ValueError as error:
        config = Config()
        problems.append(f"the settings from the Hub cannot be read ({error}); defaults are used.")
    app = SimpleNamespace(config=config)
    scrape, wrong_scrape = configuration.load(MonitoringScrape, app)
    store, wrong_store = configuration.load(MonitoringStore, app)
    query, wrong_query = configuration.load(MonitoringQuery, app)
    usage, wrong_usage = configuration.load(MonitoringUsage, app)
    alerts, wrong_alerts = configuration.load(MonitoringAlerts, app)
    rules, wrong_rules = configuration.load(MonitoringRules, app)
    problems += (*wrong_scrape, *wrong_store, *wrong_query, *wrong_usage)
    prometheus, wrong_prometheus = configuration.load(MonitoringPrometheus, app)
    reports, wrong_reports = configuration.load(MonitoringReports, app)
    problems += (*wrong_alerts, *wrong_rules, *wrong_prometheus, *wrong_reports)
    problems += reports.usable()[1]
    sections = (scrape, store, query, usage, alerts, rules, prometheus, reports)
    return Settings(*sections, tuple(problems))


def _listed(text: str) -> list[str]:
    """Return the list of texts in *text*; of anything else, nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [*map(str, found)] if isinstance(found, list) else []
