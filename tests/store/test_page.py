"""Pages: what goes in comes out, bit for bit, and takes little room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.errors import StoreDamaged
from jupyterhub_monitoring.store.page import MARKS, PageHeader, decode, encode
from jupyterhub_monitoring.store.selection import ABSENT, STALE
from jupyterhub_monitoring.store.timeline import decode_timeline, encode_timeline


def bits(values) -> list:
    return np.asarray(values, dtype=np.float64).view(np.int64).tolist()


ANY_BITS = st.integers(-(2**63), 2**63 - 1)
SPECIAL = st.sampled_from([int(mark) for mark in MARKS[1:]] + [1, -(2**63) + 1])
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53).map(float),
    st.integers(0, 2000).map(lambda n: n / 100),
    st.floats(),
).map(lambda value: int(np.float64(value).view(np.int64)))


@st.composite
def matrices(draw):
    length, count = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    columns = []
    for _ in range(count):
        cell = draw(st.sampled_from([NUMBERS, ANY_BITS, SPECIAL, st.one_of(NUMBERS, SPECIAL)]))
        columns.append(draw(st.lists(cell, min_size=length, max_size=length)))
    return np.array(columns, dtype=np.int64).T.copy().view(np.float64)


@settings(max_examples=300, deadline=None)
@given(matrices(), st.data())
def test_any_values_come_back_bit_for_bit(values, data):
    """Whatever float64 is kept, special or not, the very same bits are read, in any selection."""
    columns = np.array(sorted(data.draw(st.permutations(range(64)))[: values.shape[1]]), np.uint8)
    page = decode(encode(columns, values))
    assert page.header.columns.tolist() == columns.tolist()
    assert bits(page.rows(slice(None))) == bits(values)
    rows = np.array(data.draw(st.lists(st.integers(0, len(values) - 1))), dtype=np.intp)
    picked = np.array(data.draw(st.lists(st.integers(0, values.shape[1] - 1))), dtype=np.intp)
    assert bits(page.rows(rows, picked)) == bits(values[rows][:, picked])
    kept = ~np.isin(values.view(np.int64), MARKS[1:3])
    assert page.header.full == kept.all()


PROMETHEUS_LIKE = {
    "counter": np.cumsum(np.random.default_rng(1).integers(0, 9, (480, 64)), axis=0),
    "decimals": np.cumsum(np.random.default_rng(2).integers(0, 9, (480, 64)), axis=0) / 100,
    "memory": np.random.default_rng(3).integers(10_000, 11_000, (480, 64)) * 4096,
    "constant": np.ones((480, 64)),
}
ALL = np.arange(64, dtype=np.uint8)


@pytest.mark.parametrize(
    ("kind", "most"), [("counter", 0.5), ("decimals", 0.5), ("memory", 1.4), ("constant", 0.003)]
)
def test_pages_are_small(kind, most):
    """Usual series take few bytes a sample; random ones not much more than their entropy."""
    values = PROMETHEUS_LIKE[kind].astype(np.float64)
    blob = encode(ALL, values)
    assert bits(decode(blob).rows(slice(None))) == bits(values)
    assert len(blob) / values.size <= most


@pytest.mark.parametrize(
    ("cells", "full", "ascending"),
    [
        pytest.param([1, 2, 2, 9], True, True, id="a counter"),
        pytest.param([1, 2, 1, 9], True, False, id="a reset"),
        pytest.param([1, ABSENT, 2, 9], False, True, id="a gap"),
        pytest.param([5, ABSENT, 2, 9], False, False, id="a reset behind a gap"),
        pytest.param([1, 2, 3, STALE], False, True, id="an end"),
        pytest.param([1, np.nan, 3, 4], True, False, id="NaN is a sample, and not ascending"),
        pytest.param([1, np.inf, 3, 4], True, False, id="infinity"),
        pytest.param([ABSENT] * 4, False, True, id="nothing"),
    ],
)
def test_flags(cells, full, ascending):
    """The flags, by which a reader skips work, are true of every column."""
    values = np.array([cells, [1.0, 2.0, 3.0, 4.0]]).T
    header = PageHeader.of(encode(np.array([2, 63], np.uint8), values))
    assert (header.full, header.ascending) == (full, ascending)
    assert (header.columns.tolist(), header.length) == ([2, 63], 4)


def test_decoded_pages_are_small():
    """A cached page of counters takes two bytes a sample, not eight."""
    page = decode(encode(ALL, PROMETHEUS_LIKE["counter"].astype(float)))
    assert page.nbytes <= 2 * 480 * 64 + 2048


def test_every_changed_bit_is_noticed():
    """Wherever a bit of a page changes, or it is cut off, it is damage and not other values."""
    blob = encode(ALL[:3], PROMETHEUS_LIKE["decimals"][:20, :3])
    for place in range(len(blob)):
        for bit in (1, 128):
            wrong = bytearray(blob)
            wrong[place] ^= bit
            with pytest.raises(StoreDamaged):
                decode(bytes(wrong))
        with pytest.raises(StoreDamaged):
            decode(blob[:place])


def test_timestamps():
    """Timestamps come back, jitter and gaps included; a steady rhythm costs next to nothing."""
    steady = np.arange(480, dtype=np.int64) * 15_000 + 1_700_000_000_000
    jittery = steady + np.random.default_rng(1).integers(0, 5, 480)
    gap = np.delete(jittery, slice(100, 200))
    for timestamps in (steady, jittery, gap, steady[:1], steady[:2]):
        assert decode_timeline(encode_timeline(timestamps)).tolist() == timestamps.tolist()
    assert len(encode_timeline(steady)) < 80
    wrong = bytearray(encode_timeline(gap))
    wrong[-1] ^= 1
    with pytest.raises(StoreDamaged):
        decode_timeline(bytes(wrong))
