"""What the checks measure, they show: as numbers that rules can foresee something from."""

from __future__ import annotations

import datetime as dt
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jupyterhub_monitoring.health.checks.certificate import CertificateCheck
from jupyterhub_monitoring.health.checks.disk import DiskCheck
from jupyterhub_monitoring.health.checks.spawners import SpawnersCheck
from jupyterhub_monitoring.health.settings import MonitoringHealth
from jupyterhub_monitoring.metrics import catalogue as m


def value(metric: Any, **labels: str) -> float:
    """What is exposed, NaN for nothing."""
    found = [
        sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.labels == labels
    ]
    return found[0] if found else math.nan


def app(**more: Any) -> Any:
    engine = SimpleNamespace(dialect=SimpleNamespace(name="postgresql"))
    return SimpleNamespace(db=SimpleNamespace(get_bind=lambda: engine), **more)


def write_certificate(path: Path, ends: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - dt.timedelta(days=90))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def test_room_on_disks(tmp_path: Path):
    """Each folder's free and whole size; a gap once the folder is not there any more."""
    volume = tmp_path / "volume"
    volume.mkdir()
    check = DiskCheck(app(), MonitoringHealth(disk_paths=[str(volume)]))
    check()
    stat = os.statvfs(volume)
    free = value(m.DISK_FREE_BYTES, path=str(volume))
    size = value(m.DISK_SIZE_BYTES, path=str(volume))
    assert free == pytest.approx(stat.f_bavail * stat.f_frsize, rel=0.05)
    assert free < size <= stat.f_blocks * stat.f_frsize
    volume.rmdir()
    check()
    assert math.isnan(value(m.DISK_FREE_BYTES, path=str(volume)))
    assert math.isnan(value(m.DISK_SIZE_BYTES, path=str(volume)))


def test_end_of_certificates(tmp_path: Path):
    """The time until which each file is valid; a gap once it cannot be read."""
    path = tmp_path / "hub.pem"
    ends = dt.datetime(2027, 3, 1, 12, tzinfo=dt.timezone.utc)
    write_certificate(path, ends)
    check = CertificateCheck(app(), MonitoringHealth(certificate_files=[str(path)]))
    check()
    assert value(m.CERTIFICATE_EXPIRY, path=str(path)) == ends.timestamp()
    path.write_text("no certificate")
    check()
    assert math.isnan(value(m.CERTIFICATE_EXPIRY, path=str(path)))


async def test_stuck_servers():
    """How many servers are beyond their own limits; 0 as soon as none is."""
    spawner = SimpleNamespace(
        pending="stop",
        ready=False,
        name="",
        user=SimpleNamespace(name="ana"),
        start_timeout=0,
        http_timeout=0,
        orm_spawner=SimpleNamespace(),
    )
    users = {"ana": SimpleNamespace(spawners={"": spawner})}
    check = SpawnersCheck(app(users=users), MonitoringHealth(stuck_grace_seconds=0))
    await check()
    await check()  # the first look has seen it begin
    assert value(m.STUCK_SERVERS) == 1
    spawner.pending = None
    await check()
    assert value(m.STUCK_SERVERS) == 0
