"""What is declared about a metric: one frozen record that registration, docs and rules read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum

PREFIX = os.environ.get("JUPYTERHUB_METRICS_PREFIX", "jupyterhub")
"""As `jupyterhub.metrics.metrics_prefix`, without importing the Hub."""


class Kind(str, Enum):
    """The Prometheus type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    GAUGE_HISTOGRAM = "gaugehistogram"  # of what is now: its buckets go down too


@dataclass(frozen=True, slots=True)
class Label:
    """A label's name and the values that are known in advance.

    *private*: it holds a username. *chosen*: it holds a name that a user chose for something; it is
    hashed where usernames are, and empty where they are left out.
    """

    name: str
    values: tuple[str, ...] = ()
    private: bool = False
    chosen: bool = False

    @classmethod
    def of(cls, name: str, values: type[Enum]) -> Label:
        """Return a label whose values are those of an Enum."""
        return cls(name, tuple(str(member.value) for member in values))


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. *name* is what is exposed, without the prefix; *unit* as in OpenMetrics or ''."""

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    from_hub: bool = False  # JupyterHub's own, which we keep true

    @property
    def full_name(self) -> str:
        """The name with the prefix, as `/hub/metrics` shows it."""
        return f"{PREFIX}_{self.name}"

    @property
    def unit(self) -> str:
        """The base unit that the name ends with, or '' for a plain number."""
        stem = self.name.removesuffix("_total")
        return next((u for u in ("seconds", "bytes", "percent") if stem.endswith(f"_{u}")), "")

    @property
    def shape(self) -> tuple[Kind, tuple[str, ...]]:
        """What must agree for two declarations to be of the same metric."""
        return self.kind, tuple(label.name for label in self.labels)
