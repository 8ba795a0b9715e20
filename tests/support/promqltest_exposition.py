"""The samples of an episode as an OpenMetrics file that `jupyterhub-monitoring import` reads."""

from __future__ import annotations

import re

from jupyterhub_monitoring.promql.go_format import format_float

from .promqltest import STALE, Labels

Samples = dict[Labels, dict[int, float | str]]


def exposition(samples: Samples) -> str:
    """Return *samples* with their timestamps, a staleness marker as `StaleNaN`."""
    lines = [
        f"{_series(labels)} {_value(value)} {time / 1000:.3f}\n"
        for labels, points in samples.items()
        for time, value in sorted(points.items())
    ]
    return "".join(lines) + "# EOF\n"


def _series(labels: Labels) -> str:
    named = dict(labels)
    name = named.pop("__name__", "")
    plain = re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", name)
    pairs = [] if plain or not name else [_quoted(name)]
    pairs += [
        f"{key if re.fullmatch('[a-zA-Z_][a-zA-Z0-9_]*', key) else _quoted(key)}={_quoted(value)}"
        for key, value in named.items()
    ]
    return f"{name if plain else ''}{{{','.join(pairs)}}}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _value(value: float | str) -> str:
    return "StaleNaN" if value == STALE else format_float(float(value))
