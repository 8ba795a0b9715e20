"""Messages that wait: sent in order, again and again, side by side, and not for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.message import Message
from jupyterhub_monitoring.alerting.notifying.delivery import Delivery, DeliverySettings
from jupyterhub_monitoring.alerting.notifying.delivery_queue import DeliveryQueue, Offer
from jupyterhub_monitoring.alerting.notifying.delivery_turns import TurnLimits, Turns, backoff
from jupyterhub_monitoring.alerting.notifying.lane import Channel, Lane
from jupyterhub_monitoring.alerting.notifying.notification_database import NotificationDatabase
from jupyterhub_monitoring.alerting.notifying.queue_rows import about, dump_message, load_message
from jupyterhub_monitoring.errors import DeliveryFailed
from jupyterhub_monitoring.metrics.alerting_catalogue import (
    NOTIFICATIONS,
    NOTIFICATIONS_FAILED,
    NOTIFICATIONS_GIVEN_UP,
    NOTIFICATIONS_OLDEST,
    NOTIFICATIONS_QUEUED,
)
from support.notifications import HOUR, START, Inbox, alert

FIRST = Channel("team", 0)
QUICK = TurnLimits(first_wait=0.01, longest_wait=0.05)


class Post:
    """A queue and its delivery; `offer` puts messages in, numbered by their `truncated_alerts`."""

    def __init__(self, folder: Path) -> None:
        self.database = NotificationDatabase(folder)
        self.queue = DeliveryQueue(self.database)
        self.lock, self.executor = threading.RLock(), ThreadPoolExecutor(1)
        self.now = START

    def offer(self, number: int, channel: Channel = FIRST) -> None:
        message = Message(channel.receiver, "g", (), (alert(),), START, "", number)
        offers = [Offer(Lane(channel, "g"), "webhook", message)]
        admission = self.queue.admission(offers, self.now)
        self.database.write(lambda connection: self.queue.write(connection, admission))
        self.queue.admitted(admission)

    def run(
        self,
        receivers: dict[str, list[Inbox]],
        until: Callable[[], bool],
        settings: DeliverySettings | None = None,
    ) -> None:
        """Deliver until that holds, as a process that just started, then stop."""
        self.queue.load()
        settings = settings or DeliverySettings(turns=QUICK)
        delivery = Delivery(self.queue, self.lock, self.executor, settings, lambda: self.now)
        delivery.receivers = receivers

        async def deliver() -> None:
            running = asyncio.ensure_future(delivery.run())
            await holds(until)
            running.cancel()
            await delivery.stop(10.0)

        asyncio.run(deliver())

    def outcomes(self) -> list[tuple[str, int, str]]:
        return [(e.outcome.value, e.message.attempts, e.error) for e in self.queue.history(100)]


async def holds(condition: Callable[[], bool], within_seconds: float = 30.0) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + within_seconds
    while not condition():
        assert loop.time() < end, "not in time"
        await asyncio.sleep(0.005)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.executor.shutdown()
    made.database.close()


def numbers(inbox: Inbox) -> list[int]:
    return [message.truncated_alerts for message in inbox.messages]


def empty(post: Post) -> Callable[[], bool]:
    return lambda: not post.queue.waiting()


def test_a_message_is_the_same_after_it_waited():
    """What a receiver gets is what was decided, to the last label."""
    message = Message(
        "team",
        '{}:{a="ü\\n"}',
        (("a", "ü\n"),),
        (alert(user="x", annotations={"summary": "é"}), alert(user="y", ends=START)),
        START,
        "https://hub/",
        7,
    )
    assert load_message(dump_message(message)) == message


def test_what_a_message_is_about_is_known_while_it_waits_and_after(post: Post):
    """Whoever looks at the messages sees which alerts each was about, over a restart too."""
    post.offer(1)
    post.queue.load()
    assert [message.about for message in post.queue.waiting()] == ["SpawnsFail"]
    post.run({"team": [Inbox()]}, empty(post))
    assert [ended.message.about for ended in post.queue.history(9)] == ["SpawnsFail"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["A", "B", "A"], "A, B"),
        (["A", "B", "C", "D", "E"], "A, B, C and 2 more"),
        (["x" * 1000], "x" * 100),
    ],
    ids=["each once", "the first", "a long one"],
)
def test_what_a_message_is_about_is_short(names: list[str], said: str):
    """A storm of a thousand alerts is three names and a number."""
    alerts = tuple(alert(name, user=str(number)) for number, name in enumerate(names))
    assert about(Message("team", "g", (), alerts, START)) == said


def test_messages_of_a_group_arrive_in_order(post: Post):
    """Nobody hears that it is over before that it began, though the first try fails."""
    inbox = Inbox(failing=[DeliveryFailed("503")])
    for number in range(5):
        post.offer(number)
    before = NOTIFICATIONS.labels("team")._value.get()
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [0, 1, 2, 3, 4]
    assert inbox.most_at_once == 1
    assert NOTIFICATIONS.labels("team")._value.get() == before + 5
    assert post.outcomes()[-1] == ("delivered", 2, "")


def test_one_receiver_that_hangs_holds_up_no_other(post: Post):
    """The mail server does not answer; Slack is told at once."""
    hanging, quick = Inbox(hangs=True), Inbox()
    post.offer(1, channel=Channel("team", 0))
    post.offer(1, channel=Channel("team", 1))
    post.offer(2, channel=Channel("other", 0))
    post.run({"team": [hanging, quick], "other": [quick]}, lambda: sorted(numbers(quick)) == [1, 2])
    assert hanging.attempts == 1
    assert len(post.queue.waiting()) == 1, "what was being sent still waits"


def test_a_stop_right_after_a_message_was_taken_repeats_nothing(post: Post):
    """A restart in an orderly way tells nobody twice."""
    for number in range(3):
        inbox = Inbox()
        post.offer(number)
        post.run({"team": [inbox]}, lambda inbox=inbox: bool(inbox.messages))
        assert post.queue.waiting() == []


def test_a_receiver_that_does_not_answer_is_asked_again(post: Post):
    """An attempt has an end."""
    inbox = Inbox(hangs=True)
    post.offer(1)
    settings = DeliverySettings(send_seconds=0.02, turns=QUICK)
    post.run({"team": [inbox]}, lambda: inbox.attempts >= 3, settings)
    assert post.queue.waiting()[0].error == "no answer within 0.02 s"


def test_what_was_not_delivered_is_after_a_restart(post: Post, tmp_path: Path):
    """The queue is on disk, with what went wrong."""
    post.offer(1)
    inbox = Inbox(down=DeliveryFailed("connection refused"))
    failed = NOTIFICATIONS_FAILED.labels("team")._value.get()
    post.run({"team": [inbox]}, lambda: inbox.attempts == 3)
    assert NOTIFICATIONS_FAILED.labels("team")._value.get() >= failed + 2
    post.database.close()
    post.database = NotificationDatabase(tmp_path)
    post.queue = DeliveryQueue(post.database)
    (waiting,) = post.queue.waiting()
    assert waiting.attempts >= 2
    assert waiting.error == "connection refused"
    inbox.down = None
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [1]


def test_a_receiver_that_refuses_for_good_is_not_asked_again(post: Post, caplog):
    """A wrong address is no reason to try for a day; the loss is counted, logged and shown."""
    inbox = Inbox(failing=[DeliveryFailed("404 Not Found", retry=False)])
    before = NOTIFICATIONS_GIVEN_UP.labels("team")._value.get()
    post.offer(1)
    post.offer(2)
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [2]
    assert post.outcomes() == [("delivered", 1, ""), ("given_up", 1, "404 Not Found")]
    assert NOTIFICATIONS_GIVEN_UP.labels("team")._value.get() == before + 1
    assert "given up after 1 attempts: 404 Not Found" in caplog.text


def test_time_is_up_after_a_day_but_each_message_is_tried_once(post: Post):
    """Messages that are a day old bother nobody, unless nobody tried to deliver them."""
    inbox = Inbox(down=DeliveryFailed("connection refused"))
    post.offer(1)
    post.offer(2)
    post.now += 24 * HOUR
    post.run({"team": [inbox]}, empty(post))
    assert inbox.attempts == 2
    assert post.outcomes() == [("given_up", 1, "connection refused")] * 2
    post.offer(3)
    post.now += 48 * HOUR
    inbox.down = None
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [3]


def test_a_fault_of_a_receiver_shows_no_secret(post: Post, caplog):
    """What an unexpected error says may hold a password; only its kind is shown."""
    inbox = Inbox(failing=[ValueError("https://user:hunter2@hook")])
    post.offer(1)
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [1]
    assert "the receiver failed with ValueError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_receiver_that_is_gone_from_the_configuration_is_waited_for(post: Post):
    """A configuration that is broken for an hour costs no message."""
    post.offer(1)
    post.run({}, lambda: post.queue.waiting()[0].attempts >= 2)
    assert "no such receiver" in post.queue.waiting()[0].error
    inbox = Inbox()
    post.run({"team": [Inbox("email"), inbox]}, empty(post))
    assert numbers(inbox) == [1], "it is the only webhook now, though it moved"


def test_a_record_that_cannot_be_read_holds_up_nothing(post: Post):
    """One damaged message is given up; the next arrives."""
    post.offer(1)
    post.offer(2)
    post.database.write(
        lambda c: c.execute("UPDATE queue SET body = x'00' WHERE id = (SELECT min(id) FROM queue)")
    )
    inbox = Inbox()
    post.run({"team": [inbox]}, empty(post))
    assert numbers(inbox) == [2]


def test_the_queue_can_be_seen(post: Post):
    """How many wait, and for how long the oldest does."""
    post.offer(1)
    post.now += 90_000
    post.offer(2)
    post.queue.measure(post.now)
    assert NOTIFICATIONS_QUEUED._value.get() == 2
    assert NOTIFICATIONS_OLDEST._value.get() == 90


# --- Turns -----------------------------------------------------------------------------------


def lane(group: str, receiver: str = "team") -> Lane:
    return Lane(Channel(receiver, 0), group)


def turns(**limits: Any) -> Turns:
    return Turns(TurnLimits(**limits), chance=lambda: 0.0)


def taken(order: Turns, now: float) -> list[str]:
    found = []
    while (got := order.next(now)) is not None:
        found.append(got.group_key)
    return found


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (2000, 300)]
)
def test_the_wait_doubles_up_to_five_minutes(failures: int, seconds: float):
    """A receiver that is down is asked less and less often, but it is asked."""
    assert backoff(failures, TurnLimits(), chance=0.0) == seconds
    assert backoff(failures, TurnLimits(), chance=1.0) == pytest.approx(seconds * 2 / 3)


def test_a_channel_is_told_of_some_groups_at_once():
    """A storm of alerts is no storm of requests."""
    order = turns(per_channel=2, together=3)
    for number in range(5):
        order.add(lane(str(number)))
        order.add(lane(f"o{number}", "other"))
    assert sorted(taken(order, 0.0)) == ["0", "1", "o0"], "side by side, three in all"
    order.succeeded(lane("0"), more=False)
    assert len(taken(order, 0.0)) == 1


def test_a_channel_that_fails_is_asked_for_one_group_at_a_time():
    """Ten thousand groups do not knock at a door that is shut; when it opens all go through."""
    order = turns(per_channel=2)
    for number in range(5):
        order.add(lane(str(number)))
    assert taken(order, 0.0) == ["0", "1"]
    order.failed(lane("0"), 0.0)
    order.failed(lane("1"), 0.0)
    assert taken(order, 0.5) == []
    assert order.next_at() == 2.0
    assert taken(order, 2.0) == ["2"]
    order.succeeded(lane("2"), more=False)
    assert taken(order, 2.0) == ["3", "4"]


def test_a_receiver_that_asks_for_a_pause_gets_it():
    """`Retry-After: 60` is kept to."""
    order = turns()
    order.add(lane("a"))
    assert taken(order, 0.0) == ["a"]
    order.failed(lane("a"), 0.0, wait=60.0)
    assert taken(order, 59.0) == []
    assert order.next_at() == 60.0
    assert taken(order, 60.0) == ["a"]


def test_messages_that_were_given_up_do_not_hurry_the_next():
    """A receiver that is down for a day is not asked for all that is too old in one second."""
    order = turns()
    order.add(lane("a"))
    for failures in range(3):
        now = order.next_at()
        assert now is not None
        assert taken(order, now) == ["a"]
        order.gave_up(lane("a"), now, more=True)
        assert order.next_at() == now + 2**failures
