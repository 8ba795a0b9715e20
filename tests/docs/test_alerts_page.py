"""The page on alerts: what one copies from it works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.notifying.alertmanagers import alertmanagers_of
from jupyterhub_monitoring.alerting.receivers.notify_urls import receivers_of

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "alerts.md").read_text()
WHOLE = {"INTEGRATION_KEY": "0123456789abcdef0123456789abcdef", "/usr/local/bin/tell": "/bin/true"}
"""Parts of addresses that a reader replaces, where the form of the part matters."""

ADDRESSES = [
    *re.findall(r"^\| [^|]+ \| `([a-z]+://[^`]+)`", PAGE, re.MULTILINE),
    *re.findall(r"--url '([^']+)'", PAGE),
]


def test_the_addresses_are_found():
    """The table and the first example."""
    assert len(ADDRESSES) >= 13


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_the_page_is_taken(address: str):
    """With something in place of its capital letters."""
    examples = {"BOT_TOKEN": "123456789:abcdefghijklmnopqrstuvwxyz012345678", "CHAT_ID": "12315544"}
    for name, value in {
        **WHOLE,
        **examples,
        "TOKEN_A": "T1JJ3T3L2",
        "TOKEN_B": "A1BRTD4JD",
    }.items():
        address = address.replace(name, value)
    address = re.sub(r"TOKEN_C", "TIiajkdnlazkcOXrIdevi7FQ", address).replace("…", "one")
    receivers, problems = receivers_of([address], {})
    assert problems == []
    assert len(receivers) == 1


def test_the_alertmanagers_of_the_page():
    """Both forms are addresses."""
    (listed,) = re.findall(r"c\.Monitoring\.alertmanagers = (\[.*\])", PAGE)
    urls = re.findall(r'"([^"]+)"', listed)
    made, problems = alertmanagers_of(urls, None, {"AM_TOKEN": "x"})
    assert problems == []
    assert len(made.peers) == 2
