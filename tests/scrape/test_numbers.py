"""Numbers in bulk, and numbers in labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.scrape.numbers import float_label, parse_value, parse_values

LABELS = {
    "1": "1.0",
    "1.0": "1.0",
    "0": "0.0",
    "-0": "-0.0",
    "0.005": "0.005",
    "100000": "100000.0",
    "1000000": "1e+06",
    "123456789": "1.23456789e+08",
    "0.0001": "0.0001",
    "0.00001": "1e-05",
    "1e-320": "1e-320",
    "1e300": "1e+300",
    "+Inf": "+Inf",
    "inf": "+Inf",
    "-Inf": "-Inf",
    "NaN": "NaN",
    "0.30000000000000004": "0.30000000000000004",
    "high": "high",
    "": "",
}


@pytest.mark.parametrize(("written", "kept"), LABELS.items(), ids=LABELS)
def test_float_label(written, kept):
    """`le` and `quantile` are kept as Prometheus 3 does, so that `le="1.0"` always finds them."""
    assert float_label(written) == kept


@given(st.floats(allow_nan=False))
def test_float_label_is_the_same_number(value):
    """Rewriting a label never changes the number that it is."""
    assert float(float_label(repr(value))) == value


@given(st.lists(st.floats().map(repr) | st.integers(-(10**20), 10**20).map(str)))
def test_bulk_is_as_one_by_one(texts):
    """Many numbers at once are the numbers that they are one by one."""
    values = parse_values([text.encode() for text in texts]).tolist()
    for value, text in zip(values, texts, strict=True):
        alone = parse_value(text)
        assert value == alone or (math.isnan(value) and math.isnan(alone))


@pytest.mark.parametrize("text", ["1_0", "-nan", "1e999", "\t1", "1\r", "x", "", "1" * 500])
def test_bulk_refuses_what_one_refuses(text):
    """What is no number by itself is none in a crowd."""
    with pytest.raises(ValueError, match=r"no number|out of the range|convert"):
        parse_value(text)
    with pytest.raises(ValueError, match=r"no number|out of the range|convert"):
        parse_values([b"1", text.encode(), b"2"])
