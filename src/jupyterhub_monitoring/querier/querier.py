"""What pages and reports ask in PromQL, whichever engine answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .answer import Instant, Matrix, Metadata, Names, Span

MOST_NAMES = 10_000
"""Names that are given at most where nobody asks for fewer."""


class Querier(Protocol):
    """Answers PromQL. Times are Unix seconds; who asks is told apart by `asking_as`.

    All methods raise `MonitoringError`, whose text is for people: `kind_of` tells the kinds apart,
    and a `ParseError` among them says which characters of the query are wrong. A task that is
    cancelled ends its query.
    """

    async def instant(self, expr: str, at: float | None = None) -> Instant:
        """Return the value of *expr* at one instant, by default now."""

    async def range(self, expr: str, span: Span) -> Matrix:
        """Return the values of *expr*, a vector or a scalar, at each instant of *span*."""

    async def metric_names(self, prefix: str = "", limit: int = MOST_NAMES) -> Names:
        """Return the names of metrics that begin with *prefix*."""

    async def label_names(
        self,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the labels that series have which *match*, a selector; all series by default.

        They have samples between *start* and *end*, by default ever.
        """

    async def label_values(
        self,
        label: str,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the values of *label*, as `label_names` does."""

    async def metadata(self, metric: str = "") -> Mapping[str, Metadata]:
        """Return what is told of each metric family, or of *metric*'s.

        `x_bucket`, `x_count`, `x_sum` and `x_total` may be of the family `x`. Some engines know
        nothing.
        """


SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_info", "_created")


def families_of(metric: str) -> tuple[str, ...]:
    """Return the names of the families that *metric* may be of, the likeliest first."""
    return metric, *(metric.removesuffix(end) for end in SUFFIXES if metric.endswith(end))
