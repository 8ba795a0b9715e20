"""Whom a message is for: one way to tell one receiver, and the order of what it is told."""

from __future__ import annotations

from typing import NamedTuple


class Channel(NamedTuple):
    """One way to tell one receiver: its position among that receiver's integrations, from 0."""

    receiver: str
    integration: int


class Lane(NamedTuple):
    """What is told in order: the messages of one group to one channel."""

    channel: Channel
    group_key: str
