"""A small line without axes, as the points of an SVG polyline; it needs no script."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 120, 24


def sparkline(values: Sequence[float | None]) -> list[str]:
    """Return the `points` of each unbroken piece of *values*, from 0 to the largest.

    None is a gap. A piece of one value is a short stroke.
    """
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = min(0.0, *known), max(*known, 0.0)
    height = (high - low) or 1.0
    across = WIDTH / max(1, len(values) - 1)
    pieces: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            pieces.append([])
            continue
        y = HEIGHT - 1 - (value - low) / height * (HEIGHT - 2)
        pieces[-1].append(f"{index * across:.1f},{y:.1f}")
    return [" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces if piece]
