"""What the parser says of a query that is wrong: Prometheus's words, and the place."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.errors import BadData, ParseError
from jupyterhub_monitoring.promql.parser import parse

WHERE_MODIFIERS_STAND = (
    "must be preceded by an instant vector selector or range vector selector or a subquery"
)
SYNTAX = [
    # the query | where | the error
    ("", "1:1", "no expression found in input"),
    ("  # nothing", "1:1", "no expression found in input"),
    ("up up", "1:4", 'unexpected identifier "up"'),
    ("up\n  }", "2:3", "unexpected character: '}'"),
    ("1 +", "1:4", "unexpected end of input"),
    ("* 1", "1:1", "unexpected <op:*>"),
    ("sum by", "1:7", 'unexpected end of input in grouping opts, expected "("'),
    ("sum by (1) (up)", "1:9", 'unexpected number "1" in grouping opts, expected label'),
    (
        "sum by (a b) (up)",
        "1:11",
        'unexpected identifier "b" in grouping opts, expected "," or ")"',
    ),
    ('sum by ("") (up)', "1:9", 'invalid label name for grouping: ""'),
    ("sum by (a) up", "1:12", 'unexpected identifier "up" in aggregation'),
    ("a + on b", "1:8", 'unexpected identifier "b" in grouping opts, expected "("'),
    ("a + group_left (x) b", "1:5", "unexpected <group_left>"),
    ("a by", "1:3", "unexpected <by>"),
    ("rate(up[5m]", "1:12", "unclosed left parenthesis"),
    ("(1))", "1:5", "unexpected right parenthesis ')'"),
    ("round(a, )", "1:8", "trailing commas not allowed in function call args"),
    ("up[5m", "1:6", "unclosed left bracket"),
    ("up[", "1:4", "unexpected end of input in duration expression"),
    ("up]", "1:3", "unexpected right bracket ']'"),
    ("up[]", "1:4", 'unexpected "]" in subquery or range selector, expected number or duration'),
    ("up[x]", "1:4", "unexpected character in duration expression: 'x'"),
    ("up[5m x]", "1:7", "unexpected character: 'x', expected ':'"),
    ("up[5mx]", "1:4", 'bad number or duration syntax: "5mx"'),
    ("up[5m:1m", "1:9", "unclosed left bracket"),
    ("up[5m 1m]", "1:7", 'unexpected duration "1m" in subquery or range, expected ":" or "]"'),
    ("up[5s1m]", "1:4", 'not a valid duration string: "5s1m"'),
    ("up[0s]", "1:4", "duration must be greater than 0"),
    ("up[-5m]", "1:4", "duration must be greater than 0"),
    ("up[0.0001]", "1:4", "duration must be greater than 0"),
    ("up[5m:0s]", "1:7", "duration must be greater than 0"),
    ("up[1e30]", "1:4", "duration out of range"),
    ("up[300y]", "1:4", "duration out of range"),
    ("1[5m]", "1:2", "ranges only allowed for vector selectors"),
    ("sum(up)[5m]", "1:8", "ranges only allowed for vector selectors"),
    ("up[5m][5m]", "1:7", "ranges only allowed for vector selectors"),
    ("up offset 1m[5m]", "1:13", "no offset modifiers allowed before range"),
    ("up @ 1 [5m]", "1:8", "no @ modifiers allowed before range"),
    ("up offset", "1:10", "unexpected end of input in offset, expected number or duration"),
    ("up offset 1m offset 2m", "1:1", "offset may not be set multiple times"),
    (
        "sum(up) offset 1m",
        "1:1",
        f"offset modifier {WHERE_MODIFIERS_STAND}",
    ),
    ("up @ now", "1:6", 'unexpected identifier "now" in @, expected timestamp'),
    ("up @ start", "1:11", "unexpected end of input in @, expected timestamp"),
    ("up @ NaN", "1:1", "timestamp out of bounds for @ modifier: NaN"),
    ("up @ 1e30", "1:1", "timestamp out of bounds for @ modifier: 1000000000000000000000000000000"),
    ("up @ 1 @ end()", "1:1", "@ <timestamp> may not be set multiple times"),
    (
        "1 @ 1",
        "1:1",
        f"@ modifier {WHERE_MODIFIERS_STAND}",
    ),
    ("{", "1:2", "unexpected end of input inside braces"),
    ("{a", "1:3", "unexpected end of input inside braces"),
    (
        '{a"x"}',
        "1:3",
        "in label matching, expected label matching operator",
    ),
    ("{a=b}", "1:4", 'unexpected identifier "b" in label matching, expected string'),
    ('{a="x" b="y"}', "1:8", 'unexpected identifier "b" in label matching, expected "," or "}"'),
    ("{,}", "1:2", 'unexpected "," in label matching, expected identifier or "}"'),
    ("{a!x}", "1:3", "unexpected character after '!' inside braces: 'x'"),
    ("{a:b}", "1:3", "unexpected character inside braces: ':'"),
    ("{{}}", "1:2", "unexpected left brace '{'"),
    ("a =~ b", "1:3", "unexpected character after '=': '~'"),
    ("a ! b", "1:3", "unexpected character after '!': ' '"),
    ("a $ b", "1:3", "unexpected character: '$'"),
    ("\N{EM DASH}1", "1:1", "unexpected character: '\N{EM DASH}'"),
    ("\ud800", "1:1", "invalid UTF-8 rune"),
    ('"x', "1:1", "unterminated quoted string"),
    ('"x\ny"', "1:1", "unterminated quoted string"),
    ("`x", "1:1", "unterminated raw string"),
    (r'"\q"', "1:1", "unknown escape sequence U+0071 'q'"),
    (r'''"\'"''', "1:1", "unknown escape sequence U+0027"),
    (r'"\xg0"', "1:1", "illegal character U+0067 'g' in escape sequence"),
    (r'"\ud800"', "1:1", "escape sequence is an invalid Unicode code point"),
    (r'"\400"', "1:1", "escape sequence is an invalid Unicode code point"),
    ("1..2", "1:1", 'bad number or duration syntax: "1..2"'),
    ("1_", "1:1", 'bad number or duration syntax: "1_"'),
    ("0x", "1:1", 'bad number or duration syntax: "0x"'),
    ("1e999", "1:1", 'error parsing number: "1e999": value out of range'),
    ('up{a=~"("}', "1:4", "invalid regular expression '('"),
    (r'up{a=~"\xff"}', "1:4", 'regular expression "\\xff" is no UTF-8'),
    (r'up{a=~"\\pL{1000}"}', "1:4", "pattern too large"),
    ("sum()", "1:1", "no arguments for aggregate expression provided"),
    (
        "topk(up)",
        "1:1",
        "wrong number of arguments for aggregate expression provided, expected 2, got 1",
    ),
    ("frobnicate(up)", "1:1", 'unknown function with name "frobnicate"'),
    ("1 + rat(up)", "1:5", 'unknown function with name "rat"; did you mean "rate"?'),
    ("a:b(up)", "1:4", 'unexpected "("'),
]

TYPES = [
    (
        "rate(up)",
        "1:6",
        'expected type range vector in call to function "rate", got instant vector',
    ),
    ("abs(1)", "1:5", 'expected type instant vector in call to function "abs", got scalar'),
    (
        "vector(up[5m])",
        "1:8",
        'expected type scalar in call to function "vector", got range vector',
    ),
    ("sum(1)", "1:5", "expected type instant vector in aggregation expression, got scalar"),
    ("topk(up, up)", "1:6", "expected type scalar in aggregation parameter, got instant vector"),
    ("count_values(1, up)", "1:14", "expected type string in aggregation parameter, got scalar"),
    ("abs()", "1:1", 'expected 1 argument(s) in call to "abs", got 0'),
    ("abs(up, up)", "1:1", 'expected 1 argument(s) in call to "abs", got 2'),
    ("time(1)", "1:1", 'expected 0 argument(s) in call to "time", got 1'),
    ("round()", "1:1", 'expected at least 1 argument(s) in call to "round", got 0'),
    ("hour(up, up)", "1:1", 'expected at most 1 argument(s) in call to "hour", got 2'),
    (
        'label_join(up, "a", ",", up)',
        "1:26",
        'expected type string in call to function "label_join", got instant vector',
    ),
    ("1 == 1", "1:3", "comparisons between scalars must use BOOL modifier"),
    ("a + bool b", "1:3", "bool modifier can only be used on comparison operators"),
    ("a and 1", "1:1", 'set operator "and" not allowed in binary scalar expression'),
    ("1 or 1", "1:1", 'set operator "or" not allowed in binary scalar expression'),
    ("a + on (x) 1", "1:1", "vector matching only allowed between instant vectors"),
    ("a and on (x) group_left b", "1:1", 'no grouping allowed for "and" operation'),
    (
        "a + on (x, y) group_left (y) b",
        "1:3",
        'label "y" must not occur in ON and GROUP clause at once',
    ),
    ("1 + up[5m]", "1:5", "binary expression must contain only scalar and instant vector types"),
    ('"a" + 1', "1:1", "binary expression must contain only scalar and instant vector types"),
    (
        "-up[5m]",
        "1:1",
        'only allowed on expressions of type scalar or instant vector, got "range vector"',
    ),
    ("1[5m:]", "1:1", "subquery is only allowed on instant vector, got scalar instead"),
    ("up[5m][5m:]", "1:1", "subquery is only allowed on instant vector, got matrix instead"),
    ("{}", "1:1", "vector selector must contain at least one non-empty matcher"),
    ('{a!="x", b=~".*"}', "1:1", "vector selector must contain at least one non-empty matcher"),
    (r'up{"\xff"}', "1:1", r'metric name must not be set twice: "up" or "\xff"'),
    ('up{__name__="b"}', "1:1", 'metric name must not be set twice: "up" or "b"'),
]

UNSUPPORTED = [
    ("info(up)", 'function "info" is not supported: experimental in Prometheus'),
    ("start()", 'function "start" is not supported: experimental'),
    ("mad_over_time(up[5m])", 'function "mad_over_time" is not supported'),
    ("ts_of_max_over_time(up[5m])", 'function "ts_of_max_over_time" is not supported'),
    ('sort_by_label(up, "x")', 'function "sort_by_label" is not supported'),
    ("limitk(2, up)", "limitk() is not supported"),
    ("limit_ratio(0.5, up)", "limit_ratio() is not supported"),
    ("histogram_count(up)", 'function "histogram_count" is not supported: native histograms'),
    ("up </ 5", 'operator "</" is not supported: native histograms'),
    ("up >/ 5", 'operator ">/" is not supported: native histograms'),
    ("up + fill (0) up", "fill modifier is not supported"),
    ("up + on (x) fill_left(0) up", "fill_left modifier is not supported"),
    ("up[5m] anchored", "anchored modifier is not supported"),
    ("up smoothed", "smoothed modifier is not supported"),
    ("up[5m * 2]", "duration expressions are not supported"),
    ("up[(5m)]", "duration expressions are not supported"),
    ("up[step()]", "duration expressions are not supported"),
    ("up[5m:5m + 1m]", "duration expressions are not supported"),
    ("up offset (5m)", "duration expressions are not supported"),
    ("up offset -step()", "duration expressions are not supported"),
    ("up offset max_of(5m, 1m)", "duration expressions are not supported"),
]


@pytest.mark.parametrize(("query", "place", "reason"), SYNTAX + TYPES)
def test_says_what_is_wrong_and_where(query, place, reason):
    """The first error is told in Prometheus's words, with line and column."""
    with pytest.raises(ParseError) as error:
        parse(query)
    assert str(error.value).startswith(f"{place}: parse error: ")
    assert reason in error.value.reason


@pytest.mark.parametrize(("query", "reason"), UNSUPPORTED)
def test_names_what_is_not_supported(query, reason):
    """What needs a feature flag in Prometheus, or native histograms, is refused by its name."""
    with pytest.raises(BadData) as error:
        parse(query)
    assert reason in str(error.value)


def test_syntax_before_types():
    """A query that cannot be read is not said to be of the wrong type, as in Prometheus."""
    with pytest.raises(ParseError, match=r"1:12: parse error: unexpected end of input"):
        parse("rate(up) + ")


def test_the_place_is_given_as_characters():
    """A client can mark the place: start and end count characters of the query."""
    with pytest.raises(ParseError) as error:
        parse('{l="é"} + rate(up)')
    assert (error.value.start, error.value.end) == (15, 17)
