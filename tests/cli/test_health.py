"""`jupyterhub-monitoring health`: what an operator and Icinga see."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyterhub_monitoring.cli import health, main
from support.health import QUICK, wait_for_code
from support.ports import free_port
from support.real_hub import RealHub

TOKEN = "secret-token-0123456789"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(health.TOKEN_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    config = 'c.MonitoringHealth.extra_checks = {"failing": lambda app: False}\n'
    hub = module_hub(config=QUICK + config + "c.MonitoringHealth.critical = ['failing']\n").start()
    wait_for_code(hub, "failing", "HUB-CHECK-03")
    wait_for_code(hub, "public_url", None)
    return hub


def test_table(hub: RealHub, capsys: Any) -> None:
    """People get a line per check with its code and the page to read; scripts get the status."""
    assert main(["health", "--url", hub.url, "--token", hub.token]) == 2
    out = capsys.readouterr().out
    assert "JupyterHub: fail (failing: failing)" in out
    assert re.search(r"^database +healthy ", out, re.MULTILINE)
    assert re.search(r"^failing +unhealthy \(critical\) +HUB-CHECK-03", out, re.MULTILINE)
    assert "docs/runbooks/HUB-CHECK-03.md" in out


def test_exclude_and_token_from_the_environment(
    hub: RealHub, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token may lie in the environment, and `/hub` may be part of the address."""
    monkeypatch.setenv(health.TOKEN_VARIABLE, hub.token)
    assert main(["health", "--url", hub.url + "hub/", "--exclude", "failing"]) == 0
    assert "database" in capsys.readouterr().out


def test_json(hub: RealHub, capsys: Any) -> None:
    """Json is what the Hub sent."""
    main(["health", "--url", hub.url, "--token", hub.token, "--format", "json"])
    assert json.loads(capsys.readouterr().out)["checks"]["failing"][0]["status"] == "fail"


def test_nagios(hub: RealHub, capsys: Any) -> None:
    """One line: the state, what is wrong, and performance data behind the only bar."""
    arguments = ["health", "--url", hub.url, "--token", hub.token, "--format", "nagios"]
    assert main(arguments) == 2
    line = capsys.readouterr().out
    assert line.startswith("JUPYTERHUB CRITICAL - failing: the check returned False [HUB-CHECK-03]")
    assert line.count("\n") == line.count("|") == 1
    assert re.search(r"\| .*'database'=[0-9.e-]+s;;;0", line)
    assert main([*arguments, "--exclude", "failing"]) == 0
    assert capsys.readouterr().out.startswith("JUPYTERHUB OK - ")


@pytest.mark.parametrize("token", ["", "wrong-token"], ids=["none", "wrong"])
def test_without_an_accepted_token(hub: RealHub, capsys: Any, token: str) -> None:
    """Only the status is shown, and how to see more."""
    assert main(["health", "--url", hub.url, "--token", token]) == 2
    out = capsys.readouterr().out
    assert "JupyterHub: fail" in out
    assert "read:metrics" in out


def test_a_wrong_token_of_a_hub_that_is_well(hub: RealHub, capsys: Any) -> None:
    """Whoever gave a token wants to know more than a word: that is no success."""
    arguments = ["health", "--url", hub.url, "--exclude", "failing"]
    assert main(arguments) == 0
    assert main([*arguments, "--token", "wrong-token"]) == 1
    assert "the Hub did not accept the token" in capsys.readouterr().out
    assert main([*arguments, "--token", "wrong-token", "--format", "nagios"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("JUPYTERHUB WARNING - the Hub did not accept the token")


def test_exclude_that_is_no_check(hub: RealHub, capsys: Any) -> None:
    """A mistyped name is an error that lists the names, not a check that is quietly left in."""
    assert main(["health", "--url", hub.url, "--token", hub.token, "--exclude", "databse"]) == 2
    assert "known: " in capsys.readouterr().err


class Impostor(http.server.BaseHTTPRequestHandler):
    """A web server that is no JupyterHub: the path's first part is the status it answers."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "http://elsewhere.example/")
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def impostor() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Impostor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def mute() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def gibberish() -> Iterator[str]:
    server = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()

    threading.Thread(target=speak, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.close()


PROBLEMS = {
    "nothing listens": ("http://127.0.0.1:{port}", "does the Hub run"),
    "another web server": ("{impostor}/200", "not as a monitored JupyterHub"),
    "no such page": ("{impostor}/404", "setup(c)"),
    "forbidden": ("{impostor}/403", "read:metrics"),
    "unauthorised": ("{impostor}/401", "read:metrics"),
    "redirect": ("{impostor}/302", "--url"),
    "a proxy without its Hub": ("{impostor}/503", "the Hub behind it is not"),
    "https where http is": ("https://{host}", "http:// rather than https://"),
    "hangs": ("{mute}", "within 1 s"),
    "not HTTP": ("{gibberish}", "does not speak HTTP"),
    "no address": ("ftp://hub.example", "not an http:// or https:// address"),
    "no port": ("http://127.0.0.1:banana", "--url"),
}


@pytest.mark.parametrize(("url", "said"), PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("output", ["table", "nagios"])
def test_problem(  # noqa: PLR0917 -- fixtures
    url: str, said: str, output: str, impostor: str, mute: str, gibberish: str, capsys: Any
) -> None:
    """A Hub that cannot be asked: the reason, what to do, 3 for Nagios and 2 else, no token."""
    host = impostor.removeprefix("http://")
    url = url.format(port=free_port(), impostor=impostor, mute=mute, gibberish=gibberish, host=host)
    arguments = ["health", "--url", url, "--token", TOKEN, "--timeout", "1", "--format", output]
    assert main(arguments) == (3 if output == "nagios" else 2)
    streams = capsys.readouterr()
    text = streams.out if output == "nagios" else streams.err
    assert said in text
    assert text.count("\n") == 1
    assert text.startswith("JUPYTERHUB UNKNOWN - ") or output == "table"
    assert TOKEN not in streams.out + streams.err
