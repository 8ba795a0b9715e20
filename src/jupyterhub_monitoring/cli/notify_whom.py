"""Whom `notify test` tells: addresses, or a receiver of a routing file or of the Hub's settings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ..alerting.message import Receiver
from ..configuration import load
from ..errors import CannotStart, WrongRouting
from .hub_config import read_config

if TYPE_CHECKING:
    from ..alerting.settings import MonitoringAlerts
    from ..alerting.who_is_told import Routing

CONFIG = "jupyterhub_config.py"
TRY = "jupyterhub-monitoring notify test"


@dataclass(frozen=True)
class Wanted:
    """Whom to tell, and a sentence on each part of it that cannot be used."""

    name: str
    ways: Sequence[Receiver]
    problems: Sequence[str]


def wanted(args: argparse.Namespace) -> Wanted:
    """Return whom *args* name. Raises `CannotStart`, which says what to type."""
    return _addresses(args) if args.url else _receiver(args)


class ShellVariables(dict[str, str]):
    """The variables that `${NAME}` stands for here: the Hub's are not known to a command."""

    def __init__(self) -> None:
        super().__init__({name: value for name, value in os.environ.items() if value})

    def __missing__(self, name: str) -> str:
        """Raise `WrongRouting`, which says that it was looked for here."""
        raise WrongRouting(
            f"${{{name}}}: your shell has no variable {name}. This command looks for it there, the"
            f" Hub in the environment that it is started with. Type {name}=… {TRY} …, with what the"
            " Hub has"
        )


def _addresses(args: argparse.Namespace) -> Wanted:
    from ..alerting.receivers.notify_urls import receivers_of  # noqa: PLC0415 -- see `cli.load`

    if args.receiver or args.routing_file or args.jupyterhub_config:
        raise CannotStart("--url says whom to tell; leave the receiver and the files out")
    return Wanted("the address", *receivers_of(args.url, ShellVariables()))


def _receiver(args: argparse.Namespace) -> Wanted:
    from ..alerting.who_is_told import NOTIFY, routing_of  # noqa: PLC0415 -- see `cli.load`

    said = _said(args)
    routing = routing_of(said.alerts, said.notify, Path.cwd(), ShellVariables())
    name = args.receiver or NOTIFY
    ways = routing.receivers.get(name, ())
    explained = any(text.startswith(f"receiver {name!r:.80}: ") for text in routing.problems)
    if not (ways or explained or routing.broken):
        raise CannotStart(_what_to_type(args, said, routing))
    return Wanted(name, ways, routing.problems)


@dataclass(frozen=True)
class _Said:
    """What the settings say about who is told."""

    file: Path  # where they stand
    alerts: MonitoringAlerts
    notify: Sequence[str] = ()
    alertmanagers: Sequence[str] = ()


def _said(args: argparse.Namespace) -> _Said:
    from ..alerting.settings import MonitoringAlerts  # noqa: PLC0415 -- see `cli.load`

    if args.routing_file:
        settings = MonitoringAlerts(routing_file=str(args.routing_file.absolute()))
        return _Said(args.routing_file, settings)
    from ..hub.settings import Monitoring  # noqa: PLC0415

    path = args.jupyterhub_config or Path(CONFIG)
    if not path.is_file():
        raise CannotStart(
            f"there is no {path}; name whom to tell: --url ADDRESS, or --routing-file FILE with a"
            " receiver's name, or --jupyterhub-config FILE"
        )
    app = SimpleNamespace(config=read_config(path))
    monitoring, problems = load(Monitoring, app)
    alerts, more = load(MonitoringAlerts, app)
    if problems or more:
        raise CannotStart("\n  ".join([f"{path} has settings that are wrong:", *problems, *more]))
    return _Said(path, alerts, monitoring.notify, monitoring.alertmanagers)


def _what_to_type(args: argparse.Namespace, said: _Said, routing: Routing) -> str:
    """Return why nobody is told by *args*, and what to type instead."""
    known = sorted(name for name, ways in routing.receivers.items() if ways)
    there = f"there are: {', '.join(known)}" if known else "no receiver has a way to be told"
    if args.receiver in routing.receivers:
        why = f"the receiver {args.receiver!r} has no way to be told; {there}"
    elif args.receiver:
        why = f"no receiver is called {args.receiver!r}; {there}"
    elif said.alerts.routing_file:
        how = f"{TRY} RECEIVER" + (f" --routing-file {said.file}" if args.routing_file else "")
        why = f"name a receiver: {how}; {there}"
    elif said.alertmanagers:
        why = "c.Monitoring.alertmanagers are told of all alerts, and tell people; try theirs"
    else:
        why = (
            f"c.Monitoring.notify in {said.file} is empty, so nobody is told of alerts; put an"
            f" address into it, or try one: {TRY} --url ADDRESS"
        )
    return "\n  ".join([why, *routing.problems])
