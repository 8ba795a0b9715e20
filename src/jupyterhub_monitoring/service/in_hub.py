"""The service as the Hub starts it: behind the Hub's gate, scraping the Hub and itself."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jupyterhub.utils import make_ssl_context
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ..api import handlers
from ..api.alertmanager import alertmanager_handlers
from ..metrics import usernames
from ..metrics.usernames import Usernames
from ..pages.sources import Sources
from ..querier import HttpQuerier
from ..scrape import Credentials, MonitoringScrape, Target, extra_targets
from . import settings as service_settings
from .activity_part import ActivityPart
from .alerting_part import AlertingPart
from .application import Host
from .context import make_registry
from .engine_part import EnginePart
from .gate import LISTED_USERS, application, callback_route, gated
from .hub_health import HubHealthPoll
from .hub_pages import hub_routes, last_route
from .identities import use_bounded_cache
from .listed_users import ListedUsers
from .outside import Outside
from .remote_write_part import RemoteWritePart
from .route import Route
from .settings import Settings
from .signals import die_with_parent, parent_gone
from .surroundings import Surroundings
from .usage_api import usage_routes
from .usage_wiring import hub_api, look_at_usage, whom_the_hub_lists
from .visitor import Needs


def run(surroundings: Surroundings) -> None:
    """Run until the Hub ends us, or is gone."""
    os.umask(0o077)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="[%(levelname).1s %(asctime)s %(name)s] %(message)s",
    )
    for name in ("tornado.access", "tornado.application", "tornado.general"):
        logging.getLogger(name).setLevel(logging.ERROR)  # not each client without a token
    die_with_parent()
    asyncio.run(_run(surroundings))


async def _run(surroundings: Surroundings) -> None:
    usernames.use(Usernames.taken_over(surroundings.usernames))
    use_bounded_cache()
    registry = make_registry()
    settings = service_settings.read(surroundings.settings, surroundings.problems)
    rules, _ = settings.rules.parameters()  # what is wrong there is told with the rules
    always = [
        _hub(surroundings, settings.scrape, rules.hub_job),
        _self(surroundings, settings.scrape, rules.service_job, registry),
    ]
    extra, problems = extra_targets(settings.scrape, always)
    beside, wrong = _beside(surroundings, settings)
    settings = replace(settings, problems=(*settings.problems, *problems, *wrong))
    host = Host(surroundings.folder, settings, registry, (*always, *extra), beside)
    if beside is not None:
        host.context.own_labels = _own_labels(Outside.of(surroundings.alerting), rules.hub_label)
        host.parts.append(EnginePart(host, beside))
    outside = Outside.of(surroundings.alerting)
    if settings.alerts.enabled:
        host.parts.append(AlertingPart(host, outside, surroundings.hub_folder))
    if outside.remote_write:
        host.parts.append(RemoteWritePart(host, outside, surroundings.hub_folder))
    snapshots = look_at_usage(host, surroundings, always[-1])
    host.parts.append(ActivityPart(host, snapshots))
    host.also(HubHealthPoll(hub_api(surroundings), host.context.learn_health).run())
    if surroundings.parent:
        host.also(_end_with(surroundings.parent, host))
    listed = {LISTED_USERS: ListedUsers(whom_the_hub_lists(surroundings))}
    sources = Sources(
        host.context,
        surroundings.prefix,
        hub_prefix=f"{surroundings.base_url}hub/",
        folder=str(surroundings.folder),
        interval=_interval(settings, beside),
        engine=beside.place if beside else "",
        snapshots=snapshots,
        store_stats=lambda: host.keeper.stats,
        terms=settings.reports.usable()[0],
        hub_job=rules.hub_job,
    )
    await host.run(
        application(routes(host, sources), surroundings.token, **listed),
        (surroundings.host, surroundings.port),
        tls=_tls(surroundings),
    )


def routes(host: Host, sources: Sources) -> list[Route]:
    """Return every route of the service."""
    context, prefix = host.context, sources.prefix
    return [
        *hub_routes(context, sources),
        callback_route(prefix),
        *usage_routes(context, sources.snapshots, prefix),
        *gated(
            [
                *alertmanager_handlers(context, prefix),
                *handlers(context, prefix, sources.engine),
            ],
            needs=Needs.FULL,
        ),
        last_route(sources),
    ]


async def _end_with(parent: int, host: Host) -> None:
    await parent_gone(parent)
    host.stop()


def _tls(surroundings: Surroundings) -> ssl.SSLContext | None:
    """Return what a Hub with `internal_ssl` wants of us, None for other Hubs."""
    context: ssl.SSLContext | None = make_ssl_context(
        surroundings.key_file,
        surroundings.cert_file,
        cafile=surroundings.ca_file,
        purpose=ssl.Purpose.CLIENT_AUTH,
    )
    return context


def _beside(
    surroundings: Surroundings, settings: Settings
) -> tuple[HttpQuerier | None, Sequence[str]]:
    """Return what asks the engine of `c.Monitoring.prometheus_url`, and what is wrong with it.

    What such an engine does instead of us is wrong to ask of us.
    """
    url = surroundings.prometheus_url
    if not url:
        return None, ()
    endpoint, problems = settings.prometheus.endpoint(url, surroundings.hub_folder, os.environ)
    idle = {
        "c.MonitoringScrape.targets": settings.scrape.targets,
        "c.MonitoringAlerts.rule_files": settings.alerts.rule_files,
    }
    problems += [
        f"{name} does nothing beside c.Monitoring.prometheus_url: give it to that engine, as"
        " docs/how-to/external-engine.md says, and remove it here."
        for name, written in idle.items()
        if written
    ]
    problems += settings.rules.parameters()[1]
    return HttpQuerier(endpoint, settings.query.limits()), problems


def _own_labels(outside: Outside, hub_label: str) -> Mapping[str, str]:
    """Return the label that tells this Hub's series from others', if it is known."""
    value = outside.external_labels.get(hub_label)
    return {} if value is None else {hub_label: value}


def _interval(settings: Settings, beside: HttpQuerier | None) -> float:
    """Return the seconds between two scrapes, whoever does them."""
    scrape, prometheus = settings.scrape, settings.prometheus
    return scrape.interval_seconds if beside is None else prometheus.scrape_interval_seconds


def _hub(surroundings: Surroundings, scrape: MonitoringScrape, job: str) -> Target:
    """Return the Hub that started us as a target.

    Its instance is a name, so that its series go on when its port is another one after a restart.
    """
    return Target(
        url=f"{surroundings.api_url}/metrics",
        job=job,
        instance="hub",
        interval_seconds=scrape.interval_seconds,
        timeout_seconds=min(scrape.timeout_seconds, scrape.interval_seconds),
        credentials=Credentials(
            token=surroundings.token,
            ca_file=_path(surroundings.ca_file),
            cert_file=_path(surroundings.cert_file),
            key_file=_path(surroundings.key_file),
        ),
        limits=scrape.limits(),
    )


def _self(
    surroundings: Surroundings, scrape: MonitoringScrape, job: str, registry: CollectorRegistry
) -> Target:
    """Return this process as a target, read without the detour over HTTP.

    Its instance is a name for the same reason.
    """
    return Target(
        url=f"http://{surroundings.host}:{surroundings.port}{surroundings.prefix}metrics",
        job=job,
        instance="self",
        interval_seconds=scrape.interval_seconds,
        timeout_seconds=min(scrape.timeout_seconds, scrape.interval_seconds),
        limits=scrape.limits(),
        read=lambda: (generate_latest(registry), CONTENT_TYPE_LATEST),
    )


def _path(name: str) -> Path | None:
    return Path(name) if name else None
