"""What goes over the wire, byte by byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.remote_write.snappy import compress, varint
from jupyterhub_monitoring.remote_write.write_request import (
    Series,
    label_pieces,
    metadata_pieces,
    series_pieces,
)
from jupyterhub_monitoring.store.selection import STALE, STALE_BITS
from support.write_receiver import decoded, fields, unsnapped

UP = (("__name__", "up"), ("job", "hub"))


def test_a_sample_is_the_bytes_that_prometheus_writes():
    """`up{job="hub"} 1` at 1.5 s, as `prompb` of Prometheus marshals it."""
    series = Series(label_pieces(UP, {}), [1500], np.array([1.0]))
    assert b"".join(series_pieces([series])) == bytes.fromhex(
        "0a2a"  # timeseries, 42 bytes
        "0a0e0a085f5f6e616d655f5f12027570"  # __name__, up
        "0a0a0a036a6f621203687562"  # job, hub
        "120c09000000000000f03f10dc0b"  # 1.0, 1500
    )  # fmt: skip


def test_metadata_is_the_bytes_that_prometheus_writes():
    """A family has its type as a number, its name, help and unit; what is empty is left out."""
    families = {"a": ("gauge", "h", "s"), "b": ("", "", "")}
    assert b"".join(metadata_pieces(families)) == bytes.fromhex(
        "1a0b08021201612201682a0173" + "1a03120162"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("own", "external", "sent"),
    [
        ({}, {"hub": "physics"}, {"hub": "physics"}),
        ({"hub": "own"}, {"hub": "physics"}, {"hub": "own"}),
        ({"z": "ü"}, {"A": "1"}, {"z": "ü", "A": "1"}),
    ],
    ids=["added", "own first", "sorted"],
)
def test_external_labels(own: dict[str, str], external: dict[str, str], sent: dict[str, str]):
    """They are put on each series, in order; a label that the series has stays."""
    labels = tuple(sorted({"__name__": "up", **own}.items()))
    series = Series(label_pieces(labels, external), [1], np.array([1.0]))
    ((found, _),), _ = decoded(compress(series_pieces([series])))
    assert dict(found) == {"__name__": "up", **sent}


def test_staleness_markers_keep_their_bits():
    """A receiver knows by these very bits that a series ended."""
    series = Series(label_pieces(UP, {}), [1, 2], np.array([1.0, STALE]))
    ((_, samples),), _ = decoded(compress(series_pieces([series])))
    assert samples[1] == (2, STALE_BITS)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)), max_size=20)
)
def test_any_value_at_any_time(samples: list[tuple[int, int]]):
    """Every float64 and every timestamp arrives bit for bit."""
    bits = [b for _, b in samples]
    values = np.array(bits, dtype=np.uint64).view(np.float64)
    series = Series(label_pieces(UP, {}), [at for at, _ in samples], values)
    ((_, found),), _ = decoded(compress(series_pieces([series])))
    signed = [struct.unpack("<q", struct.pack("<Q", b))[0] for b in bits]
    assert found == [(at, b) for (at, _), b in zip(samples, signed, strict=True)]


@pytest.mark.parametrize(
    ("pieces", "block"),
    [
        ([], "00"),
        ([b"abc"], "0308616263"),
        ([b"abcd", b"abcd"], "080c616263640e0400"),
        ([b"abcde", b"x", b"abcde"], "0b14616263646578120600"),
        ([b"a" * 60], "3cec" + "61" * 60),
        ([b"a" * 61], "3df43c00" + "61" * 61),
    ],
    ids=["nothing", "literal", "copy", "copy from afar", "60", "61"],
)
def test_snappy_blocks(pieces: list[bytes], block: str):
    """The format's own rules, written down by hand."""
    assert compress(pieces) == bytes.fromhex(block)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([b"", b"a", b"abcd", b"bcda" * 40, bytes(range(256)) * 300])))
def test_snappy_comes_back(pieces: list[bytes]):
    """Another implementation reads back what was compressed, over all sizes and distances."""
    assert unsnapped(compress(pieces)) == b"".join(pieces)


def test_a_scrape_shrinks():
    """1,000 series of a Hub take a tenth of what they are."""
    found = []
    for n in range(1000):
        labels = (
            ("__name__", "jupyterhub_request_duration_seconds_bucket"),
            ("handler", f"jupyterhub.handlers.pages.Handler{n // 20}"),
            ("instance", "hub"),
            ("job", "jupyterhub"),
            ("le", str(n % 20)),
        )
        found.append(
            Series(label_pieces(labels, {"hub": "x"}), [1_700_000_000_000], np.array([float(n)]))
        )
    pieces = [*series_pieces(found)]
    assert len(compress(pieces)) < sum(map(len, pieces)) / 5
    assert len([*fields(unsnapped(compress(pieces)))]) == 1000


@pytest.mark.parametrize(
    ("number", "octets"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02")]
)
def test_varint(number: int, octets: str):
    """As in protobuf's documentation."""
    assert varint(number).hex() == octets
