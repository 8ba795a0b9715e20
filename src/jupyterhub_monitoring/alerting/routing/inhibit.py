"""Inhibition: alerts that are not told of while another one fires, of which they follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..alert import Alert, Millis
from .matcher import Matchers, all_match

_Values = tuple[str, ...]


@dataclass(frozen=True)
class InhibitRule:
    """While an alert that matches *source* fires, those that match *target* are not told of.

    Only where both have the same values of the labels *equal*; a label that both have not is equal.
    """

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sources:
    """The first firing source with some values of the equal labels, and the first one-sided."""

    first: str | None = None
    one_sided: str | None = None  # it does not match the rule's target, too


class Inhibitor:
    """Which alerts are inhibited, given those that there are at *now*.

    Made anew for each moment: it looks once at each alert, and then answers at once.
    """

    def __init__(self, rules: Sequence[InhibitRule], alerts: Iterable[Alert], now: Millis) -> None:
        self._rules: list[tuple[InhibitRule, dict[_Values, _Sources]]] = [
            (rule, {}) for rule in rules
        ]
        firing = (alert for alert in alerts if not alert.resolved(now)) if rules else ()
        # By age, so that the same alert is named as the cause for as long as it fires.
        for alert in sorted(firing, key=lambda alert: (alert.starts_at, alert.fingerprint)):
            self._add(alert)

    def _add(self, alert: Alert) -> None:
        labels = dict(alert.labels)
        for rule, index in self._rules:
            if not all_match(rule.source, labels):
                continue
            sources = index.setdefault(_values(rule, labels), _Sources())
            sources.first = sources.first or alert.fingerprint
            if sources.one_sided is None and not all_match(rule.target, labels):
                sources.one_sided = alert.fingerprint

    def inhibited_by(self, alert: Alert) -> tuple[str, ...]:
        """Return the fingerprints of alerts that keep *alert* quiet, at most one for each rule.

        An alert that matches both sides of a rule is not inhibited by another that does: else
        two of them would keep each other, or one itself, quiet.
        """
        labels = dict(alert.labels)
        found: dict[str, None] = {}
        for rule, index in self._rules:
            if not index or not all_match(rule.target, labels):
                continue
            sources = index.get(_values(rule, labels))
            if sources is None:
                continue
            two_sided = all_match(rule.source, labels)
            source = sources.one_sided if two_sided else sources.first
            if source is not None:
                found[source] = None
        return tuple(found)


def _values(rule: InhibitRule, labels: Mapping[str, str]) -> _Values:
    return tuple(labels.get(name, "") for name in rule.equal)
