"""Each built-in check against the real fault on a real Hub: seen with its code, its end too."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.eventually import eventually
from support.health import QUICK, last_code, read_only, status, wait_for_code
from support.postgres import Postgres
from support.real_hub import RealHub

FAULTS = """
import asyncio, os, time
from jupyterhub.spawner import SimpleLocalProcessSpawner

def on(name):
    return os.path.exists(os.path.join({folder!r}, name))

class Moody(SimpleLocalProcessSpawner):
    async def poll(self):
        while on("poll-hangs"):
            await asyncio.sleep(0.1)
        return await super().poll()

    async def start(self):
        if self.user.name.startswith("bad"):
            raise RuntimeError("no")
        while self.user.name == "stuck" and on("stuck"):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                pass
        return await super().start()

def hang(app):
    if on("hang"):
        time.sleep(60)
    return True

async def hang_async(app):
    if on("hang"):
        await asyncio.sleep(60)

async def block(app):
    if on("block"):
        os.remove(os.path.join({folder!r}, "block"))
        time.sleep(2.5)

c.JupyterHub.spawner_class = Moody
c.Moody.home_dir_template = {folder!r} + "/home/{{username}}"
c.Moody.start_timeout = c.Moody.http_timeout = 3
c.MonitoringHealth.poll_timeout_seconds = 1
c.MonitoringHealth.stuck_grace_seconds = 0
c.MonitoringHealth.spawn_failure_window_seconds = 8
c.MonitoringHealth.extra_checks = {{"hang": hang, "hang_async": hang_async, "block": block}}
c.MonitoringHealth.disk_paths = [{folder!r} + "/volume"]
c.MonitoringHealth.certificate_files = [{folder!r} + "/hub.pem"]
c.ConfigurableHTTPProxy.auth_token = "proxy-token"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faults")
    (made / "volume").mkdir()
    certificate(made / "hub.pem", days=90)
    return made


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub], folder: Path) -> RealHub:
    return module_hub(config=QUICK + FAULTS.format(folder=str(folder))).start()


@contextlib.contextmanager
def switched_on(path: Path) -> Iterator[None]:
    path.touch()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def certificate(path: Path, *, days: float) -> None:
    """Write a self-signed certificate that ends in *days* from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub.example")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def drop_hub_route(hub: RealHub) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{hub.api_port}/api/routes/", method="DELETE"
    )
    request.add_header("Authorization", "token proxy-token")
    urllib.request.urlopen(request, timeout=60).close()


def restore_routes(hub: RealHub) -> None:
    """Do what the runbook says."""
    assert hub.post("hub/api/proxy", direct=True).status == 200


def proxy_process(hub: RealHub) -> psutil.Process:
    pid = int((hub.folder / "proxy.pid").read_text())
    return psutil.Process(pid)


def test_all_is_well_at_first(hub: RealHub) -> None:
    """A Hub without faults is ready, and every check that has something to look at passes."""
    for check in ("database", "proxy", "public_url", "spawners", "disk", "certificate"):
        wait_for_code(hub, check, None)
    answer = hub.get("hub/health/ready", token=None)
    assert (answer.status, answer.json) == (200, {"status": "pass"})


def test_sqlite_that_is_locked(hub: RealHub) -> None:
    """Another program's lock on the database file is seen, and that it went away."""
    other = sqlite3.connect(hub.folder / "hub.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    wait_for_code(hub, "database", "HUB-DB-04")
    assert hub.get("hub/health/ready", token=None, direct=True).status == 503
    other.execute("ROLLBACK")
    other.close()
    wait_for_code(hub, "database", None)


def test_sqlite_that_is_read_only(hub: RealHub) -> None:
    """A database file that can be read and not written makes the Hub not ready."""
    with read_only(hub.folder / "hub.db"):
        wait_for_code(hub, "database", "HUB-DB-02")
        assert hub.get("hub/health", token=None, direct=True).status == 200  # the stock page
        assert hub.get("hub/health/ready", token=None, direct=True).status == 503
        assert hub.get("hub/health/ready?report", token=None, direct=True).status == 503
    wait_for_code(hub, "database", None)


def test_the_checks_leave_the_database_as_it_was(hub: RealHub) -> None:
    """The write that is tried is taken back: the row is there, unchanged, once."""
    rows = sqlite3.connect(hub.folder / "hub.db").execute("SELECT * FROM alembic_version")
    assert len(rows.fetchall()) == 1


def test_hub_route_missing(hub: RealHub) -> None:
    """A proxy that lost the Hub's route is seen from inside, and from where browsers come."""
    drop_hub_route(hub)
    wait_for_code(hub, "proxy", "HUB-PROXY-02")
    wait_for_code(hub, "public_url", "HUB-URL-01")
    restore_routes(hub)
    wait_for_code(hub, "proxy", None)
    wait_for_code(hub, "public_url", None)


def test_proxy_that_hangs(hub: RealHub) -> None:
    """A proxy that takes connections and answers none is seen on both ways to it."""
    proxy = proxy_process(hub)
    proxy.send_signal(signal.SIGSTOP)
    try:
        wait_for_code(hub, "proxy", "HUB-PROXY-01")
        wait_for_code(hub, "public_url", "HUB-URL-01")
    finally:
        proxy.send_signal(signal.SIGCONT)
    wait_for_code(hub, "proxy", None, extra=5)
    wait_for_code(hub, "public_url", None, extra=5)


def test_poll_that_hangs(hub: RealHub, folder: Path) -> None:
    """A spawner that no longer says whether its server lives is named."""
    hub.post("hub/api/users/ada")
    hub.post("hub/api/users/ada/server")
    hub.wait_ready("ada")
    with switched_on(folder / "poll-hangs"):
        wait_for_code(hub, "spawners", "HUB-SPAWN-03")
        assert "ada" in hub.get("hub/health/checks/spawners").json["output"]
    wait_for_code(hub, "spawners", None)


def test_server_that_is_stuck(hub: RealHub, folder: Path) -> None:
    """A server that is pending beyond its timeouts is named; the Hub shows no end of it."""
    with switched_on(folder / "stuck"):
        hub.post("hub/api/users/stuck")
        hub.post("hub/api/users/stuck/server", timeout=120)
        wait_for_code(hub, "spawners", "HUB-SPAWN-01", extra=6)
        assert "stuck" in hub.get("hub/health/checks/spawners").json["output"]
    wait_for_code(hub, "spawners", None, extra=10)


def test_starts_that_fail(hub: RealHub) -> None:
    """Most starts in the window failing is seen, and forgotten after the window."""
    for name in ("bad1", "bad2", "bad3", "bad4"):
        hub.post(f"hub/api/users/{name}")
        hub.post(f"hub/api/users/{name}/server")
    wait_for_code(hub, "spawners", "HUB-SPAWN-02")
    assert "starts failed" in hub.get("hub/health/checks/spawners").json["output"]
    wait_for_code(hub, "spawners", None, extra=10)


def test_loop_that_was_blocked(hub: RealHub, folder: Path) -> None:
    """2.5 s in which the Hub answered nobody are reported afterwards."""
    (folder / "block").touch()
    wait_for_code(hub, "event_loop", "HUB-LOOP-01", extra=2.5)
    wait_for_code(hub, "event_loop", None)


def test_certificate_that_has_expired(hub: RealHub, folder: Path) -> None:
    """An expired, a soon expiring and a broken certificate differ; a renewed one is seen."""
    certificate(folder / "hub.pem", days=-1)
    wait_for_code(hub, "certificate", "HUB-CERT-01")
    assert "expired" in hub.get("hub/health/checks/certificate").json["output"]
    (folder / "hub.pem").write_text("no certificate")
    wait_for_code(hub, "certificate", "HUB-CERT-02")
    certificate(folder / "hub.pem", days=10)
    wait_for_code(hub, "certificate", "HUB-CERT-01")
    assert status(hub, "certificate") == "warn"
    certificate(folder / "hub.pem", days=90)
    wait_for_code(hub, "certificate", None)


def test_disk_that_cannot_be_read(hub: RealHub, folder: Path) -> None:
    """A volume that is not there is an error of its own, not "0 bytes free"."""
    (folder / "volume").rename(folder / "away")
    wait_for_code(hub, "disk", "HUB-DISK-02")
    (folder / "away").rename(folder / "volume")
    wait_for_code(hub, "disk", None)


def test_disk_that_fills_up(make_hub: Callable[..., RealHub], tmp_path: Path) -> None:
    """A file system on which a file grows past the limit is seen, and when it is deleted."""
    shm = Path("/dev/shm")
    filler = shm / f"health-{os.getpid()}"
    free = shutil.disk_usage(shm).free
    room = min(free // 2, 400 * 2**20)  # others use it too
    limit = free - room // 2
    config = f"""
    c.MonitoringHealth.disk_paths = [{str(shm)!r}]
    c.MonitoringHealth.disk_warning_free_bytes = 0
    c.MonitoringHealth.disk_critical_free_bytes = {limit}
    c.MonitoringHealth.disabled = ["database", "proxy", "public_url", "spawners", "event_loop"]
    """
    hub = make_hub(config=QUICK + "\n".join(map(str.strip, config.splitlines()))).start()
    wait_for_code(hub, "disk", None)
    try:
        filler.write_bytes(bytes(room))
        wait_for_code(hub, "disk", "HUB-DISK-01")
    finally:
        filler.unlink()
    wait_for_code(hub, "disk", None)


def test_a_check_that_hangs_for_a_minute(hub: RealHub, folder: Path) -> None:
    """Checks that hang, in a thread and in the loop, delay no request and no other check."""
    with switched_on(folder / "hang"):
        wait_for_code(hub, "hang", "HUB-CHECK-01")
        wait_for_code(hub, "hang_async", "HUB-CHECK-01")
        slowest = max(_seconds(lambda: hub.get("hub/api/", token=None)) for _ in range(30))
        assert slowest < 20  # they hang for 60
        threads = psutil.Process(hub.process.pid).num_threads()
        for _ in range(3):
            before = hub.get("hub/health/checks/database").json["time"]
            eventually(lambda: hub.get("hub/health/checks/database").json["time"] > before)  # noqa: B023
        assert psutil.Process(hub.process.pid).num_threads() <= threads + 1
        assert hub.get("hub/health/ready", token=None).status == 200  # they are not critical
    wait_for_code(hub, "hang_async", None)


def _seconds(call: Callable[[], Any]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


def test_a_hub_with_a_hanging_check_stops(make_hub: Callable[..., RealHub], tmp_path: Path) -> None:
    """A thread that hangs does not keep the Hub from stopping."""
    (tmp_path / "volume").mkdir()
    certificate(tmp_path / "hub.pem", days=90)
    hub = make_hub(config=QUICK + FAULTS.format(folder=str(tmp_path)))
    (tmp_path / "hang").touch()
    hub.start()
    wait_for_code(hub, "hang", "HUB-CHECK-01")
    assert _seconds(lambda: hub.stop(60)) < 50  # it hangs for 60


def test_proxy_that_was_killed(make_hub: Callable[..., RealHub], tmp_path: Path) -> None:
    """An external proxy that dies, comes back without routes and gets them: each is told."""
    config = (
        QUICK + 'c.ConfigurableHTTPProxy.should_start = False\nc.ConfigurableHTTPProxy.auth_token="'
        'proxy-token"\n'
    )
    hub = make_hub(config=config)

    def start_proxy() -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("configurable-http-proxy"))]
        command += ["--ip", "127.0.0.1", "--port", str(hub.port)]
        command += ["--api-ip", "127.0.0.1", "--api-port", str(hub.api_port)]
        env = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": "proxy-token"}
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=-3)

    proxy = start_proxy()
    try:
        hub.start()
        wait_for_code(hub, "proxy", None)
        proxy.kill()
        proxy.wait()
        wait_for_code(hub, "proxy", "HUB-PROXY-01")
        wait_for_code(hub, "public_url", "HUB-URL-01")
        proxy = start_proxy()
        wait_for_code(hub, "proxy", "HUB-PROXY-02", extra=5)
        restore_routes(hub)
        wait_for_code(hub, "proxy", None)
        wait_for_code(hub, "public_url", None)
    finally:
        proxy.kill()
        proxy.wait()


@pytest.mark.peer("postgresql")
def test_postgresql(make_hub: Callable[..., RealHub], tmp_path: Path) -> None:
    """PostgreSQL stopped, in recovery, read-only and locked have a code each, and an end."""
    with Postgres(tmp_path / "postgres") as server:
        hub = make_hub(config=QUICK, db_url=server.url).start()
        wait_for_code(hub, "database", None)
        server.stop()
        wait_for_code(hub, "database", "HUB-DB-01")
        server.start()
        wait_for_code(hub, "database", None)
        server.standby()
        wait_for_code(hub, "database", "HUB-DB-02", extra=3)
        assert "recovery" in hub.log
        server.primary()
        wait_for_code(hub, "database", None, extra=3)
        server.query("ALTER DATABASE hub SET default_transaction_read_only = on")
        wait_for_code(hub, "database", "HUB-DB-02")
        server.query("SET transaction_read_only=off; ALTER DATABASE hub RESET ALL", "postgres")
        wait_for_code(hub, "database", None)
        assert last_code(hub, "database") is None
