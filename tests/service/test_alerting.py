"""From a spawner that is broken on purpose to people who are told, on a real Hub."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.alerting_hub import BUILT_IN, OWN, AlertingHub
from support.real_hub import RealHub
from support.service_hub import eventually
from support.told import Told


@pytest.fixture
def told() -> Iterator[Told]:
    with Told() as told:
        yield told


@pytest.fixture
def make(told: Told, tmp_path: Path) -> Iterator[Callable[[int], AlertingHub]]:
    made: list[RealHub] = []

    def make_hub(limit: int = 0) -> AlertingHub:
        hub_type = type("Hub", (AlertingHub,), {"told": told, "limit": limit})
        made.append(hub := hub_type(tmp_path / "hub"))
        return hub

    yield make_hub
    for hub in made:
        hub.kill()


@pytest.mark.peer("amtool")
def test_a_broken_spawner_is_told_of_once_over_a_restart_of_the_hub_and_so_is_its_end(
    make: Callable[[int], AlertingHub], told: Told
):
    """The Hub exits after its failures; whoever starts it again causes no second message."""
    hub = make(5)
    hub.start_and_look()
    hub.break_spawner()
    hub.fail_to_start("ann", "bob")
    eventually(lambda: told.notices(BUILT_IN), 120)
    eventually(lambda: told.notices(OWN), 120)
    assert BUILT_IN in hub.amtool("alert", "query")
    assert "2 servers failed to start" in hub.amtool("alert", "query", "-o", "json")

    hub.fail_to_start("cyd", "dan", "eve")
    process = hub.process
    assert process is not None
    eventually(lambda: process.poll() is not None, 60)
    hub.kill()
    hub.start()
    hub.wait_until_open(60)
    eventually(lambda: BUILT_IN in hub.firing(), 60)

    hub.mend_spawner()
    eventually(lambda: [n for n in told.notices(OWN) if OWN in n.resolved], 120)
    hub.post("hub/api/users/fay/server")
    assert [n for n in told.notices(BUILT_IN) if n.status == "firing"] == told.notices(BUILT_IN)
    first = [n for n in told.notices() if BUILT_IN in n.firing]
    assert len({n.firing for n in first}) == len(first), "a message that says nothing new"
    own = [n.status for n in told.notices(OWN)]  # over in 30 s, which a busy machine may need
    assert own == ["firing", "resolved"] * (len(own) // 2)
    eventually(lambda: any("resolved" in s.lower() for s in told.subjects()), 60)
    mails = lambda: sum("spawner is broken" in s.lower() for s in told.subjects())  # noqa: E731
    eventually(lambda: mails() >= len(own), 60)
    assert mails() == len(own)


@pytest.mark.peer("amtool")
def test_a_silence_keeps_it_quiet(make: Callable[[], AlertingHub], told: Told):
    """Made with amtool, as by somebody who knows about it already."""
    hub = make()
    hub.start_and_look()
    made = ("silence", "add", "-d", "10m", "-a", "admin", "-c", "we know", f"alertname={OWN}")
    hub.amtool(*made)
    hub.break_spawner()
    hub.fail_to_start("ann", "bob")
    eventually(lambda: OWN in hub.firing(), 60)
    eventually(lambda: told.notices(BUILT_IN), 120)
    eventually(lambda: OWN not in hub.firing(), 60)
    assert not told.notices(OWN)


def test_what_a_receiver_did_not_take_comes_later_although_the_service_was_killed(
    make: Callable[[], AlertingHub], told: Told
):
    """At least once, at most twice; the mail, which works, is not held up or sent again."""
    hub = make()
    hub.start_and_look()
    told.hook.status = 503
    hub.break_spawner()
    hub.fail_to_start("ann", "bob")
    eventually(lambda: told.hook.requests, 120)
    eventually(lambda: any("spawner is broken" in s.lower() for s in told.subjects()), 120)
    for _ in range(2):
        (service,) = hub.services
        service.send_signal(signal.SIGKILL)
        eventually(lambda dead=service: hub.services and hub.services[0].pid != dead.pid, 60)
        hub.wait_until_open(60)
    told.hook.requests.clear()
    told.hook.status = 200
    eventually(lambda: [n for n in told.notices(OWN) if OWN in n.firing], 120)
    eventually(lambda: [n for n in told.notices(OWN) if OWN in n.resolved], 120)
    time.sleep(1)
    assert 1 <= sum(OWN in n.firing for n in told.notices(OWN)) <= 2
    assert 1 <= sum(OWN in n.resolved for n in told.notices(OWN)) <= 2
    assert 1 <= sum("spawner is broken" in s.lower() for s in told.subjects()) <= 4


@pytest.mark.parametrize(
    ("broken", "code", "says"),
    [
        pytest.param("rules.yaml", "MON-RULES-01", "rules.yaml:1", id="rules"),
        pytest.param("routing.yml", "MON-NOTIFY-01", "routing.yml:1", id="routing"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_mended_without_a_restart(
    make: Callable[[], AlertingHub], broken: str, code: str, says: str
):
    """The service says which line; as soon as it is mended the code is gone."""
    hub = make()
    hub.config += "\nc.MonitoringAlerts.routing_file = 'routing.yml'\n"
    routing = hub.folder / "routing.yml"
    routing.write_text("route: {receiver: notify}\nreceivers: [{name: notify}]\n")
    good = (hub.folder / broken).read_text()
    (hub.folder / broken).write_text("nothing: sensible\n")
    hub.start()
    hub.wait_until_open(60)
    assert says in hub.wait_for_code(code, 60)
    (hub.folder / broken).write_text(good)
    eventually(lambda: code not in hub.codes(), 60)
