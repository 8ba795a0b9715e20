"""`jupyterhub-monitoring serve`: the API on a store without a Hub."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.service import settings as service_settings
from jupyterhub_monitoring.service import standalone
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.store import Store
from support.best_of import best_of
from support.service_hub import eventually

COMMAND = [sys.executable, "-m", "jupyterhub_monitoring", "serve"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one series."""
    folder = tmp_path / "data"
    store = Store.open(folder)
    ids = store.series_ids([(("__name__", "answer"), ("instance", "i"), ("job", "j"))])
    now = time.time_ns() // 1_000_000
    store.append([Row(now - 1000, ids, np.array([42.0]))])
    store.close()
    return folder


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve *folder*; give the URL, without a slash, and the process."""
    command = [*COMMAND, "--data-dir", str(folder), "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                found = re.search(r"Listening on (http://\S+)", line)
                if found:
                    yield found[1], process
                    return
            raise AssertionError("it does not listen")
        finally:
            process.kill()


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.status, answer.read()


def test_queries_are_answered_on_loopback(folder: Path):
    """A copy of the data folder can be asked anywhere, without a token; nothing is scraped."""
    with serving(folder) as (url, _):
        assert url.startswith("http://127.0.0.1:")
        eventually(lambda: get(f"{url}/-/ready")[0] == 200)
        found = json.loads(get(f"{url}/api/v1/query?query=answer")[1])["data"]["result"]
        assert [r["value"][1] for r in found] == ["42"]
        page = get(f"{url}/status")[1].decode()
        assert "The monitoring is well" in page
        assert "Targets" not in page
        assert json.loads(get(f"{url}/health")[1])["status"] == "pass"


def test_the_log_has_no_query(folder: Path):
    """What somebody asked for may name people; the log says only that it was refused."""
    with serving(folder) as (url, process):
        eventually(lambda: get(f"{url}/-/ready")[0] == 200)
        query = "query=answer%7Busername%3D%22zaphod%22%7D&timeout=0.000001"
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{url}/api/v1/query?{query}")
        process.terminate()
        assert process.stderr is not None
        told = process.stderr.read()
        assert "503 GET /api/v1/query (127.0.0.1)" in told
        assert "zaphod" not in told


def test_an_old_copy_is_not_emptied(tmp_path: Path):
    """Samples that are older than any retention stay, however long they are served."""
    labels = (("__name__", "answer"), ("instance", "i"), ("job", "j"))
    settings = service_settings.read(standalone.KEEPS_ALL)
    assert not settings.problems
    at_once = replace(settings.store.limits(), settle_seconds=0)
    with closing(Store.open(tmp_path, at_once)) as store:
        store.append([Row(1000, store.series_ids([labels]), np.array([42.0]))])
        store.maintain()
        store.maintain()
        assert store.stats().pages == 1
        assert store.series([], 0, 2000) == [dict(labels)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_well(folder: Path, number: int):
    """Ctrl-C and SIGTERM end it at once, with status 0, and the folder is free again."""

    def seconds() -> float:
        with serving(folder) as (_, process):
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(60) == 0
            return time.monotonic() - began

    assert best_of(4, seconds, 2) < 2
    Store.open(folder).close()


def test_a_second_one_is_refused(folder: Path):
    """It says which process has the folder, and ends with status 1."""
    with serving(folder) as (_, process):
        done = refused(["--data-dir", str(folder), "--port", "0"])
        assert f"in use by process {process.pid}" in done


def refused(arguments: list[str], status: int = 1) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--data-dir", "{folder}", "--port", "70000"], 2, "is no port"),
        (["--data-dir", "{folder}", "--port", "x"], 2, "is no port"),
        (["--data-dir", "{folder}", "--host", "300.1.1.1"], 1, "cannot listen on 300.1.1.1"),
        (["--data-dir", "{folder}/none", "--port", "0"], 1, "holds no store"),
        (["--data-dir", "{folder}/series.sqlite", "--port", "0"], 1, "holds no store"),
        (["--port", "0"], 2, "--data-dir"),
    ],
)
def test_wrong_arguments(folder: Path, arguments: list[str], status: int, says: str):
    """Each mistake has a sentence of its own, and nothing is made or opened."""
    assert says in refused([a.format(folder=folder) for a in arguments], status)
    assert not (folder / "none").exists()


def test_a_port_in_use(folder: Path):
    """The sentence names the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        says = refused(["--data-dir", str(folder), "--port", str(port)])
    assert f"cannot listen on 127.0.0.1:{port}" in says


def test_service_by_hand_says_who_starts_it():
    """Typed on a terminal, `service` tells what to do instead."""
    done = subprocess.run(
        [*COMMAND[:-1], "service"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "the Hub starts this by itself" in done.stderr
