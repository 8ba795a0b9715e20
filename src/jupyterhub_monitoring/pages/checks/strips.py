"""How each health check was over a period: a strip of states, drawn without a script."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...metrics.spec import PREFIX
from ...querier import Querier, Span
from ..period import Period

WIDTH, HEIGHT = 600, 14
WORDS = {1.0: "well", 0.5: "warn", 0.0: "fail"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a strip: *state* is well, warn, fail or unknown, from *start* to *end*."""

    state: str
    start: float
    end: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Strip:
    """The states of the check *name*, the oldest first. Where nothing is known is no piece."""

    name: str
    pieces: tuple[Piece, ...]

    @property
    def summary(self) -> str:
        """What one sees, in words."""
        known = sum(piece.width for piece in self.pieces)
        if not known:
            return "nothing is known of this time"
        bad = [piece for piece in self.pieces if piece.state != "well"]
        if not bad:
            return "well in all of this time"
        share = 100 * (1 - sum(piece.width for piece in bad) / known)
        times = "once" if len(bad) == 1 else f"{len(bad)} times"
        return f"well for {math.floor(share)} % of this time, {times} not"


async def strips(querier: Querier, period: Period) -> dict[str, Strip]:
    """Return the strip of each check by its name. Raises what the querier raises.

    Each step shows the worst that there was in it.
    """
    step = period.step
    asked = f"min_over_time({PREFIX}_health_check_status[{max(1, int(step))}s])"
    answer = await querier.range(
        f"min by (check) ({asked})", Span(period.start + step, period.end, step)
    )
    found = {}
    for line in answer.lines:
        name = line.labels.get("check", "")
        found[name] = Strip(name, tuple(_pieces(line.values.tolist(), period)))
    return found


def _pieces(values: Sequence[float], period: Period) -> Iterator[Piece]:
    """Yield runs of equal values; the value at an instant is of the step before it."""
    across = WIDTH / max(1, len(values))
    first = 0
    for index in range(1, len(values) + 1):
        if index < len(values) and _same(values[index], values[first]):
            continue
        value = values[first]
        if not math.isnan(value):
            start, end = (period.start + each * period.step for each in (first, index))
            state = WORDS.get(value, "warn")
            yield Piece(state, start, end, first * across, (index - first) * across)
        first = index


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
