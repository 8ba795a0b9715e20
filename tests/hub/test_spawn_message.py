"""What is kept of an error: what the Hub shows, in one line, without secrets."""

from __future__ import annotations

import pytest
from tornado.web import HTTPError

from jupyterhub_monitoring.hub.spawn_message import MOST, message_of, shown


class ChosenError(Exception):
    jupyterhub_message = "Ask the help desk"


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(None, "", id="none"),
        pytest.param(RuntimeError("no node\n  has room"), "no node has room", id="one line"),
        pytest.param(ChosenError("internal"), "Ask the help desk", id="what is meant for users"),
        pytest.param(HTTPError(403, "not for %s", "you"), "not for you", id="HTTP"),
        pytest.param(HTTPError(403, "100 % full"), "100 % full", id="HTTP with a per cent sign"),
        pytest.param(HTTPError(403, reason="Closed"), "Closed", id="HTTP with a reason only"),
        pytest.param(BrokenError(), "", id="no text"),
        pytest.param(RuntimeError("x" * 1000), "x" * (MOST - 1) + "…", id="long"),
        pytest.param(RuntimeError("a\x1b[31mb\x00c"), "a[31mbc", id="control characters"),
        pytest.param(
            RuntimeError("it broke\nTraceback (most recent call last):\n  File x\nKeyError: 1"),
            "it broke",
            id="no traceback",
        ),
        pytest.param(
            RuntimeError("Traceback (most recent call last):\n  File x\nKeyError: 1\n"),
            "KeyError: 1",
            id="a traceback only",
        ),
    ],
)
def test_what_the_hub_says(error: BaseException | None, expected: str):
    """One line of at most 300 characters, whatever was raised."""
    assert message_of(error) == expected


SECRET = "hunter2hunter2hunter2hunter2abcd"


@pytest.mark.parametrize(
    "text",
    [
        "pull from https://bot:{}@registry.example/img failed",
        "JUPYTERHUB_API_TOKEN={} jupyterhub-singleuser",
        "env: {{'API_TOKEN': '{}', 'HOME': '/home/ann'}}",
        "config has password: {}",
        "--db-password={} --port 80",
        "Authorization: Bearer {}",
        "Authorization: token {}",
        "api_key = '{}'",
    ],
)
def test_secrets_are_taken_out(text: str):
    """What looks like a token, a password or a key is not kept; the rest is."""
    told = shown(text.format(SECRET))
    assert SECRET not in told
    assert SECRET[:8] not in told
    assert "***" in told
    assert told.split()[0].startswith(text.split(maxsplit=1)[0].partition("{")[0])


def test_a_token_of_the_hub_anywhere():
    """It is known by its looks."""
    assert shown("user 0123456789abcdef0123456789abcdef refused") == "user *** refused"


@pytest.mark.parametrize(
    "text",
    [
        "Timeout after 300 s",
        "Server at http://127.0.0.1:8081/user/ann/ didn't respond in 30 seconds",
        "pod jupyter-ann--f7d2 in namespace hub: 0/3 nodes are available: 3 Insufficient memory",
        "docker image quay.io/jupyter/base:2026-01 not found",
        "token bucket is empty",
        "invalid token",
    ],
)
def test_what_is_no_secret_stays(text: str):
    """An operator reads what happened as it was said."""
    assert shown(text) == text
