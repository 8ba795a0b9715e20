"""Declaring a metric: once, in the catalogue, for us and for the operator's own.

    LICENCES = gauge("licences_free", "Free MATLAB licences.", labels=("pool",))
    LICENCES.labels(pool="teaching").set(7)

The same declaration twice gives the same metric (configuration files are read again); another
shape under the same name is a `MetricConflict`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import REGISTRY

from ..errors import MetricConflict
from .instruments import Bounded, Counter, Gauge, Histogram
from .spec import PREFIX, Kind, Label, MetricSpec

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = logging.getLogger(__name__)

CATALOGUE: dict[str, Bounded] = {}
"""Every metric of ours and of the operator's, by its name without the prefix."""

# Set by `register_all`; metrics that are declared later register at once.
_registry: CollectorRegistry | None = None

SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SPAWN_BUCKETS = (0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 180, 300, 600)  # the Hub's own

M = TypeVar("M", bound=Bounded)


def counter(name: str, documentation: str, labels: Iterable[str | Label] = ()) -> Counter:
    """Declare a counter; *name* ends in `_total` and has no prefix."""
    if not name.endswith("_total"):
        raise ValueError(f"a counter's name ends in _total: {name}_total")
    return _declare(Counter, MetricSpec(name, Kind.COUNTER, documentation, _labels(labels)))


def gauge(name: str, documentation: str, labels: Iterable[str | Label] = ()) -> Gauge:
    """Declare a gauge; *name* ends in its base unit (`_seconds`, `_bytes`) and has no prefix."""
    return _declare(Gauge, MetricSpec(name, Kind.GAUGE, documentation, _labels(labels)))


def histogram(
    name: str,
    documentation: str,
    labels: Iterable[str | Label] = (),
    buckets: Iterable[float] = SECONDS_BUCKETS,
) -> Histogram:
    """Declare a histogram; *buckets* are upper bounds in the unit that *name* ends with."""
    spec = MetricSpec(name, Kind.HISTOGRAM, documentation, _labels(labels), tuple(buckets))
    return _declare(Histogram, spec)


def _labels(labels: Iterable[str | Label]) -> tuple[Label, ...]:
    return tuple(Label(label) if isinstance(label, str) else label for label in labels)


def _declare(metric: type[M], spec: MetricSpec) -> M:
    existing = CATALOGUE.get(spec.name)
    if existing is not None:
        if existing.spec.shape != spec.shape or not isinstance(existing, metric):
            raise MetricConflict(spec.full_name, str(existing.spec.shape), str(spec.shape))
        return existing
    made = make(metric, spec)
    CATALOGUE[spec.name] = made
    if _registry is not None:
        _register(made, _registry)
    return made


def make(metric: type[M], spec: MetricSpec) -> M:
    """Make the metric that *spec* describes, registered nowhere."""
    extra = {"buckets": spec.buckets} if spec.kind is Kind.HISTOGRAM else {}
    return metric(
        spec.name,
        spec.help,
        [label.name for label in spec.labels],
        namespace=PREFIX,
        registry=None,
        **extra,  # type: ignore[arg-type] # only histograms take buckets
    ).declare(spec)


def register_all(registry: CollectorRegistry = REGISTRY) -> None:
    """Put the whole catalogue where `/hub/metrics` serves it. Safe to repeat."""
    global _registry  # noqa: PLW0603 -- like prometheus_client's own, there is one per process
    _registry = registry
    for metric in list(CATALOGUE.values()):
        _register(metric, registry)


def _register(metric: Bounded, registry: CollectorRegistry) -> None:
    if metric not in registry._collector_to_names:
        try:
            registry.register(metric)
        except ValueError:
            # Somebody else exports this name. Theirs stays; a Hub must start all the same.
            log.error(  # noqa: TRY400 -- the traceback says nothing that the operator can use
                "jupyterhub-monitoring: another part of this Hub already exports %s; ours is left"
                " out. Set JUPYTERHUB_METRICS_PREFIX or rename the other one.",
                metric.spec.full_name,
            )
            return
    metric.touch()
