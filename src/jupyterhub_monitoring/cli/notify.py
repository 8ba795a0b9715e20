"""Try the ways by which alerts reach people: send a test message, or check a routing file.

`notify test` sends one message and says who took it. Whom: --url ADDRESS, or a RECEIVER of an
Alertmanager configuration (--routing-file), or what a jupyterhub_config.py says
(--jupyterhub-config, which runs that file); without any of them, ./jupyterhub_config.py.
`notify check` says whether an Alertmanager configuration can be used here.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from ..alerting.alert import Alert
from ..alerting.message import Message, Receiver
from ..configuration import load
from ..errors import CannotStart, DeliveryFailed, WrongRouting

if TYPE_CHECKING:
    from ..alerting.settings import MonitoringAlerts

PROGRAM = "jupyterhub-monitoring"
CONFIG = "jupyterhub_config.py"
TEST_KEY = '{}:{alertname="TestNotification"}'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    test = actions.add_parser("test", help="send one test message and report")
    test.add_argument(
        "receiver",
        nargs="?",
        metavar="RECEIVER",
        help="a receiver's name (default: the addresses of c.Monitoring.notify)",
    )
    test.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="an address as in c.Monitoring.notify; may be repeated. Others on this machine can see"
        " it while this runs: write ${NAME} or ${file:/path} for what is secret, in single quotes",
    )
    test.add_argument(
        "--routing-file", type=Path, metavar="FILE", help="the Alertmanager configuration"
    )
    test.add_argument(
        "--jupyterhub-config",
        type=Path,
        metavar="FILE",
        help=f"the Hub's configuration, which is run (default: {CONFIG}, where it is)",
    )
    test.add_argument(
        "--resolved",
        action="store_true",
        help="send the end of the test alert after it, which closes it again at PagerDuty and such",
    )
    check = actions.add_parser("check", help="check an Alertmanager configuration")
    check.add_argument("file", type=Path, metavar="FILE", help="the configuration, in YAML")


def run(args: argparse.Namespace) -> int:
    """Test or check; return the exit status: 0 well, 1 not."""
    return _check(args.file) if args.action == "check" else _test(args)


def _check(file: Path) -> int:
    from ..alerting.receivers.build_receivers import build_receivers  # noqa: PLC0415 -- see `cli.load`
    from ..alerting.who_is_told import read_routing  # noqa: PLC0415

    try:
        config = read_routing(file)
    except WrongRouting as wrong:
        raise CannotStart(str(wrong)) from None
    receivers, problems = build_receivers(config, file.parent)
    for problem in problems:
        print(f"wrong: {problem}")
    ways = sum(map(len, receivers.values()))
    rules = len(config.inhibit_rules)
    print(
        f"{file}: {len(receivers)} receivers with {ways} ways to tell them, {rules} inhibit rules,"
        f" {len(config.time_intervals)} time intervals"
        + (f"; {len(problems)} problems" if problems else "; all of it can be used")
    )
    return 1 if problems else 0


def _test(args: argparse.Namespace) -> int:
    receiver = _addresses(args) if args.url else _receiver(args)
    for problem in receiver.problems:
        print(f"wrong: {problem}")
    if not receiver.ways:
        raise CannotStart(f"{receiver.name} has no way to be told that can be used")
    now = int(time.time() * 1000)
    messages = [_message(receiver.name, now, over=False)]
    if args.resolved:
        messages.append(_message(receiver.name, now, over=True))
    taken = asyncio.run(_all_sent(receiver.ways, messages))
    return 0 if taken and not receiver.problems else 1


@dataclass(frozen=True)
class _Wanted:
    """Whom to tell."""

    name: str
    ways: Sequence[Receiver]
    problems: Sequence[str]


def _addresses(args: argparse.Namespace) -> _Wanted:
    from ..alerting.receivers.notify_urls import receivers_of  # noqa: PLC0415 -- see `cli.load`

    if args.receiver or args.routing_file or args.jupyterhub_config:
        raise CannotStart("--url says whom to tell; leave the receiver and the files out")
    return _Wanted("the address", *receivers_of(args.url))


def _receiver(args: argparse.Namespace) -> _Wanted:
    from ..alerting.who_is_told import NOTIFY, routing_of  # noqa: PLC0415 -- see `cli.load`

    settings, notify, folder = _settings(args)
    routing = routing_of(settings, notify, folder)
    name = args.receiver or NOTIFY
    if name not in routing.receivers:
        known = ", ".join(sorted(routing.receivers)) or "none"
        why = f" ({'; '.join(routing.problems)})" if routing.problems else ""
        raise CannotStart(f"no receiver is called {name!r}; there are: {known}{why}")
    return _Wanted(name, routing.receivers[name], routing.problems)


def _settings(args: argparse.Namespace) -> tuple[MonitoringAlerts, list[str], Path]:
    """Return the settings of alerting, whom to notify, and where relative paths begin."""
    from ..alerting.settings import MonitoringAlerts  # noqa: PLC0415 -- see `cli.load`

    if args.routing_file:
        return MonitoringAlerts(routing_file=str(args.routing_file.absolute())), [], Path.cwd()
    from ..hub.settings import Monitoring  # noqa: PLC0415

    app = SimpleNamespace(config=_config(args.jupyterhub_config))
    monitoring, problems = load(Monitoring, app)
    alerts, more = load(MonitoringAlerts, app)
    if problems or more:
        raise CannotStart(" ".join([*problems, *more]))
    return alerts, monitoring.notify, Path.cwd()


def _config(file: Path | None) -> Config:
    """Return the Hub's configuration; its file is run."""
    path = file or Path(CONFIG)
    if not path.is_file():
        raise CannotStart(
            f"there is no {path}; name whom to tell: --url ADDRESS, or --routing-file FILE with a"
            " receiver's name, or --jupyterhub-config FILE"
        )
    try:
        return PyFileConfigLoader(path.name, str(path.parent)).load_config()
    except Exception as error:  # noqa: BLE001 -- the file is a program
        raise CannotStart(f"{path} cannot be run: {type(error).__name__}: {error}") from None


def _message(receiver: str, now: int, *, over: bool) -> Message:
    labels = (("alertname", "TestNotification"), ("severity", "info"))
    said = f"Sent by `{PROGRAM} notify test` on {socket.gethostname()}. Nothing is wrong."
    notes = (("description", said), ("summary", "This is only a test"))
    ends = now if over else now + 3_600_000
    alert = Alert(labels, notes, now - 1_000, ends)
    return Message(receiver, TEST_KEY, labels[:1], (alert,), now)


async def _all_sent(ways: Sequence[Receiver], messages: Sequence[Message]) -> bool:
    """Send all; return whether every message was taken."""
    return all([await _sent(way, messages) for way in ways])


async def _sent(way: Receiver, messages: Sequence[Message]) -> bool:
    for message in messages:
        if message.status == "resolved" and not way.sends_resolved:
            print(f"{way.kind}: is not told of ends (send_resolved is false)")
            continue
        try:
            await way.send(message)
        except DeliveryFailed as failed:
            print(f"{way.kind}: NOT taken ({message.status}): {failed}")
            return False
        print(f"{way.kind}: taken ({message.status})")
    return True
