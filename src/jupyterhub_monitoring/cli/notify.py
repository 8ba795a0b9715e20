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
from pathlib import Path

from ..alerting.alert import Alert
from ..alerting.message import Message, Receiver
from ..errors import DeliveryFailed, WrongRouting
from .counted import counted
from .notify_whom import CONFIG, wanted

PROGRAM = "jupyterhub-monitoring"
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
        for problem in wrong.problems:
            print(f"wrong: {problem}")
        return 1
    receivers, problems = build_receivers(config, file.parent)
    for problem in problems:
        print(f"wrong: {problem}")
    ways = counted(sum(map(len, receivers.values())), "way")
    print(
        f"{file}: {counted(len(receivers), 'receiver')} with {ways} to tell them,"
        f" {counted(len(config.inhibit_rules), 'inhibit rule')},"
        f" {counted(len(config.time_intervals), 'time interval')}; "
        + (counted(len(problems), "problem") if problems else "all of it can be used")
    )
    return 1 if problems else 0


def _test(args: argparse.Namespace) -> int:
    receiver = wanted(args)
    for problem in receiver.problems:
        print(f"wrong: {problem}")
    now = int(time.time() * 1000)
    messages = [_message(receiver.name, now, over=False)]
    if args.resolved:
        messages.append(_message(receiver.name, now, over=True))
    taken = asyncio.run(_all_sent(receiver.ways, messages))
    return 0 if taken and not receiver.problems else 1


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
