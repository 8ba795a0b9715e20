"""Prometheus and VictoriaMetrics, counted sample by sample after an outage and three kills."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.remote_write.outbox import MOST_SAMPLES
from jupyterhub_monitoring.store.selection import STALE_BITS
from jupyterhub_monitoring.store.store import Store
from support.peers import find
from support.prometheus import RealPrometheus
from support.victoria_metrics import RealVictoriaMetrics
from support.write_process import STEP
from support.write_receiver import Labels
from support.writing import everything

PROCESS = Path(__file__).parents[1] / "support" / "write_process.py"
HOUR_OF_ROUNDS = 240
ROUNDS = HOUR_OF_ROUNDS + 8

Found = dict[Labels, list[tuple[int, float | None]]]
"""Samples; None is a staleness marker."""


@contextmanager
def service(
    folder: Path, url: str, start: int, rounds: tuple[int, int], rate: int = 2_500
) -> Iterator[Iterator[str]]:
    """A service that appends these rounds and sends; gives its lines, and is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, str(PROCESS), str(folder), url, *map(str, (start, *rounds, rate))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def line(lines: Iterator[str], *starts: str) -> str:
    """The next line that begins so."""
    return next(one for one in lines if one.startswith(starts))


def outage_and_kills(folder: Path, start: int, port: int, path: str) -> Iterator[None]:
    """An hour comes in while nobody listens; yields when the receiver is to be started."""
    url = f"http://127.0.0.1:{port}{path}"
    with service(folder, url, start, (0, HOUR_OF_ROUNDS)) as lines:
        line(lines, "appended")
    yield
    with service(folder, url, start, (HOUR_OF_ROUNDS, ROUNDS)) as lines:
        line(lines, "sent", "done")  # killed with most of it still owed
    with service(folder, url, start, (ROUNDS, ROUNDS)) as lines:
        line(lines, "sent", "done")
    with service(folder, url, start, (ROUNDS, ROUNDS), rate=1_000_000) as lines:
        done = line(lines, "done")
    assert "refused=None" in done


def expected(folder: Path) -> Found:
    """What the store has."""
    store = Store.open(folder, read_only=True)
    found = everything(store)
    store.close()
    return {
        labels: [(at, _value(bits)) for at, bits in samples] for labels, samples in found.items()
    }


def _value(bits: int) -> float | None:
    return None if bits == STALE_BITS else struct.unpack("<d", struct.pack("<q", bits))[0]


def hour_ago() -> int:
    """The start of the hour, on a whole round."""
    return int(time.time() * 1000) // STEP * STEP - ROUNDS * STEP


@pytest.mark.peer("prometheus")
@pytest.mark.peer("promtool")
def test_prometheus_has_every_sample(tmp_path: Path):
    """Nothing is lost, nothing is doubled, and series end where they ended here."""
    start, folder = hour_ago(), tmp_path / "hub"
    prometheus = RealPrometheus(
        str(find("prometheus")),
        tmp_path / "prometheus",
        {},
        "",
        flags=("--web.enable-remote-write-receiver",),
    )
    steps = outage_and_kills(folder, start, prometheus.port, "/api/v1/write")
    next(steps)
    with prometheus:
        assert next(steps, "over") == "over"
    dump = subprocess.run(
        [find("promtool"), "tsdb", "dump", str(prometheus.folder / "data")],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert difference(dumped(dump), expected(folder)) == ([], [])


def difference(found: Found, wanted: Found) -> tuple[list[Any], list[Any]]:
    """Samples that are missing, and those that nobody sent, by time."""
    has, wants = (
        {(at, repr(value), labels) for labels, samples in one.items() for at, value in samples}
        for one in (found, wanted)
    )
    return sorted(wants - has), sorted(has - wants)


def dumped(text: str) -> Found:
    """Read what `promtool tsdb dump` writes: `{labels} value milliseconds`."""
    found: Found = {}
    for one in text.splitlines():
        labels, value, at = one.rsplit(" ", 2)
        pairs = tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels)))
        number = None if value == "NaN" else float(value)
        found.setdefault(pairs, []).append((int(at), number))
    return found


@pytest.mark.peer("victoria-metrics")
def test_victoria_metrics_has_every_sample(tmp_path: Path):
    """It keeps what comes twice: that is no more than what was under way at a kill."""
    start, folder = hour_ago(), tmp_path / "hub"
    victoria = RealVictoriaMetrics(tmp_path / "victoria")
    steps = outage_and_kills(folder, start, victoria.port, "/api/v1/write")
    next(steps)
    with victoria:
        assert next(steps, "over") == "over"
        victoria.take("")
        url = f"{victoria.url}/api/v1/export?match[]=%7B__name__!=%22%22%7D&reduce_mem_usage=1"
        with urllib.request.urlopen(url, timeout=60) as answer:
            exported = [json.loads(one) for one in answer.read().splitlines()]
    found: Found = {}
    for one in exported:
        pairs = tuple(sorted(one["metric"].items()))
        values = [None if value is None else float(value) for value in one["values"]]
        samples = zip(one["timestamps"], values, strict=True)
        found.setdefault(pairs, []).extend(samples)
    wanted = expected(folder)
    assert difference(found, wanted) == ([], [])
    more = sum(map(len, found.values())) - sum(map(len, wanted.values()))
    assert more <= 2 * MOST_SAMPLES
