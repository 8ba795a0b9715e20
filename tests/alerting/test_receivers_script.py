"""A program of the operator's: what it gets, when it counts as taken, and how it ends."""

from __future__ import annotations

import json
import stat
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from jupyterhub_monitoring.alerting.message import Receiver
from jupyterhub_monitoring.alerting.receivers.notify_urls import receiver_of
from jupyterhub_monitoring.alerting.receivers.webhook import payload
from jupyterhub_monitoring.errors import DeliveryFailed
from support.eventually import eventually
from support.messages import message


@pytest.fixture
def program(tmp_path: Path):
    """Make a receiver of a Python program's text, and of what follows its path in the URL."""

    def make(body: str, query: str = "") -> Receiver:
        file = tmp_path / "tell me"
        file.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return receiver_of(f"script://{tmp_path}/tell%5C%20me{query}", {})

    return make


async def failure(made: Receiver) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await made.send(message())
    return failed.value


async def test_it_gets_the_webhooks_json(program, tmp_path: Path, monkeypatch):
    """On its standard input; a few words of it in its environment; the Hub's secrets nowhere."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "s3cret")
    made = program(
        f"""
        import json, os, sys
        told = {{"args": sys.argv[1:], "json": json.load(sys.stdin), "env": dict(os.environ)}}
        open({str(tmp_path / "told")!r}, "w").write(json.dumps(told))
        """,
        "?arg=one&arg=two%20words",
    )
    await made.send(message())
    told = json.loads((tmp_path / "told").read_text())
    assert told["args"] == ["one", "two words"]
    assert told["json"] == payload(message())
    assert (told["env"]["ALERT_STATUS"], told["env"]["ALERT_NAME"]) == ("firing", "SpawnsFail")
    assert "JUPYTERHUB_API_TOKEN" not in told["env"]


@pytest.mark.parametrize("status", [1, 75, 127])
async def test_a_failure_is_tried_again(program, status: int):
    """Any exit status but 0; the first line that it wrote to standard error says why."""
    made = program(f"import sys; sys.stderr.write('no modem\\nmore'); sys.exit({status})")
    failed = await failure(made)
    assert failed.retry
    assert str(failed).endswith(f"ended with {status}: no modem")


async def test_it_need_not_read(program):
    """A program that is not interested in the JSON may ignore it, however long that is."""
    made = program("pass")
    await made.send(message(*message().alerts * 2_000))


async def test_it_may_say_much(program):
    """Standard error is read to its end, so that nobody is stuck; its beginning is kept."""
    made = program("import sys; sys.stderr.write('x' * 1_000_000); sys.exit(1)")
    assert len(str(await failure(made))) < 400


async def test_it_is_killed_in_the_end(program, tmp_path: Path):
    """A program that hangs is ended, with all that it started."""
    made = program(
        f"""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(600)
        """
    )
    made.timeout_seconds = 3.0
    failed = await failure(made)
    assert failed.retry
    assert "did not end within 3 s" in str(failed)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    def gone(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    eventually(lambda: all(map(gone, pids)), 10)


async def test_arguments_are_not_shown(program):
    """A secret among the arguments is in no error and not in the object's text."""
    made = program("import sys; sys.exit(sys.argv[1] + ' is wrong')", "?arg=s3cretT0ken")
    assert "s3cretT0ken" not in f"{await failure(made)} {made!r}"


async def test_a_program_that_is_gone(program, tmp_path: Path):
    """It may come back with the next deployment: tried again."""
    made = program("pass")
    (tmp_path / "tell me").unlink()
    failed = await failure(made)
    assert failed.retry
    assert "did not start: No such file" in str(failed)
