"""How a username appears in a label: as it is, as a keyed hash, or not at all."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from functools import lru_cache


class UsernameMode(str, Enum):
    """The values of `c.Monitoring.usernames`."""

    NAME = "name"
    HASH = "hash"  # stable for one key; nobody without the key can test a guess
    NONE = "none"


class Nobody(str):
    """What stands in a user label where no user is meant; never hashed."""

    __slots__ = ()


class Usernames:
    """The policy in force: `label(name)` is what a label may show of *name*.

    *key* is secret, kept beside the Hub's cookie secret, so that hashes are the same after a
    restart. Hashes are the first 16 hex digits of HMAC-SHA256 (64 bits: with 20,000 users, two
    share one with probability 1e-11).
    """

    def __init__(self, mode: UsernameMode = UsernameMode.NAME, key: bytes = b"") -> None:
        if mode is UsernameMode.HASH and not key:
            raise ValueError("usernames = 'hash' needs a key")
        self.mode = mode
        self._key = key
        self._hashed = lru_cache(maxsize=32_768)(self._hash)

    def _hash(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:16]

    def label(self, name: str) -> str:
        """Return what stands in for *name*; empty where names are left out."""
        if type(name) is Nobody or self.mode is UsernameMode.NAME:
            return str(name)
        return self._hashed(name) if self.mode is UsernameMode.HASH else ""

    def chosen(self, name: str) -> str:
        """Return what stands in for a *name* that a user gave to something; '' stays so."""
        return self.label(name) if name else ""

    def handed_over(self) -> str:
        """Return all of it as text, the key included, for `taken_over` in another process."""
        return f"{self.mode.value}:{self._key.hex()}"

    @classmethod
    def taken_over(cls, text: str) -> Usernames:
        """Return what `handed_over` wrote; of anything else the policy that shows no name."""
        mode, _, key = text.partition(":")
        try:
            return cls(UsernameMode(mode), bytes.fromhex(key))
        except ValueError:
            return cls(UsernameMode.NONE)


# One policy per process, as there is one default registry: metrics are process-wide.
_in_force = Usernames()


def policy() -> Usernames:
    """Return the policy in force."""
    return _in_force


def use(usernames: Usernames) -> None:
    """Put *usernames* in force for every series that is made from now on."""
    global _in_force  # noqa: PLW0603 -- see above
    _in_force = usernames
