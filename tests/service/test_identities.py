"""Who asks with made-up tokens does not fill the service's memory."""

from __future__ import annotations

from jupyterhub_monitoring.service import identities
from jupyterhub_monitoring.service.identities import Identities


def test_the_oldest_answers_are_forgotten(monkeypatch):
    """However many tokens are tried, so many answers are kept, the newest ones."""
    monkeypatch.setattr(identities, "MAX_IDENTITIES", 3)
    kept = Identities(300)
    for name in "abcde":
        kept[name] = {"name": name}
    assert [name in kept for name in "abcde"] == [False, False, True, True, True]
    assert len(kept) == len(kept.timestamps) == 3


def test_answers_expire(monkeypatch):
    """A token that was taken back is not let in for longer than the library says."""
    kept = Identities(300)
    kept["a"] = {"name": "a"}
    kept.timestamps["a"] -= 301
    assert kept.get("a") is None
