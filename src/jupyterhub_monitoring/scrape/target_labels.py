"""From the labels that a target wrote to those that its series are kept under."""

from __future__ import annotations

from ..errors import ScrapeOverLimit
from ..store.selection import Labels
from .sample_line import Pairs
from .target import Target


class TargetLabels:
    """Adds one target's labels to its series, by Prometheus's rules for conflicts."""

    def __init__(self, target: Target) -> None:
        self._own = target.label_set
        self._honor = target.honor_labels
        self._limits = target.limits

    def of(self, name: str, written: Pairs) -> Labels:
        """Return the label set of series *name* with the labels *written*.

        `ScrapeOverLimit` where it has too many labels, or one is too long.
        """
        labels = dict(written)
        labels = {**self._own, **labels} if self._honor else self._moved(labels)
        labels["__name__"] = name
        kept = tuple(sorted(pair for pair in labels.items() if pair[1]))
        self._check(kept)
        return kept

    def report(self, name: str) -> Labels:
        """Return the label set of a series about the scrape itself, such as `up`."""
        return tuple(sorted({**self._own, "__name__": name}.items()))

    def _moved(self, written: dict[str, str]) -> dict[str, str]:
        """Let the target's labels win; what they replace goes to `exported_...`."""
        labels = {**written, **self._own}
        for name in sorted(self._own.keys() & written.keys(), key=len):
            if not written[name]:
                continue
            moved = f"exported_{name}"
            while labels.get(moved):
                moved = f"exported_{moved}"
            labels[moved] = written[name]
        return labels

    def _check(self, labels: Labels) -> None:
        limits = self._limits
        if len(labels) > limits.labels:
            what = f"labels in a series of {dict(labels)['__name__']!r:.100}"
            raise ScrapeOverLimit(what, limits.labels, len(labels))
        for name, value in labels:
            if too_long(name, limits.label_name_bytes):
                what, limit, found = "bytes in a label's name", limits.label_name_bytes, name
            elif too_long(value, limits.label_value_bytes):
                what, limit = f"bytes in the value of label {name!r}", limits.label_value_bytes
                found = value
            else:
                continue
            raise ScrapeOverLimit(what, limit, len(found.encode()))


def too_long(text: str, limit: int) -> bool:
    """Return whether *text* has more than *limit* bytes."""
    return len(text) > limit or (not text.isascii() and len(text.encode()) > limit)
