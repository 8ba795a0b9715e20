"""What `rules test` says of a case that does not hold, in promtool's form."""

from __future__ import annotations

from collections.abc import Sequence

from ...promql.go_format import format_exponent
from ...promql.quoting import quote
from ...store.selection import Labels

AlertTextsOf = tuple[Labels, Labels]
"""The labels and annotations of one alert."""

Sample = tuple[Labels, float]


def alerts_text(alerts: Sequence[AlertTextsOf]) -> str:
    """Return alerts as a numbered list."""
    if not alerts:
        return "[]"
    shown = [
        f"\n{' ' * 12}{number}:"
        f"\n{' ' * 14}Labels:{labels_text(labels)}"
        f"\n{' ' * 14}Annotations:{labels_text(annotations)}"
        for number, (labels, annotations) in enumerate(alerts)
    ]
    return f"[{','.join(shown)}\n{' ' * 12}]"


def samples_text(samples: Sequence[Sample]) -> str:
    """Return samples on one line."""
    shown = [
        f"{labels_text(labels)} {format_exponent(v).replace('e', 'E')}" for labels, v in samples
    ]
    return ", ".join(shown) or "nil"


def labels_text(labels: Labels) -> str:
    """Return a label set as `{a="b", c="d"}`."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"
