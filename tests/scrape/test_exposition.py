"""Whole expositions, one after the other: what is read, and what is remembered."""

from __future__ import annotations

import contextlib
import math
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from jupyterhub_monitoring.errors import BadExposition, ScrapeError, ScrapeOverLimit
from jupyterhub_monitoring.scrape.exposition import ExpositionReader
from jupyterhub_monitoring.scrape.exposition_pass import NO_TIMESTAMP, Format
from jupyterhub_monitoring.scrape.numbers import float_label
from jupyterhub_monitoring.scrape.target import Limits, Target
from jupyterhub_monitoring.scrape.target_labels import TargetLabels
from support import expositions
from support.memory_appendable import MemoryAppendable

OWN = {"job": "j", "instance": "i"}


class Reader:
    """A reader whose answers are lists of (labels, value), or (labels, value, timestamp)."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.store = MemoryAppendable()
        self.new: list[int] = []
        target = Target("http://x/metrics", "j", "i", limits=limits)
        self.reader = ExpositionReader(
            TargetLabels(target), limits, self.store.series_ids, self.new.append
        )
        self.reading = None

    def read(self, body: str | bytes, form: Format = Format.TEXT) -> list[tuple]:
        body = body.encode() if isinstance(body, str) else body
        self.reading = reading = self.reader.read(body, form)
        labels = [self.store.labels[i] for i in reading.ids.tolist()]
        sets = [{n: v for n, v in one if OWN.get(n) != v} for one in labels]
        if reading.timestamps is None:
            return list(zip(sets, reading.values.tolist(), strict=True))
        ats = [None if at == NO_TIMESTAMP else at for at in reading.timestamps.tolist()]
        return list(zip(sets, reading.values.tolist(), ats, strict=True))


def name(text: str) -> dict[str, str]:
    return {"__name__": text}


# --- What is read ----------------------------------------------------------------------------


def test_second_scrape_has_the_new_values():
    """Values are those of the latest exposition, whichever way it was read."""
    reader = Reader()
    assert reader.read("# TYPE a gauge\na 1\nb 2\n") == [(name("a"), 1), (name("b"), 2)]
    assert reader.read("# TYPE a gauge\na 3\nb 4\n") == [(name("a"), 3), (name("b"), 4)]
    assert reader.reading.same


CHANGES = {
    "a series more": ("a 1\nb 2\n", "a 1\nc 5\nb 2\n", ["a", "c", "b"]),
    "a series less": ("a 1\nb 2\n", "b 2\n", ["b"]),
    "another in its place": ("a 1\nb 2\n", "a 1\nc 2\n", ["a", "c"]),
    "another order": ("a 1\nb 2\n", "b 2\na 1\n", ["b", "a"]),
    "more lines": ("a 1\n", "\n# x\n\na 1\n", ["a"]),
    "a tab": ("a 1\nb 2\n", "a 1\nb\t2\n", ["a", "b"]),
    "no newline at the end": ("a 1\nb 2\n", "a 1\nb 2", ["a", "b"]),
    "nothing": ("a 1\n", "", []),
    "a comment became a sample": ("# x 1\na 1\n", "x 1\na 1\n", ["x", "a"]),
}


@pytest.mark.parametrize(("first", "second", "names"), CHANGES.values(), ids=CHANGES)
def test_changes(first, second, names):
    """What a target adds, drops or moves between two scrapes is seen, and nothing is mixed up."""
    reader = Reader()
    reader.read(first)
    reader.read(first)
    read = reader.read(second)
    assert [labels["__name__"] for labels, _ in read] == names
    assert not reader.reading.same
    assert read == Reader().read(second)


def test_timestamps_are_kept_beside_those_without():
    """Some series of a scrape may have their own timestamps, with a space or a tab before it."""
    reader = Reader()
    first = reader.read("a 1 5000\nb 2\nc 3\t6000\n")
    assert first == [(name("a"), 1, 5000), (name("b"), 2, None), (name("c"), 3, 6000)]
    again = reader.read("a 4 7000\nb 5\nc 6\t8000\n")
    assert again == [(name("a"), 4, 7000), (name("b"), 5, None), (name("c"), 6, 8000)]


def test_a_timestamp_that_appears_after_a_tab():
    """A line that was plain and now has a timestamp after a tab is no bad number."""
    reader = Reader()
    reader.read("a 1\nb 2\n")
    assert reader.read("a 1\t5000\nb 2\n") == [(name("a"), 1, 5000), (name("b"), 2, None)]


def test_exemplars_are_dropped():
    """OpenMetrics exemplars come and go without a trace."""
    reader = Reader()
    plain, with_exemplar = "a_total 1\n# EOF\n", 'a_total 2 # {t="x"} 1 2.5\n# EOF\n'
    for body, value in ((plain, 1), (with_exemplar, 2), (plain, 1), (with_exemplar, 2)):
        assert reader.read(body, Format.OPENMETRICS) == [(name("a_total"), value)]


def test_metadata():
    """Type, help and unit of each family are known, unescaped."""
    reader = Reader()
    reader.read(
        '# HELP a_seconds It \\\\ is\\na "thing".\n# TYPE a_seconds gauge\n'
        "# UNIT a_seconds seconds\n"
        '# HELP "b.c" Quoted.\n# TYPE d untyped\n# HELP e\n# whatever\n'
    )
    assert reader.reader.metadata == {
        "a_seconds": ("gauge", 'It \\ is\na "thing".', "seconds"),
        "b.c": ("unknown", "Quoted.", ""),
        "d": ("unknown", "", ""),
        "e": ("unknown", "", ""),
    }


def test_changed_help_is_noticed():
    """A new help text is not missed, not even when only its last word is another."""
    reader = Reader()
    for help_text in ("The old one", "The new one", "The new two"):
        reader.read(f"# HELP a {help_text}\na 1\n")
        assert reader.reader.metadata["a"] == ("unknown", help_text, "")


def test_bucket_bounds_are_kept_as_floats():
    """`le` of histograms and `quantile` of summaries are as Prometheus 3 keeps them."""
    body = (
        '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\n'
        '# TYPE s summary\ns{quantile="0.50"} 1\ns{le="1"} 1\n# TYPE g gauge\ng{le="1"} 1\n'
    )
    read = [tuple(labels.values())[1] for labels, _ in Reader().read(body)]
    assert read == ["1.0", "+Inf", "0.5", "1", "1"]


def test_changed_type_is_read_anew():
    """When a name becomes a histogram, its bounds are kept as floats from then on."""
    reader = Reader()
    reader.read('# TYPE h gauge\nh{le="1"} 1\n')
    assert reader.read('# TYPE h histogram\nh{le="1"} 1\n')[0][0]["le"] == "1.0"


def test_openmetrics_and_text_may_alternate():
    """A target behind a balancer may answer in either format."""
    reader = Reader()
    for _ in range(2):
        assert reader.read("a 1 5\n") == [(name("a"), 1, 5)]
        assert reader.read("a 1 5\n# EOF\n", Format.OPENMETRICS) == [(name("a"), 1, 5000)]


# --- What is refused -------------------------------------------------------------------------

BAD = {
    "a bad line": (Format.TEXT, "a 1\nb is\nc 3\n", 2, "b is"),
    "no utf-8": (Format.TEXT, b'a 1\nb{c="\xff"} 1\n', 2, "UTF-8"),
    "an unknown type": (Format.TEXT, "# TYPE a thing\n", 1, "no type"),
    "HELP of nothing": (Format.TEXT, "# HELP\t\n", 1, "name of a metric"),
    "windows line ends": (Format.TEXT, "a 1\r\nb 2\r\n", 1, "no number"),
    "no EOF": (Format.OPENMETRICS, "a 1\n", 1, "not # EOF"),
    "empty": (Format.OPENMETRICS, "", 1, "not # EOF"),
    "cut off": (Format.OPENMETRICS, "a 1\nb", 2, "not # EOF"),
    "two EOFs": (Format.OPENMETRICS, "a 1\n# EOF\na 1\n# EOF\n", 2, "more lines"),
    "an empty line": (Format.OPENMETRICS, "a 1\n\n# EOF\n", 2, "no metric name"),
    "a comment": (Format.OPENMETRICS, "# hello\n# EOF\n", 1, "no comments"),
    "a unit that is not in the name": (
        Format.OPENMETRICS,
        "# UNIT a seconds\n# EOF\n",
        1,
        "not the end of the name",
    ),
}


@pytest.mark.parametrize(("form", "body", "line", "reason"), BAD.values(), ids=BAD)
def test_a_bad_line_refuses_everything(form, body, line, reason):
    """The error names the line and says why; no series of the exposition comes to be."""
    reader = Reader()
    with pytest.raises(BadExposition, match=rf"^line {line}: .*{reason}"):
        reader.read(body, form)
    assert reader.store.labels == []


@pytest.mark.parametrize("bad", ["a x\nb 2\n", "a 1_0\nb 2\n", "a -nan\nb 2\n", "a 1 x\nb 2\n"])
def test_a_line_that_turns_bad(bad):
    """A series that was well and has no number now is named, and read again once it has."""
    reader = Reader()
    reader.read("a 1\nb 2\n")
    with pytest.raises(BadExposition, match=r"^line 1: "):
        reader.read(bad)
    assert reader.read("a 5\nb 6\n") == [(name("a"), 5), (name("b"), 6)]


LIMITS = {
    "samples": (Limits(samples=2), "a 1\nb 1\nc 1\n", "more than 2 samples, found 4"),
    "lines": (Limits(samples=1), "\n" * 200, "more than 105 lines, found 202"),
    "labels": (Limits(labels=4), 'a{b="1",c="2"} 1\n', "more than 4 labels in a series of 'a'"),
    "label name": (Limits(label_name_bytes=20), f'a{{{"b" * 21}="1"}} 1\n', "more than 20 bytes"),
    "line": (Limits(), "#" * 300_000, "more than 262,144 bytes in a line"),
    "label value": (Limits(label_value_bytes=20), f'a{{b="{"é" * 11}"}} 1\n', "found 22"),
    "metric name": (Limits(label_value_bytes=20), "a" * 21 + " 1\n", "__name__"),
}


@pytest.mark.parametrize(("limits", "body", "reason"), LIMITS.values(), ids=LIMITS)
def test_over_a_limit(limits, body, reason):
    """Over a limit the whole exposition is refused, and the text says which limit."""
    reader = Reader(limits)
    with pytest.raises(ScrapeOverLimit, match=reason):
        reader.read("z 1\n" + body)
    assert reader.store.labels == []


def test_just_at_the_limits():
    """A limit is what is still allowed."""
    reader = Reader(Limits(samples=2, labels=4, label_value_bytes=4, label_name_bytes=8))
    assert len(reader.read('a{b="1234"} 1\nb 1\n')) == 2


# --- What is remembered ----------------------------------------------------------------------


def test_memory_of_vanished_series_is_bounded():
    """A target whose labels are new each time does not fill our memory."""
    reader = Reader()
    for scrape in range(40):
        reader.read("".join(f'a{{b="{scrape}-{i}"}} {i}\n' for i in range(500)))
    assert reader.reader.remembered <= 2 * 500 + 1000 + 500
    values = [value for _, value in reader.read('a{b="39-7"} 5\na{b="39-8"} 6\n')]
    assert values == [5, 6]


def test_new_series_are_told_before_they_come_to_be():
    """Each scrape says how many series are new: that is what the hourly limit counts."""
    reader = Reader()
    reader.read("a 1\nb 1\n")
    reader.read("a 1\nb 1\nc 1\n")
    reader.read("a 1\n")
    assert reader.new == [2, 1]


# --- Against prometheus_client, and against anything -----------------------------------------


def expected(families) -> dict[tuple, float]:
    """What prometheus_client's parser reads, with Prometheus 3's bounds."""
    found = {}
    for family in families:
        numbers = {"histogram": "le", "summary": "quantile"}.get(family.type)
        for sample in family.samples:
            labels = {n: float_label(v) if n == numbers else v for n, v in sample.labels.items()}
            labels = {n: v for n, v in labels.items() if v} | name(sample.name)
            found[tuple(sorted(labels.items()))] = sample.value
    return found


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(
        value == right[key] or (math.isnan(value) and math.isnan(right[key]))
        for key, value in left.items()
    )


def read_twice(body: bytes, form: Format) -> list[dict[tuple, float]]:
    """What is read the slow way, and then what is read the quick way."""
    reader = Reader()
    return [
        {tuple(sorted(labels.items())): value for labels, value, *_ in reader.read(body, form)}
        for _ in range(2)
    ]


@settings(max_examples=150, deadline=None)
@given(expositions.registries())
def test_text_as_prometheus_client_reads_it(registry):
    """Whatever a Python program exposes as text is read as its own library reads it."""
    body = expositions.text(registry)
    wanted = expected(parse_text(body.decode()))
    assert all(same(read, wanted) for read in read_twice(body, Format.TEXT))


@settings(max_examples=150, deadline=None)
@given(expositions.registries())
def test_openmetrics_as_prometheus_client_reads_it(registry):
    """Whatever a Python program exposes as OpenMetrics is read as its own library reads it."""
    body = expositions.openmetrics(registry)
    wanted = expected(parse_openmetrics(body.decode()))
    assert all(same(read, wanted) for read in read_twice(body, Format.OPENMETRICS))


SHREDS = st.lists(
    st.sampled_from(
        [
            *'a\t\n{}",=\\# 1_é\r\x00',
            *("b_total", "# ", "# TYPE a ", "# HELP a ", "histogram", 'le="1"', "-1", "1e9", "NaN"),
            *("+Inf", "# EOF\n", ' # {x="y"', "1395066363000", "0x", ".."),
        ]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(SHREDS.map(str.encode) | st.binary(max_size=80), max_size=4), st.sampled_from(Format)
)
def test_any_bytes(bodies, form):
    """Whatever a target sends is read or refused; what was sent before changes neither."""
    reader = Reader()
    for body in bodies:
        np.testing.assert_equal(outcome(reader, body, form), outcome(Reader(), body, form))


def outcome(reader: Reader, body: bytes, form: Format) -> list[tuple] | type[ScrapeError]:
    """What was read, or which error it was."""
    try:
        return reader.read(body, form)
    except ScrapeError as error:
        return type(error)


@pytest.mark.parametrize(
    "body",
    [
        b"\n" * 4_000_000,
        b"a" * 4_000_000,
        b"a{" + b'b="c",' * 600_000,
        b"a{" + b'"' * 4_000_000,
        b"a" + b" " * 4_000_000,
        b'a{b="' + b"\\" * 4_000_000,
        b"a " + b"1" * 4_000_000,
        b"# HELP " + b"a" * 4_000_000,
        b"# TYPE a " + b" " * 4_000_000,
        b"#" * 4_000_000,
        b"{" * 4_000_000,
        b"# HELP a " + b"x\n" * 100_000,
        b"a 1\n" * 20_000,
    ],
    ids=lambda body: f"{body[:12]!r}",
)
def test_hostile_bodies(body):
    """No body within the limit takes memory out of proportion, or time beyond a few seconds."""
    tracemalloc.start()
    try:
        for form in Format:
            with contextlib.suppress(ScrapeError):
                Reader().read(body, form)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(body) + 60_000_000


def test_random_churn_against_reading_anew():
    """Over many scrapes of a target that changes at random, nothing old is ever mixed in."""
    rng = random.Random(3)
    reader = Reader()
    for _ in range(150):
        names = [f'a{{b="{i}"}}' for i in range(30) if rng.random() < 0.9]
        if rng.random() < 0.2:
            rng.shuffle(names)
        tails = ["", "", "", " 5000"] if rng.random() < 0.2 else [""]
        body = "".join(f"{n} {rng.randrange(1000)}{rng.choice(tails)}\n" for n in names)
        assert reader.read(body) == Reader().read(body)
