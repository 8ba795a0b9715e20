"""`c.Monitoring.remote_write`: what is taken, what is told, and what is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.remote_write.receiver import ReceiverSettings, receivers_of

URL = "https://ana:s3cr3t-pw@prometheus.example.org:9090/api/v1/write?token=t0k3n-t0k3n"


def one(entry: Any, **environ: str) -> ReceiverSettings:
    (made,), problems = receivers_of([entry], Path("/etc/hub"), environ)
    assert not problems
    return made


def test_the_keys_of_prometheus():
    """What stands in a `remote_write` of Prometheus is understood, with its secrets elsewhere."""
    made = one(
        {
            "url": "https://mimir.example.org/api/v1/push",
            "name": "central",
            "remote_timeout": "1m",
            "headers": {"X-Scope-OrgID": "physics"},
            "basic_auth": {"username": "hub", "password": "${WRITE_PASSWORD}"},
            "tls_config": {"ca_file": "ca.pem", "insecure_skip_verify": True},
        },
        WRITE_PASSWORD="s3cr3t-pw",
    )
    assert (made.name, made.timeout_seconds) == ("central", 60.0)
    assert made.options.ca_file == "/etc/hub/ca.pem"
    assert made.options.insecure
    assert made.options.all_headers() == {
        "X-Scope-OrgID": "physics",
        "Authorization": "Basic aHViOnMzY3IzdC1wdw==",
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"authorization": {"credentials": "abcd"}},
        {"bearer_token": "abcd"},
        {"authorization": {"type": "Bearer", "credentials": "${T}"}},
    ],
    ids=["authorization", "bearer_token", "a variable"],
)
def test_bearer_tokens(entry: dict[str, Any]):
    """A token may be written in each of the ways that Prometheus knows."""
    made = one({"url": "http://x/w", **entry}, T="abcd")
    assert made.options.all_headers() == {"Authorization": "Bearer abcd"}


WRONG = {
    "no dict": ("http://x/w", "an entry is a dict"),
    "no url": ({}, "'url' has to be"),
    "no http": ({"url": "ftp://x/w"}, "'url' has to be"),
    "a port that is none": ({"url": "http://x:99999/w"}, "'url' has to be"),
    "misspelt": ({"url": "http://x/w", "basic_auht": {}}, "did you mean 'basic_auth'?"),
    "misspelt within": (
        {"url": "http://x/w", "basic_auth": {"user": "a"}},
        "'basic_auth.user' is no key; did you mean 'basic_auth.username'?",
    ),
    "a list": ({"url": "http://x/w", "headers": ["a"]}, "'headers' takes a dict"),
    "no text": ({"url": "http://x/w", "bearer_token": 17}, "'bearer_token' takes a text"),
    "two ways": (
        {"url": "http://x/w", "bearer_token": "a", "basic_auth": {"username": "a"}},
        "only one of",
    ),
    "no name": ({"url": "http://x/w", "basic_auth": {"password": "s3cr3t-pw"}}, "needs a username"),
    "no time": ({"url": "http://x/w", "remote_timeout": "soon"}, "'remote_timeout' takes seconds"),
    "ours": ({"url": "http://x/w", "headers": {"Content-Encoding": "gzip"}}, "is ours to set"),
    "two lines": ({"url": "http://x/w", "headers": {"X": "s3cr3t-pw\n"}}, "one line of ASCII"),
    "no variable": ({"url": "http://x/w", "bearer_token": "${NO}"}, "no variable NO"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(case: str):
    """With the place and what to do, and without the value."""
    entry, told = WRONG[case]
    found, (problem,) = receivers_of([entry], Path("/"), {})
    assert not found
    assert problem.startswith("c.Monitoring.remote_write[0]: ")
    assert told in problem
    assert problem.endswith("Nothing is sent there.")
    assert "s3cr3t" not in problem


def test_the_others_are_used():
    """One wrong entry does not keep samples from the rest; the same one twice is told."""
    good = {"url": URL}
    found, problems = receivers_of([{"url": "x"}, good, good], Path("/"), {})
    assert [made.name for made in found] == ["prometheus.example.org:9090"]
    assert len(problems) == 2
    assert "is there twice" in problems[1]


def test_secrets_are_in_no_text():
    """Neither in what is printed, nor in the name of a file, which stays with a new password."""
    made = one({"url": URL, "bearer_token": "t0k3n-t0k3n"})
    for text in (repr(made), made.name, made.key, made.address):
        assert "s3cr3t" not in text
        assert "t0k3n" not in text
    assert made.key == one({"url": URL.replace("s3cr3t", "other")}).key
    assert made.key != one({"url": URL.replace("v1", "v2")}).key
