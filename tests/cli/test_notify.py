"""`jupyterhub-monitoring notify`: does a message arrive, before it has to."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.cli import main

SECRET = "s3cretT0kenABCDEF"


class Inbox:
    """A webhook in a thread: the command has a loop of its own."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.status = 200
        inbox = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.told.append(json.loads(body))
                self.send_response(inbox.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def routing(tmp_path: Path, inbox: Inbox) -> Path:
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        f"""
route: {{receiver: teachers}}
receivers:
  - name: teachers
    webhook_configs: [{{url: "{inbox.url}"}}]
  - name: silent
"""
    )
    return file


def test_an_address(inbox: Inbox, capsys: pytest.CaptureFixture[str]):
    """One message that says that it is a test; exit status 0, and who took it."""
    assert main(["notify", "test", "--url", inbox.url]) == 0
    (told,) = inbox.told
    assert told["status"] == "firing"
    assert told["commonAnnotations"]["summary"] == "This is only a test"
    assert "Nothing is wrong" in told["commonAnnotations"]["description"]
    assert capsys.readouterr().out == "webhook: taken (firing)\n"


def test_an_end_too(inbox: Inbox, capsys: pytest.CaptureFixture[str]):
    """--resolved closes what a test opened."""
    assert main(["notify", "test", "--resolved", "--url", inbox.url]) == 0
    assert [one["status"] for one in inbox.told] == ["firing", "resolved"]
    assert inbox.told[0]["groupKey"] == inbox.told[1]["groupKey"]
    assert "webhook: taken (resolved)" in capsys.readouterr().out


def test_a_refusal(inbox: Inbox, capsys: pytest.CaptureFixture[str]):
    """Exit status 1; why, and never the secret."""
    inbox.status = 403
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}/{SECRET}"
        assert main(["notify", "test", "--url", inbox.url, "--url", away]) == 1
    said = capsys.readouterr().out
    assert "webhook: NOT taken (firing): http://127.0.0.1:" in said
    assert "answered 403 Forbidden" in said
    assert "Connection refused" in said  # one that fails does not keep the next from being tried
    assert SECRET not in said


def test_a_wrong_address(inbox: Inbox, capsys: pytest.CaptureFixture[str]):
    """What is wrong with it; the others are tried all the same."""
    assert main(["notify", "test", "--url", f"slak://{SECRET}", "--url", inbox.url]) == 1
    assert len(inbox.told) == 1
    assert main(["notify", "test", "--url", f"slak://{SECRET}"]) == 1
    said = "".join(capsys.readouterr())
    assert said.splitlines()[2:] == [  # nothing more: that nobody was told follows from it
        "wrong: address 1 of 1: slak:// is no way to notify; did you mean slack://?"
    ]
    assert SECRET not in said


def test_a_receiver_of_a_routing_file(routing: Path, inbox: Inbox, capsys):
    """By its name; one that is not there is answered with those that are."""
    assert main(["notify", "test", "teachers", "--routing-file", str(routing)]) == 0
    assert inbox.told[0]["receiver"] == "teachers"
    assert main(["notify", "test", "silent", "--routing-file", str(routing)]) == 1
    assert main(["notify", "test", "nobody", "--routing-file", str(routing)]) == 1
    assert main(["notify", "test", "--routing-file", str(routing)]) == 1
    said = capsys.readouterr().err
    assert "the receiver 'silent' has no way to be told; there are: teachers" in said
    assert "no receiver is called 'nobody'; there are: teachers" in said
    assert f"notify test RECEIVER --routing-file {routing}; there are: teachers" in said


def test_what_the_hub_says(routing: Path, inbox: Inbox, tmp_path: Path, monkeypatch, capsys):
    """`c.Monitoring.notify` of the configuration here, and the receivers of its routing file."""
    monkeypatch.setenv("HOOK", inbox.url)
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "jupyterhub_config.py"
    config.write_text("c.Monitoring.notify = ['${HOOK}']\nc.JupyterHub.port = 1")
    assert main(["notify", "test"]) == 0
    config.write_text(
        f"c.MonitoringAlerts.routing_file = 'alertmanager.yml'\n"
        f"c.MonitoringAlerts.receivers = {{'silent': ['{inbox.url}']}}\n"
    )
    assert main(["notify", "test", "silent"]) == 0
    assert main(["notify", "test", "teachers", "--jupyterhub-config", str(config)]) == 0
    assert [one["receiver"] for one in inbox.told] == ["notify", "silent", "teachers"]
    assert routing.name in config.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n1/0", "jupyterhub_config.py:2 cannot be run: ZeroDivisionError: division by zero"),
        ("def f():\n  1/0\nf()", "jupyterhub_config.py:2 cannot be run"),
        ("import json\njson.loads('')", "jupyterhub_config.py:2 cannot be run: JSONDecodeError"),
        ("c.x = 1\nc.y = (", "jupyterhub_config.py:2 cannot be run: SyntaxError"),
        ("c.Monitoring.notfy = []", "did you mean c.Monitoring.notify?"),
        ("c.MonitoringAlerts.group_wait_seconds = 'x'", "group_wait_seconds"),
        (
            "c.Monitoring.notfy = []\nc.MonitoringAlerts.rulefiles = []",
            "\n  c.MonitoringAlerts.rulefiles is no setting",  # each on a line of its own
        ),
        ("", "c.Monitoring.notify in jupyterhub_config.py is empty, so nobody is told of alerts"),
        ("", "try one: jupyterhub-monitoring notify test --url ADDRESS"),
        ("c.Monitoring.alertmanagers = ['http://am:9093']", "alertmanagers are told of all alerts"),
    ],
)
def test_a_wrong_configuration(text: str, said: str, tmp_path: Path, monkeypatch, capsys):
    """A sentence, no traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jupyterhub_config.py").write_text(text)
    assert main(["notify", "test"]) == 1
    assert said in capsys.readouterr().err


def test_beside_a_configuration_with_the_one_line(inbox: Inbox, tmp_path: Path):
    """`setup(c)` monitors nothing in a command, so it says nothing."""
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "import jupyterhub_monitoring\njupyterhub_monitoring.setup(c)\n"
        f"c.Monitoring.notify = ['{inbox.url}']\n"
    )
    command = [sys.executable, "-m", "jupyterhub_monitoring", "notify", "test"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "webhook: taken (firing)\n", "")


def test_a_variable_that_is_not_there(tmp_path: Path, monkeypatch, capsys):
    """It was looked for in this shell, which the Hub's environment is not; what to type."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOOK_TOKEN", raising=False)
    address = "https://hook.example.org/${HOOK_TOKEN}"
    (tmp_path / "jupyterhub_config.py").write_text(f"c.Monitoring.notify = ['{address}']")
    for arguments in (["--url", address], []):
        assert main(["notify", "test", *arguments]) == 1
        said = capsys.readouterr().out
        assert "${HOOK_TOKEN}: your shell has no variable HOOK_TOKEN" in said
        assert "Type HOOK_TOKEN=… jupyterhub-monitoring notify test" in said


def test_nobody_is_named(tmp_path: Path, monkeypatch, capsys):
    """What to give."""
    monkeypatch.chdir(tmp_path)
    assert main(["notify", "test"]) == 1
    assert "name whom to tell: --url ADDRESS" in capsys.readouterr().err
    assert main(["notify", "test", "x", "--url", "http://h/"]) == 1
    assert "--url says whom to tell" in capsys.readouterr().err


def test_check(routing: Path, capsys):
    """A file that can be used: exit status 0 and what is in it."""
    assert main(["notify", "check", str(routing)]) == 0
    said = capsys.readouterr().out
    assert said == (
        f"{routing}: 2 receivers with 1 way to tell them, 0 inhibit rules, 0 time intervals;"
        " all of it can be used\n"
    )


def test_check_names_all_problems(tmp_path: Path, capsys):
    """Whoever mends a file sees at once all that there is to mend, each with its line."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        """
global: {smtp_smarthost: nowhere, resolve_timout: 1m}
route:
  receiver: missing
  group_by: [a, a]
  routes:
    - {receiver: gone, continue: perhaps}
    - {receiver: nowhere, mute_time_intervals: [nights]}
receivers:
  - name: a
    webhook_configs: [{url: ftp://x}, {urll: http://x}]
  - name: a
    email_configs: [{too: x}]
inhibit_rules: [{equals: [x]}]
"""
    )
    assert main(["notify", "check", str(file)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(f"wrong: {file}:").partition(":")[0] for line in said] == [
        *("2", "2", "11", "11", "12", "13", "14", "5", "7", "8"),
    ]
    assert "'resolve_timout' is no key of global; did you mean 'resolve_timeout'?" in said[1]


def test_what_a_wrong_part_is_needed_for_is_no_problem_of_its_own(tmp_path: Path, capsys):
    """One mistake in a receiver does not make each route that names it wrong, too."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        "global: {slack_api_url: x}\nroute: {receiver: a, routes: [{receiver: a}]}\n"
        "receivers: [{name: a, slack_configs: [{channel: b}], webhook_configs: [{}]}]\n"
    )
    assert main(["notify", "check", str(file)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2, said
    assert ":1: " in said[0]
    assert ":3: " in said[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("route: {receiver: b}\nreceivers: [{name: a}]", "alertmanager.yml"),
        (
            "route: {receiver: a}\nreceivers: [{name: a, sns_configs: [{topic_arn: x}]}]",
            "wrong: receiver 'a': sns_configs is not supported here",
        ),
    ],
)
def test_check_of_a_wrong_file(text: str | None, said: str, tmp_path: Path, capsys):
    """Exit status 1, and where it is wrong."""
    file = tmp_path / "alertmanager.yml"
    if text:
        file.write_text(text)
    assert main(["notify", "check", str(file)]) == 1
    assert said in "".join(capsys.readouterr())
