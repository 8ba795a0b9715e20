"""Puts together what looks at usage, in a service that a Hub started."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from ..scrape import Target
from ..usage.backends import make_homes, make_sampling
from ..usage.collector import LooksAtHomes, UsageCollector
from ..usage.exposition import UsageExposition
from ..usage.homes_disk import HomesDisk, homes_folder
from ..usage.listing import HubApi, Listing
from ..usage.options import UsageOptions
from ..usage.snapshot import UsageSnapshot
from .application import Host
from .listed_users import MOST_USERS, Ask
from .surroundings import Surroundings
from .usage_task import UsageTask

LISTING_PAGE = 100  # users; the Hub makes a page in its event loop
LISTING_SECONDS = 20.0


def look_at_usage(
    host: Host, surroundings: Surroundings, own: Target
) -> Callable[[], UsageSnapshot | None] | None:
    """Begin to look, if the settings say so; return what gives the last look, else None.

    *own* is *host*'s own process as a target.
    """
    settings = host.settings.usage
    if not settings.enabled:
        return None
    options = settings.options()
    api = hub_api(surroundings)
    collector = UsageCollector(
        Listing(api, options.page_size),
        make_sampling(options),
        options,
        homes=_homes(host, options),
    )
    host.registry.register(
        UsageExposition(
            collector.snapshot,
            groups=options.groups,
            spawner_class=surroundings.spawner_class,
            max_series=options.max_series,
        )
    )
    task = UsageTask(
        collector,
        host.context.faults,
        interval_seconds=options.interval_seconds,
        scraped_at_ms=own.offset_ms,
    )
    host.also(task.run())
    folder = homes_folder(options.homes)
    if folder is not None:
        host.registry.register(disk := HomesDisk(folder))
        host.also(_look_at_disk(disk))
    return collector.snapshot


def hub_api(surroundings: Surroundings) -> HubApi:
    """Return how the Hub is asked with the service's own token."""
    return HubApi(surroundings.api_url, surroundings.token, partial(_tls, surroundings))


def whom_the_hub_lists(surroundings: Surroundings) -> Ask:
    """Return what asks the Hub for the users that it lists to a token."""

    def ask(token: str) -> frozenset[str]:
        api = HubApi(surroundings.api_url, token, partial(_tls, surroundings))
        return Listing(api, LISTING_PAGE).usernames(LISTING_SECONDS, MOST_USERS)

    return ask


async def _look_at_disk(disk: HomesDisk) -> None:
    """Look until the service ends."""
    disk.start()
    try:
        await asyncio.Event().wait()
    finally:
        disk.close()


def _homes(host: Host, options: UsageOptions) -> LooksAtHomes | None:
    """Return what looks at homes; a setting that is wrong is told of like any other."""
    try:
        return make_homes(options)
    except ValueError as error:
        host.add_problem(f"c.MonitoringUsage.homes: {error}. Homes are not looked at.")
        return None


def _tls(surroundings: Surroundings) -> ssl.SSLContext:
    """Return how a Hub with `internal_ssl` is reached. Raises OSError."""
    context = ssl.create_default_context(cafile=surroundings.ca_file or None)
    if surroundings.cert_file:
        context.load_cert_chain(surroundings.cert_file, surroundings.key_file)
    return context
