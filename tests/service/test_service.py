"""The service beside a real Hub: who gets in, what survives what, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import psutil
import pytest

from support.best_of import best_of
from support.peers import find
from support.service_hub import PAGE, ServiceHub, eventually


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    """One Hub for all that only looks."""
    hub = ServiceHub(tmp_path_factory.mktemp("hub"))
    try:
        hub.start()
        hub.wait_until_open()
        yield hub
    finally:
        hub.kill()


def test_the_hub_is_scraped_and_answers_queries(hub: ServiceHub):
    """What the Hub counts can be asked for through the proxy a moment later."""

    def value() -> float:
        answer = hub.ask("api/v1/query?query=jupyterhub_total_users").json
        return float(answer["data"]["result"][0]["value"][1])

    assert eventually(value) >= 1  # the admin

    def up() -> set[tuple[str, str]]:
        found = hub.ask("api/v1/query?query=up").json["data"]["result"]
        return {(r["metric"]["job"], r["value"][1]) for r in found}

    eventually(lambda: up() == {("jupyterhub", "1"), ("jupyterhub-monitoring", "1")})


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("api/v1/status/buildinfo", "", 200),
        ("api/v1/status/buildinfo", None, 401),
        ("api/v1/status/buildinfo", "wrong", 401),
        ("api/v1/no/such/thing", None, 401),
        ("metrics", "", 200),
        ("metrics", None, 401),
        ("federate?match[]=up", None, 401),
        ("-/ready", None, 401),
        ("static/css/monitoring.css", None, 200),
        ("static/..%2fhandler.py", None, 403),
        ("static/css/..%2f..%2f..%2fhandler.py", None, 403),
    ],
)
def test_who_gets_in(hub: ServiceHub, path: str, token: str | None, status: int):
    """Without a token of the Hub nothing but style and health is to be had."""
    answer = hub.ask(path, token=token)
    assert answer.status == status
    if status == 401 and path.startswith("api/"):
        assert answer.json["errorType"] == "unauthorized"


@pytest.mark.parametrize("scheme", ["token", "Bearer", "bearer"])
def test_tokens_in_both_schemes(hub: ServiceHub, scheme: str):
    """Prometheus's clients say Bearer, JupyterHub's say token."""
    headers = {"Authorization": f"{scheme} {hub.token}"}
    assert hub.ask("api/v1/status/buildinfo", token=None, headers=headers).status == 200


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (lambda token: basic(f"anybody:{token}"), 200),
        (lambda token: basic(f":{token}"), 200),
        (lambda token: basic(f"{token}:"), 401),
        (basic, 401),
        (lambda token: basic(f"x:{token}\r\nX: y"), 401),
        (lambda token: basic("x:é"), 401),
        (lambda token: basic("x:plain-0123456789"), 403),
        (lambda token: "Basic ???", 401),
        (lambda token: "Basic", 401),
    ],
    ids=[
        "with a name",
        "without",
        "as name",
        "no pair",
        "lines",
        "no ASCII",
        "scope",
        "odd",
        "none",
    ],
)
def test_tokens_as_passwords(hub: ServiceHub, header: Callable[[str], str], status: int):
    """For programs that can only send a name and a password, the token is the password."""
    headers = {"Authorization": header(hub.token)}
    assert hub.ask("api/v1/status/buildinfo", token=None, headers=headers).status == status


@pytest.mark.peer("promtool")
def test_promtool_through_the_hub(hub: ServiceHub):
    """Debian's promtool has no option for a header; a token in the address becomes one."""
    url = f"{hub.url.replace('://', f'://token:{hub.token}@')}{PAGE}"
    command = [str(find("promtool")), "query", "instant", url, "sum(up{job='jupyterhub'})"]
    said = eventually(lambda: run(command).stdout.strip())  # noqa: PLW0108 -- run each time
    assert said.startswith("{} => 1 @[")
    wrong = run([part.replace(hub.token, "wrong") for part in command])
    assert "401" in wrong.stderr
    assert "no token, or one that the Hub does not know" in wrong.stderr


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_token_without_the_scope_is_refused(hub: ServiceHub):
    """Every user can make tokens; they do not reach other people's numbers."""
    answer = hub.ask("api/v1/query?query=up", token="plain-0123456789")
    assert answer.status == 403
    assert answer.json["errorType"] == "forbidden"


def test_an_admin_logs_in_and_sees_the_page(hub: ServiceHub):
    """A browser is sent to the Hub and back, without a question in between."""
    browser = hub.login("admin")
    page = eventually(lambda: (a := browser.open(PAGE)) and "All is well" in a.text and a)
    assert page.status == 200
    assert "Explore" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_plain_user_comes_to_the_own_page(hub: ServiceHub):
    """The first page leads to one's own usage; those about everybody are refused."""
    browser = hub.login("eva")
    own = browser.open(PAGE)
    assert own.status == 200
    assert "You have no server that runs" in own.text
    assert "explore" not in own.text
    refused = browser.open(f"{PAGE}explore")
    assert refused.status == 403
    assert "read:metrics" in refused.text


def test_no_login_leads_to_the_login_page(hub: ServiceHub):
    """A person without a session ends at the Hub's form, not at an error."""
    answer = hub.get(PAGE, token=None)
    assert answer.status == 200
    assert b'name="password"' in answer.body


def test_anonymous_health_is_a_word(hub: ServiceHub):
    """A load balancer learns whether the service is well, and nothing else."""
    eventually(lambda: hub.ask("health", token=None).json == {"status": "pass", "version": "1"})
    assert "checks" in hub.ask("health").json


def test_state_is_private(hub: ServiceHub):
    """Only the Hub's user can read what is recorded."""
    assert stat.S_IMODE(hub.data_dir.stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in hub.data_dir.rglob("*")}
    assert modes
    assert set(modes.values()) <= {0o600, 0o700}, modes


def test_secrets_are_not_in_the_hubs_database(hub: ServiceHub):
    """The Hub keeps what a service's dict says; our settings may hold tokens, so they do not."""
    assert b"JUPYTERHUB_MONITORING_SETTINGS" not in (hub.folder / "hub.db").read_bytes()


def test_a_second_service_is_refused(hub: ServiceHub):
    """Two processes never write to one folder: `serve` says who has it, and ends."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "jupyterhub_monitoring", "serve"),
            *("--data-dir", hub.data_dir, "--port", "0"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert f"in use by process {hub.services[0].pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_jupyterhub_token_leaves_the_running_hub_its_role(hub: ServiceHub):
    """`jupyterhub token` beside a running Hub must not take the service's scope away."""
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "token", "admin", "-f", "jupyterhub_config.py"],
        cwd=hub.folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip().splitlines()[-1]  # an admin's
    service = hub.get("hub/api/services/monitoring", token=token).json
    assert service["roles"] == ["jupyterhub-monitoring"]


# --- Life and death --------------------------------------------------------------------------


def samples(hub: ServiceHub) -> int:
    answer = hub.ask("api/v1/query?query=count_over_time(up{job='jupyterhub'}[1h])").json
    return int(answer["data"]["result"][0]["value"][1])


def kill_and_wait(hub: ServiceHub) -> None:
    kept, old = samples(hub), hub.services[0]
    old.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    assert hub.get("hub/health").status == 200
    eventually(lambda: hub.services and hub.services[0].pid != old.pid)
    eventually(lambda: samples(hub) > kept)
    assert time.monotonic() - killed < 80


def test_killed_twice_and_a_hub_restart(tmp_path):
    """After kill -9 it is back within seconds with its history; the Hub serves on meanwhile."""
    hub = ServiceHub(tmp_path / "hub").start()
    try:
        hub.wait_until_open()
        eventually(lambda: samples(hub) >= 3)
        kill_and_wait(hub)
        kill_and_wait(hub)
        kept = samples(hub)
        hub.stop()
        hub.start()
        eventually(lambda: samples(hub) > kept)
        assert hub.codes() == {}
    finally:
        hub.kill()


def test_a_hub_killed_takes_the_service_with_it(tmp_path):
    """An orphan would keep the folder from the service of the next Hub."""
    hub = ServiceHub(tmp_path / "hub").start()
    try:
        hub.wait_until_open()
        service = hub.services[0]
        os.kill(hub.process.pid, signal.SIGKILL)
        service.wait(60)
    finally:
        hub.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_within_two_seconds(tmp_path, number: int):
    """Also with a target that does not answer, and a SIGINT that was inherited as ignored."""
    silent = socket.create_server(("127.0.0.1", 0))
    target = f"http://127.0.0.1:{silent.getsockname()[1]}/metrics"
    config = f"""
    c.MonitoringScrape.targets = [dict(
        url={target!r}, job='silent', interval_seconds=60, timeout_seconds=60,
    )]
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        hub = ServiceHub(tmp_path / "hub", config=config).start()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert best_of(4, partial(seconds_to_end, hub, number), 2) < 2
    finally:
        silent.close()
        hub.kill()


def seconds_to_end(hub: ServiceHub, number: int) -> float:
    """Send the signal to the service, which the Hub starts again then; say how long it took."""
    hub.wait_until_open()
    service = hub.services[0]
    began = time.monotonic()
    service.send_signal(number)
    eventually(lambda: not service.is_running() or service.status() == psutil.STATUS_ZOMBIE)
    return time.monotonic() - began


def test_off(tmp_path):
    """`c.Monitoring.service = False`: no process, no role, no route."""
    hub = ServiceHub(tmp_path / "hub", config="c.Monitoring.service = False").start()
    try:
        assert hub.services == []
        assert hub.ask().status == 404
        assert "jupyterhub-monitoring" not in hub.log
    finally:
        hub.kill()


# --- It comes up in any case -----------------------------------------------------------------


def test_wrong_settings_are_a_code(tmp_path):
    """The service runs with its defaults and names what is wrong."""
    config = """
    c.Monitoring.notfy = []
    c.MonitoringAlertz.rule_files = []
    c.MonitoringScrape.timeout_seconds = 'long'
    c.MonitoringScrape.targets = [{'url': 'ftp://x', 'job': 'x'}]
    c.MonitoringStore.retention_dayz = 3
    """
    hub = ServiceHub(tmp_path / "hub", config=config).start()
    try:
        message = hub.wait_for_code("MON-CFG-01")
        said = message.splitlines()
        assert len(said) == 5
        for part in (
            *(
                "c.MonitoringScrape.timeout_seconds",
                "did you mean c.MonitoringStore.retention_days",
            ),
            *(
                "c.MonitoringScrape.targets[0]",
                "did you mean c.Monitoring.notify",
                "MonitoringAlertz",
            ),
        ):
            assert sum(part in line for line in said) == 1, part
        hub.wait_until_open()
    finally:
        hub.kill()


def broken_folder_is_a_file(hub: ServiceHub) -> None:
    hub.data_dir.write_text("not a folder")


def broken_store_is_garbage(hub: ServiceHub) -> None:
    hub.data_dir.mkdir()
    (hub.data_dir / "series.sqlite").write_bytes(os.urandom(100_000))


def broken_store_is_a_folder(hub: ServiceHub) -> None:
    (hub.data_dir / "series.sqlite").mkdir(parents=True)


@pytest.mark.parametrize(
    ("breaks", "codes"),
    [
        (broken_folder_is_a_file, {"MON-DATA-01", "MON-NOTIFY-02", "MON-ACTIVITY-01"}),
        (broken_store_is_garbage, {"MON-STORE-01", "MON-STORE-02"}),
        (broken_store_is_a_folder, {"MON-STORE-01", "MON-DATA-01"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_store_is_a_page_and_a_code(tmp_path, breaks, codes: set[str]):
    """The Hub starts, the page says what is wrong, and queries say why they have no answer."""
    hub = ServiceHub(tmp_path / "hub")
    breaks(hub)
    hub.start()
    try:
        found = eventually(hub.codes)
        assert set(found) <= codes
        assert str(hub.data_dir) in " ".join(found.values())
        browser = hub.login("admin")
        assert any(code in browser.open(PAGE).text for code in codes)
        if not found.keys() & {"MON-STORE-02"}:
            answer = hub.ask("api/v1/query?query=up")
            assert answer.status == 503
            assert "MON-" in answer.json["error"]
    finally:
        hub.kill()


def test_a_folder_that_heals_is_taken(tmp_path):
    """Nobody has to restart anything when the folder can be used again."""
    hub = ServiceHub(tmp_path / "hub")
    broken_folder_is_a_file(hub)
    hub.start()
    try:
        hub.wait_for_code("MON-DATA-01")
        hub.data_dir.unlink()
        hub.wait_until_open()
        eventually(lambda: hub.codes() == {})
    finally:
        hub.kill()


def test_without_numpy_there_is_a_page(tmp_path):
    """An upgrade that broke a package leaves a Hub that runs and a page that names the package."""
    stub = tmp_path / "path" / "numpy"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("raise ImportError('numpy is broken')")
    hub = ServiceHub(tmp_path / "hub", env={"PYTHONPATH": str(stub.parent)}).start()
    try:
        page = eventually(lambda: (a := hub.ask()).status == 200 and a)
        assert "numpy is broken" in page.text
        answer = hub.ask("api/v1/query?query=up")
        assert answer.status == 503
        assert "MON-CFG-01" in answer.json["error"]
        assert hub.ask("health").json["status"] == "fail"
        service = hub.services[0]
        service.terminate()
        assert eventually(lambda: not service.is_running() or service.status() == "zombie", 2)
    finally:
        hub.kill()


def test_a_service_that_cannot_run_does_not_end_the_hub(tmp_path):
    """A managed service that fails at the start ends a stock Hub; ours does not."""
    config = """
    import jupyterhub_monitoring.hub.service as ours
    ours.COMMAND[0] = '/no/such/python'
    """
    hub = ServiceHub(tmp_path / "hub", config=config).start()
    try:
        eventually(lambda: "goes on without it" in hub.log)
        assert hub.get("hub/health").status == 200
    finally:
        hub.kill()


@pytest.mark.parametrize(
    "config",
    [
        "c.JupyterHub.services.append(dict(name='monitoring', api_token='theirs-0123456789'))",
        "c.JupyterHub.load_roles.append(dict(name='jupyterhub-monitoring', scopes=['self']))",
    ],
    ids=["service", "role"],
)
def test_the_operators_own_names_win(tmp_path, config: str):
    """Theirs stays, the Hub starts, and HUB-CFG-01 says what to do."""
    hub = ServiceHub(tmp_path / "hub", config=config).start()
    try:

        def settings() -> str:
            report = hub.get("hub/health/ready").json
            return report["checks"]["settings"][0].get("jupyterhub:code", "")

        assert eventually(settings) == "HUB-CFG-01"
        if "services" in config:
            assert hub.services == []
    finally:
        hub.kill()


def test_the_command_hub_has_it_too(tmp_path):
    """`jupyterhub-monitoring hub` needs no line in the configuration."""
    command = (sys.executable, "-m", "jupyterhub_monitoring", "hub")
    hub = ServiceHub(tmp_path / "hub", command=command, setup_line=False).start()
    try:
        hub.wait_until_open()
        assert json.loads(hub.ask("api/v1/status/buildinfo").body)["status"] == "success"
    finally:
        hub.kill()
