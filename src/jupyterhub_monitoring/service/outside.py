"""What the Hub says about the world outside of the service: whom to tell, where we are found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outside:
    """`c.Monitoring.notify`, `alertmanagers`, `remote_write`, `external_labels`, our address."""

    notify: tuple[str, ...] = field(default=(), repr=False)  # may hold secrets
    alertmanagers: tuple[str, ...] = field(default=(), repr=False)  # as well
    external_labels: dict[str, str] = field(default_factory=dict)
    external_url: str = ""
    remote_write: tuple[Any, ...] = field(default=(), repr=False)  # may hold secrets, too

    @classmethod
    def of(cls, text: str) -> Outside:
        """Read what `ManagedService` wrote; of anything else, nothing."""
        try:
            said: dict[str, Any] = json.loads(text)
            return cls(
                tuple(said.get("notify", ())),
                tuple(said.get("alertmanagers", ())),
                dict(said.get("external_labels", {})),
                str(said.get("external_url", "")),
                tuple(said.get("remote_write", ())),
            )
        except (ValueError, TypeError, AttributeError):
            return cls()
