"""prometheus_client's metrics, bounded and private, and quicker to look up.

`Counter`, `Gauge` and `Histogram` are prometheus_client's own with three differences: they know
their `MetricSpec`; `labels()` keeps the number of series under a limit and usernames private; and
they are declared without being registered, so that importing this package changes nothing
(`registration.register` puts them where `/hub/metrics` serves them). They expose no `_created`
series: nothing that scrapes a Hub reads them, and they would add one series per label set.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

from . import usernames
from .usernames import Nobody, UsernameMode

if TYPE_CHECKING:
    from prometheus_client.samples import Sample
    from typing_extensions import Self

    from .spec import MetricSpec

OTHER = "(other)"
DEFAULT_MAX_SERIES = 10_000


class Limits:
    """How many label sets one metric may hold; one object for the process, set by the operator."""

    max_series = DEFAULT_MAX_SERIES
    dropped: Counter | None = None  # counts what was over the limit; the catalogue puts it here


class Bounded(MetricWrapperBase):
    """What our metrics add to prometheus_client's; mixed in before its classes."""

    spec: MetricSpec
    # The series that takes what is over the limit: `(other)`, or None where a sum over many
    # would be a wrong number (gauges), which are then left out.
    _folds_overflow = True

    def declare(self, spec: MetricSpec) -> Self:
        """Take *spec* as this metric's declaration."""
        self.spec = spec
        self._by_raw: dict[tuple[Any, ...], Self] = {}
        self._by_user: dict[str, set[tuple[str, ...]]] = {}
        self._private = tuple(i for i, label in enumerate(spec.labels) if label.private)
        self._chosen = tuple(i for i, label in enumerate(spec.labels) if label.chosen)
        self._detached: Self | None = None
        return self

    def labels(self, *values: Any, **by_name: Any) -> Self:
        """Return the child for these label values, as prometheus_client's `labels` does.

        Over the limit it is the `(other)` child, or for gauges one that is not exposed.
        """
        if by_name:
            values = self._in_order(values, by_name)
        try:
            return self._by_raw[values]
        except KeyError:
            return self._admit(values)

    def _in_order(self, values: tuple[Any, ...], by_name: dict[str, Any]) -> tuple[Any, ...]:
        names = self._labelnames
        if not values and len(by_name) == len(names):
            try:
                return tuple([by_name[name] for name in names])
            except KeyError:
                pass
        raise ValueError(f"{self._name} takes the labels {', '.join(names)}")

    def _admit(self, raw: tuple[Any, ...]) -> Self:
        cooked, user = self._cooked(raw)
        if user == "" and not self._folds_overflow:
            return self._left_out()  # gauges of many users cannot share one series
        if cooked not in self._metrics and len(self._metrics) >= Limits.max_series:
            count_dropped(self)
            if not self._folds_overflow:
                return self._left_out()
            return super().labels(*[OTHER] * len(self._labelnames))
        child = super().labels(*cooked)
        if user is not None:
            self._by_user.setdefault(user, set()).add(cooked)
        if usernames.policy().mode is UsernameMode.NAME or not self._private:
            self._by_raw[raw] = child  # as bounded as the children: one raw key, one child
            if self._metrics.get(cooked) is not child:  # removed meanwhile, by another thread
                self._by_raw.pop(raw, None)
        return child

    def _cooked(self, raw: tuple[Any, ...]) -> tuple[tuple[str, ...], str | None]:
        """Return the values that are exposed, and which of them stands for a user, if any."""
        cooked, user = [str(value) for value in raw], None
        for place in self._chosen:
            cooked[place] = usernames.policy().chosen(cooked[place])
        for place in self._private:
            cooked[place] = usernames.policy().label(raw[place])
            if type(raw[place]) is not Nobody:
                user = cooked[place]
        return tuple(cooked), user

    def _left_out(self) -> Self:
        if self._detached is None:
            self._detached = self.__class__(
                self._original_name,
                self._documentation,
                self._labelnames,
                registry=None,
                _labelvalues=[OTHER] * len(self._labelnames),
                **self._kwargs,
            )
        return self._detached

    def touch(self, **fixed: str) -> None:
        """Expose 0 for every combination of the label values that are known in advance.

        *fixed* gives the values of labels that have no such list. Without them nothing is made.
        """
        known = [
            (fixed[label.name],) if label.name in fixed else label.values
            for label in self.spec.labels
        ]
        for values in itertools.product(*known) if known else ():
            super().labels(*values)  # few and harmless: the limit is for what users can add to

    def forget_user(self, name: str) -> None:
        """Take away the series of a user who was deleted."""
        shown = usernames.policy().label(name)
        for values in self._by_user.pop(shown, ()) if shown else ():
            self.remove(*values)

    def forget_users(self) -> None:
        """Take away the series of all users: they are to be shown in another way from now on."""
        for shown in list(self._by_user):
            for values in self._by_user.pop(shown):
                self.remove(*values)

    def remove(self, *labelvalues: Any) -> None:
        """Remove the series with these label values."""
        self._by_raw.clear()
        super().remove(*labelvalues)

    def clear(self) -> None:
        """Remove all series."""
        if self._labelnames:
            self._by_raw.clear()
            self._by_user.clear()
        super().clear()

    def _child_samples(self) -> Iterable[Sample]:
        return [s for s in super()._child_samples() if s.name != "_created"]


class Counter(Bounded, prometheus_client.Counter):
    """A bounded counter."""


class Gauge(Bounded, prometheus_client.Gauge):
    """A bounded gauge that is a gap until it is set, for unknown is not zero.

    NaN is what an unknown value is: it is held, and not exposed. Over the limit a label set is
    left out: one series for many would be a wrong number.
    """

    _folds_overflow = False

    def _metric_init(self) -> None:
        super()._metric_init()
        self._value.set(math.nan)

    def inc(self, amount: float = 1) -> None:
        """Add *amount*; a gauge that was never set starts from 0."""
        if math.isnan(self._value.get()):
            self.set(0)
        super().inc(amount)

    def dec(self, amount: float = 1) -> None:
        """Take *amount* away; a gauge that was never set starts from 0."""
        self.inc(-amount)

    def unknown(self) -> None:
        """Show a gap until the next `set`."""
        self.set(math.nan)

    def _child_samples(self) -> Iterable[Sample]:
        return [s for s in super()._child_samples() if not math.isnan(s.value)]


class Histogram(Bounded, prometheus_client.Histogram):
    """A bounded histogram that finds its bucket by bisection."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Record *amount*, in the unit of the metric's name."""
        if exemplar is not None or amount != amount:  # noqa: PLR0124 -- NaN has no bucket
            super().observe(amount, exemplar)
            return
        try:
            buckets = self._buckets
        except AttributeError:  # labels were not given: only children have buckets
            self._raise_if_not_observable()  # type: ignore[no-untyped-call]
            raise
        self._sum.inc(amount)
        buckets[bisect_left(self._upper_bounds, amount)].inc(1)


def count_dropped(metric: Bounded) -> None:
    """Say that one recording for *metric* was over its limit."""
    counter = Limits.dropped
    if counter is not None and metric is not counter:  # that it is full itself shows anyway
        counter.labels(metric.spec.full_name).inc()
