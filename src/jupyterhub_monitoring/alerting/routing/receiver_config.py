"""What a receiver of the configuration file is: a name, and the ways to tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class IntegrationConfig:
    """One way to tell a receiver: an entry of `webhook_configs`, `email_configs` and so on.

    *settings* has the keys of the file, as plain Python values: str, `Secret` (addresses that are
    secret or hold a password, too), bool, int, dict, list; durations are in milliseconds. A key
    that the file leaves out is absent, but `send_resolved` is always there, and so is what
    Alertmanager takes from `global` (`http_config`, `smarthost`, `api_url` ...). Paths of files
    are absolute where the file's folder is known.
    """

    kind: str  # "webhook", "email", "slack", "pagerduty" ...: the key without "_configs"
    settings: Mapping[str, Any]

    @property
    def sends_resolved(self) -> bool:
        """Whether the receiver is told of ends, too."""
        return bool(self.settings["send_resolved"])


@dataclass(frozen=True)
class ReceiverConfig:
    """A receiver: whom routes name. Without integrations it is told nothing, which is no error."""

    name: str
    integrations: tuple[IntegrationConfig, ...] = ()
