"""For an Alertmanager: who is told. The operator's own routing as it is, or one of the addresses.

What `c.Monitoring.notify` has and an Alertmanager cannot say is told in comments, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..alerting.routing.routing_config import simple_config
from ..alerting.routing.secret import HIDDEN
from ..alerting.who_is_told import NOTIFY
from ..errors import WrongRouting
from .artefact import Artefacts, as_yaml, stamped
from .deployment import Deployment, Telling
from .notify_address import said, scheme_of

FILE = "alertmanager.yml"


def alertmanager(deployment: Deployment) -> Artefacts:
    """Return `alertmanager.yml`."""
    telling = deployment.telling
    if telling.routing_text:
        notes, body = _notes_on_file(telling), telling.routing_text
    else:
        told = _told(NOTIFY, telling.notify)
        notes, body = [TWICE, *(told.notes or [NOBODY])], _simple(deployment, told)
    return {FILE: stamped(body, deployment.command, "", *notes)}


TWICE = "The monitoring service tells people, too, unless c.MonitoringAlerts.enabled = False."
NOBODY = f"c.Monitoring.notify is empty: the receiver {NOTIFY} tells nobody until you fill it in."


@dataclass
class _Told:
    """What a receiver's addresses come to: entries by kind, and what the file says about them."""

    integrations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _told(receiver: str, addresses: Sequence[str]) -> _Told:
    told = _Told()
    for number, address in enumerate(addresses, start=1):
        which = f"{receiver}, address {number} ({scheme_of(address) or 'no scheme'})"
        try:
            one = said(address, number)
        except WrongRouting as why:
            told.notes.append(f"{which} is left out: {why}.")
            told.notes.append("  Leave it to the monitoring service, or write what you have here.")
            continue
        told.integrations.setdefault(f"{one.kind}_configs", []).append(dict(one.entry))
        told.notes += [f"{which}: {sentence}" for sentence in one.to_do]
    return told


def _simple(deployment: Deployment, told: _Told) -> str:
    """Return the routing that the monitoring service has where there is no routing file."""
    telling = deployment.telling
    config = simple_config(
        NOTIFY,
        hub_label=deployment.pack.hub_label,
        group_wait=telling.group_wait_ms,
        group_interval=telling.group_interval_ms,
        repeat_interval=telling.repeat_interval_ms,
    )
    written = yaml.safe_load(config.text)
    written["receivers"] = [
        {**receiver, **told.integrations} if receiver["name"] == NOTIFY else receiver
        for receiver in written["receivers"]
    ]
    return as_yaml(written)


def _notes_on_file(telling: Telling) -> list[str]:
    return [
        f"It is {telling.routing_file}: an Alertmanager takes that file itself, and should.",
        "Relative paths in it begin in that file's folder.",
        *(
            [f"Each {HIDDEN} here stands for a secret there. This copy tells nobody by them."]
            if HIDDEN in telling.routing_text
            else []
        ),
        *_notes_on_receivers(telling),
    ]


def _notes_on_receivers(telling: Telling) -> Iterator[str]:
    """Yield what our service tells beside the file, and an Alertmanager does not."""
    for name, addresses in telling.receivers.items():
        schemes = ", ".join(scheme_of(address) or "no scheme" for address in addresses)
        yield (
            f"c.MonitoringAlerts.receivers tells {name!r} by more ways ({schemes});"
            " an Alertmanager does not know of them."
        )
