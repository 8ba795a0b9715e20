"""A target: what is asked, how often, with which credentials, and how much it may answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..store.selection import Labels

ReadLocally = Callable[[], tuple[bytes, str]]
"""Gives an exposition and its content type without HTTP; called in a thread."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one scrape of a target may bring. Over any of them the whole scrape is refused."""

    body_bytes: int = 32 << 20  # as sent, and again after decompression
    samples: int = 100_000
    labels: int = 64  # of one series, the target's own and `__name__` included
    label_name_bytes: int = 512
    label_value_bytes: int = 4096
    new_series_per_hour: int = 200_000  # which is what fills a disk when a label is a request's id


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a target is persuaded that we may read it. Never shown: not in a log, not on a page."""

    token: str = field(default="", repr=False)
    token_file: Path | None = None  # read at each scrape, so that it may be replaced meanwhile
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_tls: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Something that exposes metrics. Two targets are told apart by job and instance.

    *instance* is the host and port of *url* where it is left empty. *read* takes the place of
    HTTP for the metrics of this very process; *url* is then only what people are shown.
    """

    url: str
    job: str
    instance: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    interval_seconds: float = 15.0
    timeout_seconds: float = 10.0
    credentials: Credentials = field(default_factory=Credentials)
    honor_labels: bool = False
    honor_timestamps: bool = True
    limits: Limits = field(default_factory=Limits)
    read: ReadLocally | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.instance:
            object.__setattr__(self, "instance", urlsplit(self.url).netloc)

    @property
    def label_set(self) -> dict[str, str]:
        """The labels that every series of this target gets, `job` and `instance` included."""
        wanted = {**self.labels, "job": self.job, "instance": self.instance}
        return {name: value for name, value in wanted.items() if value}

    @property
    def interval_ms(self) -> int:
        """The interval in whole milliseconds."""
        return round(self.interval_seconds * 1000)

    @property
    def key(self) -> Labels:
        """What tells targets apart: no two that are scraped at once have the same labels."""
        return tuple(sorted(self.label_set.items()))

    @property
    def offset_ms(self) -> int:
        """When in the interval this target's turn is: the same after every restart."""
        text = repr((self.url, self.key)).encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        return number % self.interval_ms
