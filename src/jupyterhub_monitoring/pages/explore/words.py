"""PromQL's own words with a line on each: what completion offers besides metrics and labels."""

from __future__ import annotations

from dataclasses import dataclass

from ...promql.ast import ValueType
from ...promql.signatures import AGGREGATIONS, SIGNATURES, Signature

_ARGUMENTS = {
    ValueType.SCALAR: "number",
    ValueType.VECTOR: "series",
    ValueType.MATRIX: "range",
    ValueType.STRING: "text",
}

_MEANINGS = {
    "abs": "The value without its sign.",
    "absent": "1 where no series is there, else nothing: for alerts on what is missing.",
    "absent_over_time": "1 where no series had a sample in the range.",
    "avg_over_time": "The average of each series over the range.",
    "ceil": "Rounded up.",
    "changes": "How often the value changed in the range.",
    "clamp": "Values held between a least and a greatest number.",
    "clamp_max": "Values held at or below a number.",
    "clamp_min": "Values held at or above a number.",
    "count_over_time": "How many samples each series has in the range.",
    "day_of_month": "The day of the month, 1 to 31, in UTC.",
    "day_of_week": "The day of the week, 0 (Sunday) to 6, in UTC.",
    "day_of_year": "The day of the year, 1 to 366, in UTC.",
    "days_in_month": "How many days the month has.",
    "delta": "How much a gauge changed over the range.",
    "deriv": "How fast a gauge changes, per second, by linear regression.",
    "exp": "e to the power of the value.",
    "first_over_time": "The oldest sample in the range.",
    "floor": "Rounded down.",
    "histogram_fraction": "The share of observations between two bounds.",
    "histogram_quantile": "A quantile (0.95: 19 of 20 are below) of a histogram's buckets.",
    "hour": "The hour of the day, 0 to 23, in UTC.",
    "idelta": "The difference of the last two samples of a gauge.",
    "increase": "How much a counter rose over the range.",
    "irate": "How fast a counter rises, per second, by its last two samples.",
    "label_join": "Adds a label made of the values of others.",
    "label_replace": "Adds a label made of another one's value by a regular expression.",
    "last_over_time": "The latest sample in the range.",
    "ln": "The natural logarithm.",
    "log10": "The logarithm to base 10.",
    "log2": "The logarithm to base 2.",
    "max_over_time": "The greatest sample in the range.",
    "min_over_time": "The least sample in the range.",
    "minute": "The minute of the hour, 0 to 59, in UTC.",
    "month": "The month, 1 to 12, in UTC.",
    "pi": "3.14159...",
    "predict_linear": "The value some seconds from now, if a gauge goes on as in the range.",
    "present_over_time": "1 for each series that had a sample in the range.",
    "quantile_over_time": "A quantile of the samples in the range.",
    "rate": "How fast a counter rises, per second, on average over the range.",
    "resets": "How often a counter began again in the range.",
    "round": "Rounded to the nearest whole number, or multiple of a number.",
    "scalar": "The only series as a plain number.",
    "sgn": "-1, 0 or 1, by the sign of the value.",
    "sort": "Sorted by value, the least first (in tables).",
    "sort_desc": "Sorted by value, the greatest first (in tables).",
    "sqrt": "The square root.",
    "stddev_over_time": "The standard deviation of the samples in the range.",
    "stdvar_over_time": "The variance of the samples in the range.",
    "sum_over_time": "The sum of the samples in the range.",
    "time": "The time of the evaluation, in Unix seconds.",
    "timestamp": "When each sample was taken, in Unix seconds.",
    "vector": "A number as a series without labels.",
    "year": "The year, in UTC.",
    **dict.fromkeys(("acos", "asin", "atan", "cos", "sin", "tan"), "Trigonometry, in radians."),
    **dict.fromkeys(("acosh", "asinh", "atanh", "cosh", "sinh", "tanh"), "Hyperbolic."),
    "deg": "Radians as degrees.",
    "rad": "Degrees as radians.",
    # Aggregations
    "avg": "The average over series.",
    "bottomk": "The k series with the least values.",
    "count": "How many series there are.",
    "count_values": "How many series have each value.",
    "group": "1 for each group of series.",
    "max": "The greatest value over series.",
    "min": "The least value over series.",
    "quantile": "A quantile over series.",
    "stddev": "The standard deviation over series.",
    "stdvar": "The variance over series.",
    "sum": "The sum over series.",
    "topk": "The k series with the greatest values.",
    # Other words
    "and": "Series on the left that have a partner on the right.",
    "atan2": "The angle of two values.",
    "bool": "A comparison gives 0 or 1 and drops nothing.",
    "by": "One result for each value of these labels.",
    "group_left": "Several series on the left fit one on the right.",
    "group_right": "Several series on the right fit one on the left.",
    "ignoring": "Partners are found by all labels but these.",
    "offset": "As it was some time ago: offset 1d.",
    "on": "Partners are found by these labels only.",
    "or": "Series on the left, and those on the right without a partner.",
    "unless": "Series on the left that have no partner on the right.",
    "without": "One result for each value of all labels but these.",
}  # fmt: skip

_WITH_LABELS = ("by", "without", "on", "ignoring", "group_left", "group_right")
_PLAIN = ("and", "or", "unless", "bool", "offset", "atan2")


@dataclass(frozen=True, slots=True)
class Word:
    """*kind* is function, aggregation or keyword; *usage* how it is written."""

    text: str
    kind: str
    usage: str
    meaning: str


def _word(text: str, kind: str, usage: str) -> Word:
    return Word(text, kind, usage, _MEANINGS[text])


def _usage(signature: Signature) -> str:
    names = [_ARGUMENTS[argument] for argument in signature.args]
    if signature.variadic and names:
        names[-1] = f"[{names[-1]}{' …' if signature.variadic < 0 else ''}]"
    return f"{signature.name}({', '.join(names)})"


def _aggregation(name: str) -> Word:
    parameter = AGGREGATIONS[name]
    first = f"{_ARGUMENTS[parameter]}, " if parameter else ""
    return _word(name, "aggregation", f"{name} by (labels) ({first}series)")


FUNCTIONS = tuple(_word(name, "function", _usage(each)) for name, each in SIGNATURES.items())
AGGREGATORS = tuple(_aggregation(name) for name in AGGREGATIONS)
KEYWORDS = (
    *(_word(name, "keyword", f"{name} (labels)") for name in _WITH_LABELS),
    *(_word(name, "keyword", name) for name in _PLAIN),
)
DURATIONS = {
    "1m": "a minute",
    "5m": "5 minutes",
    "15m": "15 minutes",
    "1h": "an hour",
    "6h": "6 hours",
    "1d": "a day",
    "1w": "a week",
}
