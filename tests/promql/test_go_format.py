"""Numbers as Go writes them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.promql.go_format import format_float, format_floats, format_general

WRITTEN = {
    0.0: "0",
    1.0: "1",
    -2.5: "-2.5",
    0.1: "0.1",
    1e16: "10000000000000000",
    1e21: "1000000000000000000000",
    123456789012345680.0: "123456789012345680",
    1e-7: "0.0000001",
    2.0**53: "9007199254740992",
    float("inf"): "+Inf",
    float("-inf"): "-Inf",
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items(), ids=WRITTEN.values())
def test_is_written_as_go_does(value: float, text: str):
    """A client reads a number in the form in which Prometheus sends it."""
    assert format_float(value) == text
    assert format_floats(np.array([value])) == [text]


def test_nan_and_negative_zero():
    """NaN is NaN whatever its sign and payload; a negative zero keeps its sign."""
    quiet, signed, stale = 0x7FF8 << 48, 0xFFF8 << 48, 0x7FF0000000000002
    nans = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (quiet, signed, stale)]
    assert format_floats(np.array([*nans, -0.0, 3.0])) == ["NaN", "NaN", "NaN", "-0", "3"]
    assert format_floats(np.array([-0.0, 3.0])) == ["-0", "3"]


@given(st.lists(st.floats() | st.integers(-(2**60), 2**60).map(float)))
def test_lists_are_written_as_single_numbers(values: list[float]):
    """The fast way for a whole series writes what the way for one number writes."""
    assert format_floats(np.array(values)) == [format_float(value) for value in values]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reads_back_the_same(value: float):
    """No digit that matters is lost, and no exponent is used."""
    text = format_float(value)
    assert "e" not in text
    assert struct.pack("<d", float(text)) == struct.pack("<d", value)


GENERAL = {
    0.5: "0.5",
    2.0: "2",
    123456.0: "123456",
    1234567.0: "1.234567e+06",
    -1e-6: "-1e-06",
    0.0001: "0.0001",
    1e100: "1e+100",
    float("-inf"): "-Inf",
    float("nan"): "NaN",
}


@pytest.mark.parametrize(("value", "text"), GENERAL.items(), ids=GENERAL.values())
def test_warnings_have_exponents(value: float, text: str):
    """In a warning, a number is as short as Go's %g writes it."""
    assert format_general(value) == text
