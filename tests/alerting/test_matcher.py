"""Matchers: their text, and which labels satisfy them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.alerting.routing.matcher import (
    Matcher,
    all_match,
    in_order,
    matchers_text,
)
from jupyterhub_monitoring.alerting.routing.matcher_parser import parse_matcher, parse_matchers
from jupyterhub_monitoring.errors import BadData, BadMatcher
from jupyterhub_monitoring.store.matcher import MatchType

EQUAL, NOT_EQUAL, REGEX, NOT_REGEX = MatchType


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{a="b"}', '{a="b"}'),
        ("a=b", '{a="b"}'),
        (' a =~ "b.*" ', '{a=~"b.*"}'),
        ("a!=b,c!~d,", '{a!="b",c!~"d"}'),
        ("{}", "{}"),
        ("", "{}"),
        ("a=", '{a=""}'),
        ('a="x,y",b=z', '{a="x,y",b="z"}'),
        (r'a="x\",y",b=z', r'{a="x\",y",b="z"}'),
        (r'a="x\\",b=z', r'{a="x\\",b="z"}'),
        (r'a="say \"hi\"\n\\"', r'{a="say \"hi\"\n\\"}'),
        (r'a="\d\",y",b=z', r'{a="\\d\",y",b="z"}'),  # only the older grammar
        (r'a="\d\\",b=z', r'{a="\\d\\",b="z"}'),
        (r'a=~"\d+"', r'{a=~"\\d+"}'),  # the older grammar: no escape of Go's
        (r"a=\d", r'{a="\\d"}'),
        ("a=ü", '{a="ü"}'),
        ("a='b'", "{a=\"'b'\"}"),
        ('"a b"="c"', '{"a b"="c"}'),
        ('{"a"="b","c d"=~"x.*"}', '{a="b","c d"=~"x.*"}'),
        ("ü=x", '{ü="x"}'),
        ('"\\u00fc"="\\t"', '{ü="\t"}'),
        ('a=b c,d="e"', '{a="b c",d="e"}'),
    ],
)
def test_reads_what_people_write(text: str, wanted: str):
    """With braces or without, quoted or not, by the grammar of today or that of before."""
    assert matchers_text(parse_matchers(text)) == wanted


def test_where_the_grammars_disagree_the_older_one_wins():
    """A file goes on to mean what it meant before Alertmanager 0.27."""
    assert parse_matchers(r'a="\x41"')[0].value == r"\x41"
    assert parse_matchers(r'"a"="\x41"')[0].value == "A"  # only the newer one reads this


@pytest.mark.parametrize(
    "text",
    [
        *("a", "=b", "a>b", "{a", '{"a b"=c', "a b=c}", 'a="b', 'a="b"c', "a=b,,c=d", ",a=b"),
        *('"a', '"a"b=c', '"\\z"=c', '"\\xff"=c', "{ü=b}}", "ü=b,,c=d", "ü=", "ü b"),
    ],
)
def test_refuses_what_is_no_matcher(text: str):
    """What cannot be read is an error of whoever wrote it, which the API answers with 400."""
    with pytest.raises(BadData):
        parse_matchers(text)


@pytest.mark.parametrize("text", ["{a=b}", "ü=b,c=d", "", '"ü"="b"}'])
def test_one_matcher_is_one(text: str):
    """Where one matcher is asked for, as in a filter of the API, there are no braces, no more."""
    with pytest.raises(BadData):
        parse_matcher(text)


def test_reads_one_matcher():
    """A comma belongs to the value there, as it always did."""
    assert parse_matcher("a=b") == Matcher("a", EQUAL, "b")
    assert parse_matcher("a=~b,c") == Matcher("a", REGEX, "b,c")
    assert parse_matcher('"ü"!~"b"') == Matcher("ü", NOT_REGEX, "b")


@pytest.mark.parametrize(
    ("text", "labels", "wanted"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "bb"}, False),
        ("a=b", {}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ('a=""', {}, True),
        ('a=""', {"a": "x"}, False),
        ('a!=""', {}, False),
        ("a=~b", {"a": "abc"}, False),
        ("a=~.*b.*", {"a": "abc"}, True),
        ("a=~b|c", {"a": "c"}, True),
        ("a=~b|c", {"a": "bc"}, False),
        ("a=~x*", {}, True),
        ("a!~x*", {}, False),
        ("a!~x.*", {}, True),
        ("a=~(?i)B", {"a": "b"}, True),
        ("a=~a.c", {"a": "a\nc"}, False),  # unlike PromQL
        ("a=~a.c", {"a": "aüc"}, True),
        ("a=b,c!=d", {"a": "b"}, True),
        ("a=b,c!=d", {"a": "b", "c": "d"}, False),
        ("", {"a": "b"}, True),
    ],
)
def test_matches(text: str, labels: dict[str, str], wanted: bool):
    """All conditions hold, expressions for the whole value; an absent label is the empty string."""
    assert all_match(parse_matchers(text), labels) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("a=b", False), ('a=""', True), ("a=~x*", True), ("a=~x+", False), ("a!=b", False)],
)
def test_which_match_the_absent_label(text: str, wanted: bool):
    """A silence of such matchers alone would silence everything; Alertmanager excepts `!=`."""
    assert parse_matchers(text)[0].matches_empty is wanted


def test_a_wrong_expression_is_known_when_it_is_written():
    """Not when the first alert comes, in the night."""
    with pytest.raises(BadMatcher):
        Matcher("a", REGEX, "(")


def test_order():
    """Routes print their matchers by name, value and operator, however they were written."""
    written = parse_matchers('b=1,a!="2",a="2",a="1",a=~"1"')
    assert matchers_text(in_order(written)) == '{a="1",a=~"1",a="2",a!="2",b="1"}'


matchers = st.builds(
    Matcher,
    st.one_of(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), st.text(min_size=1)),
    st.sampled_from([EQUAL, NOT_EQUAL]),
    st.text(),
)


@given(st.lists(matchers, max_size=3))
def test_what_is_printed_is_read_again(given_matchers: list[Matcher]):
    """A silence copied from a page means the same, whatever its labels hold."""
    text = matchers_text(given_matchers)
    assert parse_matchers(text) == tuple(given_matchers), text


@given(st.text(alphabet='ab=!~"\\{}, \n'))
def test_any_text_is_read_or_refused(text: str):
    """Nothing but `BadData` comes of what somebody types into a filter."""
    try:
        parsed = parse_matchers(text)
    except BadData:
        return
    assert all(isinstance(matcher, Matcher) for matcher in parsed)
