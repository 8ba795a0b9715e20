"""`jupyterhub-monitoring demo`: it starts, it says what is wrong, it leaves nothing behind."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest

from jupyterhub_monitoring.cli.demo import preflight
from jupyterhub_monitoring.cli.demo.hublog import is_warning
from jupyterhub_monitoring.errors import CannotStart
from support.demo import READY, Demo


def spawn(demo: Demo, name: str) -> None:
    """Log in through the form and start a server, as a browser does."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(demo.url + "hub/login", timeout=120).read()
    jar = next(h.cookiejar for h in opener.handlers if hasattr(h, "cookiejar"))
    xsrf = next(c.value for c in jar if c.name == "_xsrf")
    form = {"username": name, "password": demo.said("password"), "_xsrf": xsrf}
    with opener.open(
        demo.url + "hub/login?next=/hub/spawn", urllib.parse.urlencode(form).encode(), timeout=180
    ) as answer:
        assert answer.status == 200
    deadline = time.monotonic() + 180
    while 'spawn_success_total{spawner_class="SimpleLocalProcessSpawner"} 1.0' not in demo.get(
        "hub/metrics"
    ):
        assert time.monotonic() < deadline, demo.text
        time.sleep(0.3)


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGINT], id="Ctrl-C"),
        pytest.param([signal.SIGTERM], id="SIGTERM"),
        pytest.param([signal.SIGHUP], id="terminal closed"),
        pytest.param([signal.SIGINT, signal.SIGINT], id="Ctrl-C twice"),
    ],
)
def test_nothing_is_left_running(tmp_path: Path, signals: list[signal.Signals]):
    """However it is asked to stop, Hub, proxy and user servers are gone and the status is 0."""
    with Demo(tmp_path) as demo:
        spawn(demo, "ada")
        commands = " ".join(" ".join(p.cmdline()) for p in demo.processes())
        for part in ("hub -f", "configurable-http-proxy", "jupyterhub.singleuser"):
            assert part in commands, commands
        assert demo.stop(*signals) == 0
        assert demo.processes() == set()
        marked = [p.pid for p in psutil.process_iter() if str(demo.data) in " ".join(cmdline(p))]
        assert marked == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_everything_listens_on_loopback(tmp_path: Path):
    """No process of the demo can be reached from another machine."""
    with Demo(tmp_path) as demo:
        spawn(demo, "ada")
        listening = {
            c.laddr.ip
            for p in demo.processes()
            for c in p.net_connections(kind="inet")
            if c.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}


def test_what_the_banner_says_works(tmp_path: Path):
    """Its commands are run as they stand there; without them the numbers are for nobody."""
    with Demo(tmp_path) as demo:
        assert "(nobody is told: c.Monitoring.notify is empty)" in demo.text
        curl = next(line for line in demo.text.splitlines() if "curl -H" in line)
        metrics = subprocess.run(
            curl.split(maxsplit=1)[1].replace("curl", "curl -sf"),
            shell=True,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert "jupyterhub_monitoring_build_info" in metrics
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(demo.url + "hub/metrics", timeout=120)
        with urllib.request.urlopen(demo.url + "hub/health/live", timeout=120) as live:
            assert json.load(live)["status"] == "pass"
        health = [sys.executable, "-m", "jupyterhub_monitoring", "health"]
        table = subprocess.run(
            [*health, "--url", demo.url, "--token", demo.token],
            check=False,
            capture_output=True,
            text=True,
        )
        assert "database" in table.stdout, table.stderr


def test_a_wrong_password_is_refused_and_counted(tmp_path: Path):
    """The password is needed, and the metrics tell of a login that failed."""
    with Demo(tmp_path) as demo:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        opener.open(demo.url + "hub/login", timeout=120).read()
        jar = next(h.cookiejar for h in opener.handlers if hasattr(h, "cookiejar"))
        form = {"username": "eve", "password": "wrong", "_xsrf": next(iter(jar)).value}
        with pytest.raises(urllib.error.HTTPError, match="403"):
            opener.open(demo.url + "hub/login", urllib.parse.urlencode(form).encode(), timeout=120)
        assert "jupyterhub_login_failure_total 1.0" in demo.get("hub/metrics")


def test_a_temporary_folder_goes_and_a_kept_one_stays(tmp_path: Path):
    """Without --data-dir nothing stays; with it the users do; both are for their owner only."""
    with Demo(tmp_path, "--debug") as demo:
        temporary = Path(demo.said("data"))
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
        assert demo.stop(signal.SIGTERM) == 0
        assert "[D " in demo.text, "--debug shows all"
    assert not temporary.exists()

    for users in (1, 2):  # the admin, then the one whom we add
        with Demo(tmp_path) as demo:
            assert stat.S_IMODE(demo.data.stat().st_mode) == 0o700
            assert f"jupyterhub_total_users {users}.0" in demo.get("hub/metrics")
            if users == 1:
                spawn(demo, "ada")
            logged = [line for line in demo.text.splitlines() if line.startswith("[")]
            busy = [line for line in logged if "is slow to" in line]  # others use this machine
            assert logged == busy, "the terminal stays quiet while all is well"
            assert demo.stop(signal.SIGTERM) == 0
    assert (demo.data / "homes" / "ada").is_dir()


def test_two_demos_side_by_side_but_not_in_one_folder(tmp_path: Path):
    """Two may run; a second one in the same folder is told so and leaves the first alone."""
    other = tmp_path / "other"
    other.mkdir()
    with Demo(tmp_path) as one, Demo(other) as two:
        third = subprocess.run(
            [sys.executable, "-m", "jupyterhub_monitoring", "demo", "--data-dir", one.data],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert third.returncode == 1
        assert "another demo runs in" in third.stderr + third.stdout
        for demo in (one, two):
            assert "jupyterhub_running_servers" in demo.get("hub/metrics")


def test_a_hub_that_dies_is_told_with_its_last_words(tmp_path: Path):
    """The command ends with status 1, shows the end of the log, and takes the proxy with it."""
    with Demo(tmp_path) as demo:
        hub = next(p for p in demo.processes() if "hub" in p.cmdline() and "-f" in p.cmdline())
        hub.kill()
        assert demo.process.wait(120) == 1
        assert "JupyterHub ended with status -9" in demo.text
        assert "JupyterHub is now running" in demo.text
        assert demo.processes() == set()


def test_the_end_of_the_terminal_ends_the_demo(tmp_path: Path):
    """When the window is closed for real, all of it is gone."""
    command = [sys.executable, "-m", "jupyterhub_monitoring", "demo", "--port", "0"]
    pid, leader = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*command, "--data-dir", str(tmp_path / "data")])
    seen = b""
    while READY.encode() not in seen:
        seen += os.read(leader, 4096)
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    os.close(leader)
    os.waitpid(pid, 0)
    assert len(family) >= 3
    assert [p for p in family if p.is_running()] == []


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        pytest.param(lambda p: p.write_text("x"), "is a file", id="a file"),
        pytest.param(lambda p: (p / "thesis").mkdir(parents=True), "other things", id="not empty"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, prepare, said: str):
    """Nothing is started or changed; the text says what to do; status 1."""
    folder = tmp_path / "folder"
    prepare(folder)
    before = folder.stat().st_mode
    done = demo_fails("--data-dir", folder)
    assert said in done
    assert folder.stat().st_mode == before


def test_an_unwritable_folder():
    """Not even root can make one there."""
    assert "cannot be written" in demo_fails("--data-dir", Path("/proc/demo"))


def test_a_port_in_use():
    """The port is named, and how to choose another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = demo_fails("--port", port)
        assert f"port {port} is in use" in said
        assert "--port" in said


def demo_fails(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_monitoring", "demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == "", "nothing was started"
    return done.stderr


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Each missing package is named, with the one command that installs all."""
    monkeypatch.setattr(preflight, "find_spec", lambda _: None)
    monkeypatch.setattr(preflight, "proxy_program", lambda: tmp_path / "no-proxy")
    with pytest.raises(CannotStart) as why:
        preflight.check_packages()
    assert "jupyterlab and configurable-http-proxy" in str(why.value)
    assert "pip install 'jupyterhub-monitoring[demo]'" in str(why.value)


@pytest.mark.parametrize(
    ("line", "before", "shown"),
    [
        (b"[W 2026-11-23 11:25:18.081 JupyterHub auth:15] x", False, True),
        (b"[E 2026-11-23 11:25:18.081 MonitoredJupyterHub base:1] x", False, True),
        (b"[I 2026-11-23 11:25:18.081 JupyterHub app:1] x", True, False),
        (b"[W 2026-11-23 11:25:18.081 ServerApp] x", False, False),
        (b"[E 2026-11-23 11:25:18,439 configurable_http_proxy] 404", False, False),
        (b"Traceback (most recent call last):", True, True),
        (b"Traceback (most recent call last):", False, False),
        (b"[W 2026-11-23 11:25:18.081 ServerApp] x", True, False),
    ],
    ids=["warning", "error", "info", "server", "proxy", "its rest", "other rest", "server after"],
)
def test_what_of_the_log_is_shown(line: bytes, before: bool, shown: bool):
    """The Hub's warnings, with their tracebacks, come to the terminal; the rest is in the file."""
    assert is_warning(line, before) is shown
