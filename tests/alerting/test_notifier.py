"""All of it together: alerts in, messages out, whatever happens to the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.notifying.delivery import DeliverySettings
from jupyterhub_monitoring.alerting.notifying.delivery_turns import TurnLimits
from jupyterhub_monitoring.alerting.notifying.notifier import Notifier, wall_ms
from jupyterhub_monitoring.alerting.routing.matcher import Matcher
from jupyterhub_monitoring.alerting.routing.route import Route
from jupyterhub_monitoring.alerting.routing.silence import Silence, SilenceState
from jupyterhub_monitoring.errors import DeliveryFailed
from jupyterhub_monitoring.store.matcher import MatchType
from support.notifications import HOUR, Inbox, alert, names, routing
from support.notifier_process import STEPS

TESTS = Path(__file__).parents[1]
AT_ONCE = Route("team", group_by=frozenset({"alertname"}), group_wait=0, group_interval=50)


async def holds(condition, within_seconds: float = 60.0) -> None:
    end = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.01)


def firing(**labels: str):
    now = wall_ms()
    return alert(at=now - HOUR, ends=now + HOUR, **labels)


def test_an_alert_is_told_and_its_end_too(tmp_path: Path):
    """From `put` to a message, to a second one when it is over; both can be looked up."""
    inbox = Inbox()

    async def scenario() -> None:
        notifier = Notifier(tmp_path, routing(AT_ONCE), {"team": [inbox]}, external_url="https://h")
        await notifier.start()
        notifier.put([firing(user="a")], wall_ms())
        await holds(lambda: len(inbox.messages) == 1)
        (view,) = notifier.alerts()
        assert (view.receivers, view.suppressed) == (("team",), False)
        (group,) = notifier.groups()
        assert group.labels == (("alertname", "SpawnsFail"),)
        now = wall_ms()
        notifier.put([alert(at=now - HOUR, ends=now, user="a")], now)
        await holds(lambda: len(notifier.history()) == 2)
        assert (notifier.alerts(), notifier.groups(), notifier.queue()) == ([], [], [])
        assert notifier.problem is None
        await notifier.stop()

    asyncio.run(scenario())
    assert [message.status for message in inbox.messages] == ["firing", "resolved"]
    assert inbox.messages[0].external_url == "https://h"


def test_alerts_come_from_any_thread(tmp_path: Path):
    """Rules are evaluated in threads; each alert is told, none twice."""
    inbox = Inbox()

    async def scenario() -> None:
        notifier = Notifier(tmp_path, routing(AT_ONCE), {"team": [inbox]})
        await notifier.start()

        def put(thread: int) -> None:
            for number in range(20):
                notifier.put([firing(user=f"{thread}-{number}")], wall_ms())

        threads = [threading.Thread(target=put, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        await holds(lambda: bool(inbox.messages) and len(inbox.messages[-1].alerts) == 80)
        for thread in threads:
            thread.join()
        await notifier.stop()

    asyncio.run(scenario())


def test_a_silence_holds_and_can_be_ended(tmp_path: Path):
    """What is silenced is not told; what is not any more is."""
    inbox = Inbox()

    async def scenario() -> None:
        notifier = Notifier(tmp_path, routing(AT_ONCE), {"team": [inbox]})
        user_a = Matcher("user", MatchType.EQUAL, "a")
        silence = notifier.put_silence(Silence((user_a,), 0, wall_ms() + HOUR, "me", "known"))
        await notifier.start()
        notifier.put([firing(user="a"), firing(user="b")], wall_ms())
        await holds(lambda: len(inbox.messages) == 1)
        assert names(inbox.messages[0].alerts, "user") == ["b"]
        silenced = {view.alert.fingerprint: view.silenced_by for view in notifier.alerts()}
        assert sorted(silenced.values()) == [(), (silence.id,)]
        notifier.expire_silence(silence.id)
        assert notifier.silence(silence.id).state(wall_ms()) is SilenceState.EXPIRED
        await holds(lambda: len(inbox.messages) == 2)
        await notifier.stop()

    asyncio.run(scenario())


def test_it_stops_at_once_while_a_receiver_hangs(tmp_path: Path):
    """The Hub waits for its services to end; what was not told is told after the start."""
    hanging, inbox = Inbox(hangs=True), Inbox()

    async def scenario(receiver: Inbox, done) -> float:
        notifier = Notifier(tmp_path, routing(AT_ONCE), {"team": [receiver]})
        await notifier.start()
        notifier.put([firing()], wall_ms())
        await holds(done)
        began = time.monotonic()
        await notifier.stop()
        return time.monotonic() - began

    assert asyncio.run(scenario(hanging, lambda: hanging.attempts == 1)) < 5
    asyncio.run(scenario(inbox, lambda: len(inbox.messages) == 1))


def test_a_receiver_that_was_down_gets_its_messages(tmp_path: Path):
    """Ten minutes later, or a restart later: in order, and once."""
    inbox = Inbox(down=DeliveryFailed("connection refused"))
    settings = DeliverySettings(turns=TurnLimits(first_wait=0.01, longest_wait=0.05))

    async def scenario() -> None:
        receivers = {"team": [inbox]}
        notifier = Notifier(tmp_path, routing(AT_ONCE), receivers, delivery=settings)
        await notifier.start()
        notifier.put([firing(user="a")], wall_ms())
        await holds(lambda: inbox.attempts >= 2)
        now = wall_ms()
        notifier.put([alert(at=now - HOUR, ends=now, user="a")], now)
        await holds(lambda: len(notifier.queue()) == 2)
        assert notifier.queue()[0].error == "connection refused"
        await notifier.stop()
        inbox.down = None
        notifier = Notifier(tmp_path, routing(AT_ONCE), receivers, delivery=settings)
        await notifier.start()
        await holds(lambda: not notifier.queue())
        await notifier.stop()

    asyncio.run(scenario())
    assert [message.status for message in inbox.messages] == ["firing", "resolved"]


def test_a_new_configuration_is_in_force_at_once(tmp_path: Path):
    """A receiver that is added while it runs is told of what fires."""
    old, new = Inbox(), Inbox()

    async def scenario() -> None:
        notifier = Notifier(tmp_path, routing(AT_ONCE), {"team": [old]})
        await notifier.start()
        notifier.put([firing()], wall_ms())
        await holds(lambda: len(old.messages) == 1)
        notifier.update(routing(AT_ONCE), {"team": [old, new]})
        await holds(lambda: len(new.messages) == 1)
        await notifier.stop()

    asyncio.run(scenario())
    assert len(old.messages) == 1


def test_a_folder_that_cannot_be_used_keeps_nobody_from_being_told(tmp_path: Path):
    """The disk is broken: that is when alerts matter."""
    inbox = Inbox()

    async def scenario() -> None:
        notifier = Notifier(tmp_path / "missing" / "data", routing(AT_ONCE), {"team": [inbox]})
        await notifier.start()
        notifier.put([firing()], wall_ms())
        await holds(lambda: len(inbox.messages) == 1)
        assert "missing" in (notifier.problem or "")
        await notifier.stop()

    asyncio.run(scenario())


def test_ten_thousand_alerts_at_once_are_one_message_and_fit_into_memory(tmp_path: Path):
    """A network that breaks is one group by its route's setting; nothing is lost."""
    inbox = Inbox()
    many = [
        firing(user=f"user-{number}", hub="hub", severity="warning") for number in range(10_000)
    ]

    async def scenario() -> int:
        route = replace(AT_ONCE, group_interval=300_000)
        notifier = Notifier(tmp_path, routing(route), {"team": [inbox]})
        await notifier.start()
        tracemalloc.start()
        notifier.put(many, wall_ms())
        await holds(lambda: len(inbox.messages) == 1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(notifier.groups()) == 1
        await notifier.stop()
        return peak

    assert asyncio.run(scenario()) < 150 << 20
    assert len(set(inbox.messages[0].alerts)) == 10_000
    assert inbox.messages[0].truncated_alerts == 0


# --- kill -9 ---------------------------------------------------------------------------------


def run_process(folder: Path, step: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "support.notifier_process", str(folder), step],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        check=False,
        timeout=120,
    ).returncode


@pytest.mark.parametrize("step", [step for step in STEPS if step != "never"])
def test_a_kill_at_any_step_delivers_at_least_once_at_most_twice(tmp_path: Path, step: str):
    """Whenever the kernel or an operator ends the service, the message arrives after its start.

    After that it is quiet: a third start tells nothing more.
    """
    assert run_process(tmp_path, step) == -signal.SIGKILL
    assert run_process(tmp_path, "never") == 0
    told = (tmp_path / "told").read_text().splitlines()
    assert told in (["firing 1"], ["firing 1"] * 2)
    if step != "when it was sent":
        assert len(told) == 1, "only a kill between the sending and the note of it tells twice"
