"""Label sets by column: few are grouped in another way than many, with the same result."""

import numpy as np
import pytest

from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.symbols import Symbols


@pytest.mark.parametrize("size", [0, 1, 2, 3, 63, 64, 65, 200])
@pytest.mark.parametrize("values", [1, 2, 5], ids="{} values".format)
@pytest.mark.parametrize("names", [0, 1, 3], ids="{} labels".format)
def test_equal_label_sets_are_one_group(size: int, values: int, names: int):
    """Groups are numbered as they first appear, and named by their first row."""
    random = np.random.default_rng(size + values + names)
    columns = {
        f"label{n}": random.integers(-values, values, size, dtype=np.int32) for n in range(names)
    }
    groups, first = LabelTable(Symbols(), columns, size).group()
    rows = [tuple(int(column[n]) for column in columns.values()) for n in range(size)]
    number = {row: n for n, row in enumerate(dict.fromkeys(rows))}
    assert groups.tolist() == [number[row] for row in rows]
    assert first.tolist() == [rows.index(row) for row in number]
    assert groups.dtype == first.dtype == np.intp
