"""What a series is called: its name and labels, or only what tells it from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...dashboards.panel import quoted

NAME = "__name__"


def full_name(labels: Mapping[str, str]) -> str:
    """Return `metric{label="value"}`; `{}` of a series without any."""
    pairs = [f'{name}="{quoted(labels[name])}"' for name in sorted(labels) if name != NAME]
    name = labels.get(NAME, "")
    return f"{name}{{{','.join(pairs)}}}" if pairs or not name else name


def short_names(all_labels: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names without the labels that are the same everywhere; one alone has all."""
    if len(all_labels) < 2:
        return [full_name(labels) for labels in all_labels]
    same = set(all_labels[0].items()).intersection(*(labels.items() for labels in all_labels[1:]))
    return [
        full_name({name: value for name, value in labels.items() if (name, value) not in same})
        for labels in all_labels
    ]
