"""`jupyterhub-monitoring top`: what an operator sees in the terminal, and what is left of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.cli.hub_request import TOKEN_VARIABLE
from jupyterhub_monitoring.cli.terminal_text import width
from jupyterhub_monitoring.cli.usage_page import View, page
from jupyterhub_monitoring.cli.usage_question import usage_url
from jupyterhub_monitoring.cli.usage_table import Order, human_bytes, human_seconds
from support.odd_server import OddServer, hangs, sends
from support.ports import free_port
from support.real_hub import RealHub
from support.terminal import Terminal
from support.usage_stand_in import GIB, NOW, UsageStandIn, answer, server

TOKEN = "secret-token-0123456789"
PROGRAM = (sys.executable, "-m", "jupyterhub_monitoring", "top")
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"

ANA = server(
    "ana", cpu_cores=1.5, memory_bytes=GIB, memory_limit_bytes=4 * GIB, started=NOW - 7200,
    last_activity=NOW - 5, profile="small", node="node-1",
)  # fmt: skip
BEN = server(
    "ben", "gpu", cpu_cores=0.25, memory_bytes=15 * GIB, memory_limit_bytes=16 * GIB,
    started=NOW - 86_400 * 3, last_activity=NOW - 3600, profile="large", node="node-2",
)  # fmt: skip
CLEO = server("cleo", gap={"reason": "permission"}, started=NOW - 60)


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def service() -> Iterator[UsageStandIn]:
    service = UsageStandIn()
    service.answer = answer(ANA, BEN, CLEO)
    yield service
    service.close()


def live(service: UsageStandIn, *options: str, **kwargs: Any) -> Terminal:
    return Terminal(*PROGRAM, "--url", service.url, "--token", TOKEN, *options, **kwargs)


def order_of(screen: str) -> list[str]:
    """The users of the table, from the top."""
    return re.findall(r"^(ana|ben|cleo)\b", screen, re.MULTILINE)


# --- Written once -------------------------------------------------------------------------------


def test_once(service: UsageStandIn, capsys: Any):
    """One line a server with what is known of it, and nothing where nothing is known."""
    assert main(["top", "--url", service.url, "--token", TOKEN, "--once"]) == 0
    out = capsys.readouterr().out
    assert "3 servers of 3 users, 1.75 cores, 16.0G memory" in out
    assert re.search(r"^ana +1\.50 +1\.0G/4\.0G +##\.+ +2h +5s +small +node-1$", out, re.MULTILINE)
    assert re.search(
        r"^ben +gpu +0\.25 +15\.0G/16\.0G +###### +3d +60m +large +node-2$", out, re.MULTILINE
    )
    assert re.search(r"^cleo +- +\(permission\) +60s +-$", out, re.MULTILINE)
    assert "1 server cannot be looked at" in out
    assert "\x1b" not in out


def test_json_is_the_services_answer(service: UsageStandIn, capsys: Any):
    """Scripts get every field, also those that the table leaves out."""
    assert main(["top", "--url", service.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == service.answer


@pytest.mark.parametrize(
    ("order", "users"),
    [
        ("cpu", ["ana", "ben", "cleo"]),
        ("memory", ["ben", "ana", "cleo"]),
        ("age", ["ben", "ana", "cleo"]),
        ("idle", ["ben", "ana", "cleo"]),
        ("user", ["ana", "ben", "cleo"]),
    ],
)
def test_sorted(service: UsageStandIn, capsys: Any, order: str, users: list[str]):
    """The largest, oldest, most idle comes first, what is not known last; the service is told."""
    main(["top", "--url", service.url, "--sort", order, "--limit", "7"])
    assert order_of(capsys.readouterr().out) == users
    assert service.requests[0][0] == f"/services/monitoring/api/usage?sort={order}&limit=7"


def test_where_the_token_may_lie(
    service: UsageStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In an argument, in a file, in the environment; the first of them wins."""
    file = tmp_path / "token"
    file.write_text("from-file\n")
    monkeypatch.setenv(TOKEN_VARIABLE, "from-environment")
    main(["top", "--url", service.url, "--token", "given", "--token-file", str(file)])
    main(["top", "--url", service.url, "--token-file", str(file)])
    main(["top", "--url", service.url])
    assert [who for _, who in service.requests] == [
        "token given", "token from-file", "token from-environment",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("hub.example", "http://hub.example/services/monitoring"),
        ("https://hub.example/", "https://hub.example/services/monitoring"),
        ("https://hub.example/jupyter/hub", "https://hub.example/jupyter/services/monitoring"),
        ("https://hub.example/hub/home", "https://hub.example/services/monitoring"),
        ("https://hub.example/github", "https://hub.example/github/services/monitoring"),
        ("http://x:1/services/monitoring", "http://x:1/services/monitoring"),
        ("http://x:1/b/services/monitoring/api/usage", "http://x:1/b/services/monitoring"),
    ],
)
def test_addresses(given: str, asked: str):
    """The Hub's address will do, or the service's, as somebody copies it from a browser."""
    assert usage_url(given, limit=1) == f"{asked}/api/usage?limit=1"


def test_into_a_pipe_it_is_written_once(service: UsageStandIn):
    """`top | grep` ends by itself, without colours or a cut line; so does `top | head`."""
    done = subprocess.run(
        [*PROGRAM, "--url", service.url],
        capture_output=True, text=True, timeout=120, check=True,
        env={k: v for k, v in os.environ.items() if k != "COLUMNS"},
    )  # fmt: skip
    assert order_of(done.stdout) == ["ana", "ben", "cleo"]
    assert "\x1b" not in done.stdout
    command = f"{' '.join(PROGRAM)} --url {service.url} | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=120, check=True)
    assert done.stderr == b""


def test_nothing_runs(service: UsageStandIn, capsys: Any):
    """An empty Hub is said to be empty."""
    service.answer = answer()
    assert main(["top", "--url", service.url]) == 0
    out = capsys.readouterr().out
    assert "no server is running" in out
    assert "- cores" in out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"full": False}, "yours only; a token with the scope read:metrics"),
        ({"full": False, "others": True}, "those you may see; a token with the scope read:metrics"),
        ({"servers": [], "usernames": "none"}, "c.Monitoring.usernames is 'none'"),
        ({"servers": [ANA]}, "the first 1 of 3 by cpu"),
        ({"problem": "the Hub does not answer"}, "the service: the Hub does not answer"),
    ],
    ids=["own", "a group", "none", "limited", "problem"],
)
def test_what_one_has_to_know(service: UsageStandIn, capsys: Any, changed: Any, said: str):
    """A table that does not show everything says so, and why."""
    service.answer = {**service.answer, **changed}
    main(["top", "--url", service.url])
    assert said in capsys.readouterr().out


# --- What goes wrong ----------------------------------------------------------------------------

HTML = b"<!DOCTYPE HTML><html><form action='/hub/login'></form></html>"
REFUSALS: dict[str, tuple[int, dict[str, str], bytes, str]] = {
    "unauthorised": (401, {}, b"{}", "does not know the token"),
    "forbidden": (403, {}, b'{"error": "x lacks the scope access:s"}', "lacks the scope access:s"),
    "login page": (200, {}, HTML, "a web page instead of numbers"),
    "other JSON": (200, {}, b'{"servers": 3}', "is --url the address of the Hub"),
    "service off": (302, {"Location": "/hub/services/monitoring/api/usage"}, b"", "service is off"),
    "no such page": (404, {}, HTML, "service is off (c.Monitoring.service)"),
    "sampling off": (404, {}, b'{"error": "usage is not sampled"}', "usage is not sampled"),
    "redirect": (301, {"Location": "https://hub.example/"}, b"", "redirects (301)"),
    "proxy alone": (503, {}, HTML, "It may be starting"),
    "not yet": (503, {}, b'{"error": "nothing was looked at yet"}', "nothing was looked at yet"),
    "escapes": (503, {}, b'{"error": "a\\u001b[2Jb"}', "a\N{REPLACEMENT CHARACTER}[2Jb"),
}


@pytest.mark.parametrize(("status", "headers", "body", "said"), REFUSALS.values(), ids=REFUSALS)
def test_refusal(  # noqa: PLR0917 -- fixtures
    service: UsageStandIn, capsys: Any, status: int, headers: Any, body: bytes, said: str
):
    """Status 1, and one line that says what to do; never the token, nor a control character."""
    service.refusal = (status, headers, body)
    assert main(["top", "--url", service.url, "--token", TOKEN]) == 1
    streams = capsys.readouterr()
    assert said in streams.err
    assert (streams.out, streams.err.count("\n")) == ("", 1)
    assert TOKEN not in streams.err
    assert "\x1b" not in streams.err


def test_no_token_says_where_to_get_one(service: UsageStandIn, capsys: Any):
    """The first thing that everybody forgets."""
    service.refusal = (401, {}, b'{"error": "no token"}')
    assert main(["top", "--url", service.url]) == 1
    assert "/hub/token makes one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:{free}", "does the Hub run"),
        ("http://127.0.0.1:{hangs}", "within 0.5 s"),
        ("http://127.0.0.1:{ssh}", "does not speak HTTP"),
        ("https://127.0.0.1:{web}", "http:// rather than https://"),
        ("ftp://hub.example", "not an http:// or https:// address"),
    ],
    ids=["refused", "hangs", "not HTTP", "not TLS", "no address"],
)
def test_unreachable(service: UsageStandIn, url: str, said: str, capsys: Any):
    """No answer at all is told from a wrong one."""
    mute, ssh = OddServer(hangs), OddServer(sends(b"SSH-2.0-OpenSSH\r\n"))
    try:
        web = service.url.rpartition(":")[2]
        url = url.format(free=free_port(), hangs=mute.port, ssh=ssh.port, web=web)
        assert main(["top", "--url", url, "--timeout", "0.5"]) == 1
    finally:
        mute.close()
        ssh.close()
    assert said in capsys.readouterr().err


def test_a_real_hub_without_the_service(make_hub: Callable[..., RealHub], capsys: Any):
    """JupyterHub itself sends such a question to a page of its own; it is told what that means."""
    hub = make_hub().start()
    for url in (hub.url, f"{hub.url}hub", f"{hub.url}services/monitoring/"):
        assert main(["top", "--url", url, "--token", hub.token]) == 1
        assert "the service is off (c.Monitoring.service)" in capsys.readouterr().err


# --- The table ----------------------------------------------------------------------------------


def shown(
    rows: list[Any], columns: int, height: int | None = None, order: Order = Order.CPU
) -> list[str]:
    view = View(answer(*rows), "http://hub.example", order)
    return ["".join(text for text, _ in line) for line in page(view, columns, height)]


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (40, "USER SERVER CPU MEMORY AGE IDLE"),
        (60, "USER SERVER CPU MEMORY AGE IDLE PROFILE"),
        (80, "USER SERVER CPU MEMORY AGE IDLE PROFILE NODE"),
        (200, "USER SERVER CPU MEMORY AGE IDLE PROFILE NODE"),
    ],
)
def test_widths(columns: int, titles: str):
    """No line is wider than the terminal; what matters least goes first, numbers stay whole."""
    lines = shown([ANA, {**BEN, "node": "node-of-the-gpu-pool-22"}, CLEO], columns)
    assert max(map(width, lines)) <= columns
    heading = next(line for line in lines if line.startswith("USER"))
    assert heading.split() == titles.split()
    ben = next(line for line in lines if line.startswith("ben"))
    assert {"0.25", "15.0G/16.0G", "3d", "60m"} <= set(ben.split())


@pytest.mark.parametrize("columns", [1, 2, 10, 40])
def test_a_terminal_that_is_too_small(columns: int):
    """It shows what fits and does not fail."""
    assert max(map(width, shown([ANA, BEN], columns, 3))) <= columns


ODD_NAMES = {
    "escape": "\x1b]0;owned\x07\x1b[2J",
    "8-bit control": "a\x9b31mb\x85c",
    "line ends": "a\nb\r\n\u2028c",
    "backspace": "root\b\b\b\bana",
    "turned round": "a\u202etxt.exe",
    "zero width": "a\u200b\u2060b",
    "half a pair": "a\ud800b",
    "wide": "\u5c71\u7530\u592a\u90ce" * 20,
    "emoji": "\U0001f9d1\u200d\U0001f4bb ana",
    "stacked": "a" + "\u0301" * 5000,
    "long": "n" * 10_000,
    "empty": "",
    "no text": None,
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_odd_names(name: Any, columns: int):
    """No name moves the cursor, colours the screen, breaks a line or the table."""
    odd = {**BEN, "username": name, "server_name": name, "profile": name, "node": name}
    lines = shown([ANA, odd], columns, order=Order.USER)
    assert max(map(width, lines)) <= columns
    assert len(lines) == len(shown([ANA, BEN], columns))
    text = "".join(lines)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ud800-\udfff]", text)
    assert max(map(len, lines)) < 3000


def test_odd_names_through_the_whole_command(service: UsageStandIn):
    """The bytes that reach a terminal of any encoding are harmless."""
    service.answer = answer(*(server(str(name)) for name in ODD_NAMES.values()))
    for encoding in ("utf-8", "ascii"):
        done = subprocess.run(
            [*PROGRAM, "--url", service.url],
            capture_output=True, timeout=120, check=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        text = done.stdout.decode(encoding)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert len(text.splitlines()) == len(ODD_NAMES) + 2


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"), (0, "0B"), (1023, "1023B"), (1024, "1.0K"), (1536 * 1024, "1.5M"),
        (1023.96 * GIB, "1.0T"), (100 * GIB, "100G"), (5 << 60, "5120P"),
    ],
)  # fmt: skip
def test_bytes(size: float | None, text: str):
    """Powers of 1024 in five characters."""
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (-3, "0s"), (59, "59s"), (99 * 60, "99m"), (7200, "2h"), (86_400 * 30, "30d")],
)
def test_durations(seconds: float | None, text: str):
    """One unit, the one that people would say."""
    assert human_seconds(seconds) == text


def test_damaged_rows():
    """What another version of the service sends is shown as far as it is understood."""
    rows = [{"username": "ana"}, {"cpu_cores": "much", "gap": "gone"}, {"memory_bytes": True}]
    view = View({"servers": rows, "totals": None, "time": "x"}, "http://x", Order.MEMORY)
    assert len(page(view, 80)) >= 3


# --- Live ---------------------------------------------------------------------------------------


def test_live(service: UsageStandIn):
    """The table goes on, sorts by keys, scrolls and ends with q; then the terminal is as before."""
    with live(service) as terminal:
        first = terminal.until(lambda s: "ana" in s)
        assert order_of(first) == ["ana", "ben", "cleo"]
        assert "q quit" in first
        terminal.type("m")
        terminal.until(lambda s: order_of(s) == ["ben", "ana", "cleo"])
        terminal.type("\x1b[B")
        terminal.until(lambda s: order_of(s) == ["ana", "cleo"])
        terminal.type("\x1b[1;5Q\x1b[H")  # a key that nobody knows, then Home
        terminal.until(lambda s: order_of(s) == ["ben", "ana", "cleo"])
        service.answer = answer(server("dora", cpu_cores=3.0))
        terminal.until(lambda s: "dora" in s and "ana" not in s)
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.attributes == terminal.before
        assert terminal.written.rstrip().endswith(LEFT)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "Ctrl-D", "hang-up"])
def test_however_it_ends_the_terminal_is_given_back(service: UsageStandIn, how: str):
    """Nobody has to type `reset`, and nobody sees a traceback."""
    with live(service) as terminal:
        terminal.until(lambda s: "ana" in s)
        assert terminal.attributes != terminal.before
        if how == "SIGTERM":
            os.kill(terminal.pid, signal.SIGTERM)
        elif how == "hang-up":
            service.close()
            os.kill(terminal.pid, signal.SIGTERM)
        else:
            terminal.type({"Ctrl-C": "\x03", "Ctrl-D": "\x04"}[how])
        assert terminal.ended() == 0
        assert terminal.attributes == terminal.before
        assert terminal.written.rstrip().endswith(LEFT)
        assert "Traceback" not in terminal.written


def test_ctrl_z(service: UsageStandIn):
    """Stopped, the shell has its terminal; continued, the table is there again."""
    with live(service) as terminal:
        terminal.until(lambda s: "ana" in s)
        terminal.type("\x1a")
        process = psutil.Process(terminal.pid)
        deadline = time.monotonic() + 60
        while process.status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline
            terminal.read()
        terminal.read()
        assert terminal.written.endswith(LEFT)
        assert terminal.attributes == terminal.before
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.until(lambda s: "ana" in s and terminal.written.rfind(ENTERED) > 0)
        assert terminal.written.rfind(ENTERED) > terminal.written.rfind(LEFT)
        terminal.type("q")
        assert terminal.ended() == 0


def test_a_new_size_is_drawn_at_once(service: UsageStandIn):
    """A narrower window gets narrower lines, without a wait for the next numbers."""
    with live(service, "--interval", "3600", columns=120) as terminal:
        terminal.until(lambda s: "NODE" in s)
        terminal.resize(40, 10)
        screen = terminal.until(lambda s: "ana" in s and "NODE" not in s)
        lines = screen.split("\n")
        assert len(lines) == 10
        assert max(map(width, lines)) <= 40


def test_a_hub_that_restarts(service: UsageStandIn):
    """The last numbers stay, with since when there are no others; then it goes on."""
    with live(service) as terminal:
        terminal.until(lambda s: "ana" in s)
        service.refusal = (503, {}, b"")
        screen = terminal.until(lambda s: "no answer since" in s)
        assert order_of(screen) == ["ana", "ben", "cleo"]
        assert re.search(r"no answer since \d\d:\d\d:\d\d: \S+ answers 503", screen)
        service.refusal = None
        terminal.until(lambda s: "ana" in s and "no answer" not in s)


def test_colours_and_their_absence(service: UsageStandIn):
    """A server near its limit is red, unless NO_COLOR is set; a dumb terminal gets it once."""
    with live(service) as terminal:
        terminal.until(lambda s: "ben" in s)
        assert "\x1b[31m######" in terminal.written
    with live(service, NO_COLOR="1") as terminal:
        terminal.until(lambda s: "ben" in s)
        assert not re.search(r"\x1b\[[0-9;]+m", terminal.written.replace("\x1b[0m", ""))
    with live(service, TERM="dumb") as terminal:
        assert terminal.ended() == 0
        assert "\x1b" not in terminal.written


def test_two_thousand_servers(service: UsageStandIn):
    """The screen holds the first ones, and the keys answer at once."""
    rows = [server(f"user-{n:04}", cpu_cores=n / 1000, memory_bytes=n << 20) for n in range(2000)]
    service.answer = answer(*rows)
    with live(service, "--limit", "2000", lines=30) as terminal:
        screen = terminal.until(lambda s: "user-1999" in s)
        assert len(screen.split("\n")) == 30
        assert "2,000 servers of 2,000 users" in screen
        terminal.type("u")
        terminal.until(lambda s: "user-0000" in s, 5)
        terminal.type("\x1b[F")
        terminal.until(lambda s: "user-1999" in s, 5)


def test_it_starts_at_once():
    """Over a slow line, too: it imports nothing that other commands need."""
    probe = (
        "import sys, jupyterhub_monitoring.cli as cli\n"
        "try: cli.main(['top', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'tornado', 'jupyterhub', 'sqlite3'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
