"""Which series, label names and label values there are in a range of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .index import Matched
from .label_table import LabelTable
from .matcher import Matcher
from .plan import StreamPlan
from .segment import PRESENT, Segment

Selectors = Sequence[Sequence[Matcher]]
"""Series satisfy all matchers of one of them; all series do where there are none."""


def with_samples(
    matched: Matched, plans: Sequence[StreamPlan], segments: Callable[[int], Sequence[Segment]]
) -> LabelTable:
    """Return the labels of the *matched* series that have a sample in *segments*."""
    if not plans:
        return matched.labels
    groups = matched.ids >> 6
    present = np.zeros(int(groups[-1]) + 1, dtype=np.uint64)
    for plan in plans:
        for segment in segments(plan.stream):
            present[plan.groups.numbers] |= segment.masks(plan.groups)[PRESENT]
    has = (present[groups] >> (matched.ids & 63).astype(np.uint64)) & np.uint64(1)
    return matched.labels.take(has != 0)


def label_names(table: LabelTable) -> list[str]:
    """Return the names of the labels that some series has, sorted."""
    return sorted(name for name, column in table.columns.items() if column.any())


def label_values(table: LabelTable, name: str) -> list[str]:
    """Return the values that label *name* has, sorted, without the empty one."""
    values: NDArray[np.int32] = np.unique(table.column(name))
    return sorted(table.symbols.texts(values[values != 0]))
