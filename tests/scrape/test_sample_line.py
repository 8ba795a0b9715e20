"""Single lines of both formats: what they mean, and why they are refused."""

from __future__ import annotations

import math

import pytest

from jupyterhub_monitoring.scrape.sample_line import parse_openmetrics_line, parse_text_line

TEXT = {
    "bare name": ("up 1", "up", {}, 1, None),
    "labels": ('a{b="c",d="e"} 2.5', "a", {"b": "c", "d": "e"}, 2.5, None),
    "timestamp in ms": ("a 1 1395066363000", "a", {}, 1, 1395066363000),
    "timestamp before 1970": ("a 1 -3982045", "a", {}, 1, -3982045),
    "empty braces": ("a{} 1", "a", {}, 1, None),
    "comma at the end": ('a{b="c",} 1', "a", {"b": "c"}, 1, None),
    "blanks everywhere": ('\ta { b = "c" , } \t 1 \t 5 ', "a", {"b": "c"}, 1, 5),
    "no blank before the value": ('a{b="c"}1', "a", {"b": "c"}, 1, None),
    "escapes": (r'a{b="\"\\\n\x"} 1', "a", {"b": '"\\\n\\x'}, 1, None),
    "braces, commas and spaces in a value": ('a{b="} 1,{ #"} 2', "a", {"b": "} 1,{ #"}, 2, None),
    "unicode": ('a{b="日本"} 1', "a", {"b": "日本"}, 1, None),
    "empty value": ('a{b=""} 1', "a", {"b": ""}, 1, None),
    "colons": ("a:b:c 1", "a:b:c", {}, 1, None),
    "quoted name": ('{"a.b", c="d"} 1', "a.b", {"c": "d"}, 1, None),
    "quoted name last": ('{c="d","a.b"} 1', "a.b", {"c": "d"}, 1, None),
    "quoted label": ('{"a.b","c d"="e"} 1', "a.b", {"c d": "e"}, 1, None),
    "quoted label, bare name": ('a{"c d"="e"} 1', "a", {"c d": "e"}, 1, None),
    "escaped name": (r'{"a\"b"} 1', 'a"b', {}, 1, None),
    "infinity": ("a +Inf", "a", {}, math.inf, None),
    "minus infinity": ("a -Inf", "a", {}, -math.inf, None),
    "exponent": ("a 1.7560473e+07", "a", {}, 17560473, None),
    "no digit before the point": ("a .5", "a", {}, 0.5, None),
}


@pytest.mark.parametrize(("line", "name", "labels", "value", "at"), TEXT.values(), ids=TEXT)
def test_text_line(line, name, labels, value, at):
    """A line of the text format means what Prometheus takes it for."""
    sample = parse_text_line(line)
    assert (sample.name, dict(sample.labels), sample.value) == (name, labels, value)
    assert sample.timestamp_ms == at


def test_nan():
    """Not-a-number is a value."""
    assert math.isnan(parse_text_line("a NaN").value)


BAD_TEXT = {
    "no value": ("a", "no value"),
    "no value after labels": ('a{b="c"}', "no value"),
    "no name": ('{b="c"} 1', "no metric name"),
    "two names": ('a{"b"} 1', "second metric name"),
    "empty name": ('{""} 1', "name is empty"),
    "name with a digit first": ("1a 1", "no metric name"),
    "label twice": ('a{b="1",b="2"} 1', "there twice"),
    "__name__ as a label": ('a{__name__="b"} 1', "there twice"),
    "no quotes": ("a{b=c} 1", "no value in quotes"),
    "not closed": ('a{b="c" 1', "closing brace"),
    "quote not closed": ('a{b="c} 1', "no value in quotes"),
    "no comma": ('a{b="c" d="e"} 1', "no comma"),
    "two commas": ('a{b="c",,d="e"} 1', "no label name"),
    "words": ("a is great", "no number"),
    "underscore in a number": ("a 1_000", "no number"),
    "hexadecimal": ("a 0x1p-2", "no number"),
    "minus nan": ("a -nan", "no number"),
    "out of range": ("a 1e999", "out of the range"),
    "timestamp is a float": ("a 1 1.5", "timestamp"),
    "too much": ("a 1 2 3", "follows the timestamp"),
    "an exemplar": ('a 1 # {b="c"} 1', "follows the timestamp"),
    "a very long number": ("a " + "1" * 1000, "no number"),
    "a very long timestamp": ("a 1 " + "1" * 1000, "timestamp"),
    "carriage return": ("a 1\r", "no number"),
    "arabic digits": ("a \u0661", "no number"),
}


@pytest.mark.parametrize(("line", "reason"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_bad_text_line(line, reason):
    """A line that Prometheus would refuse is refused, with a reason."""
    with pytest.raises(ValueError, match=reason):
        parse_text_line(line)


OPENMETRICS = {
    "seconds": ("a_total 1 1520879607.789", 1, 1520879607789),
    "exemplar": ('a_bucket{le="1.0"} 8 # {t="x # y"} 0.67', 8, None),
    "exemplar with its time": ('a_bucket{le="1.0"} 8 # {} 0.67 1.5', 8, None),
    "timestamp and exemplar": ('a_bucket{le="1.0"} 8 2 # {t="x"} 0.67 1.5', 8, 2000),
    "hash in a label": ('a{b=" # "} 3', 3, None),
    "quoted name": ('{"a b",c="d"} 3', 3, None),
}


@pytest.mark.parametrize(("line", "value", "at"), OPENMETRICS.values(), ids=OPENMETRICS)
def test_openmetrics_line(line, value, at):
    """OpenMetrics: timestamps are seconds, exemplars are dropped."""
    sample = parse_openmetrics_line(line)
    assert (sample.value, sample.timestamp_ms) == (value, at)


BAD_OPENMETRICS = {
    "two spaces": ("a  1", "one space"),
    "tab": ("a\t1", "one space"),
    "space at the end": ("a 1 ", "one space"),
    "timestamp is no number": ("a 1 x", "no number"),
    "timestamp is nan": ("a 1 NaN", "out of range"),
    "exemplar without labels": ("a 1 # 5", "no labels"),
    "exemplar without a value": ("a 1 # {}", "no value"),
    "exemplar with words": ("a 1 # {} x", "no number"),
    "exemplar not closed": ('a 1 # {b="c" 1', "closing brace"),
}


@pytest.mark.parametrize(("line", "reason"), BAD_OPENMETRICS.values(), ids=BAD_OPENMETRICS)
def test_bad_openmetrics_line(line, reason):
    """OpenMetrics is strict about spaces, and about exemplars though we drop them."""
    with pytest.raises(ValueError, match=reason):
        parse_openmetrics_line(line)
