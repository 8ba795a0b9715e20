"""What PromQL has: functions with their types, aggregations, operators; and what is not offered.

Prometheus 3 with its default feature flags, without native histograms.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ast import ValueType

_SCALAR, _VECTOR = ValueType.SCALAR, ValueType.VECTOR
_MATRIX, _STRING = ValueType.MATRIX, ValueType.STRING


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's arguments and result.

    *variadic* 0: exactly *args*. Above 0: the last of *args* may be left out or given that often.
    -1: it may be left out or given any number of times.
    """

    name: str
    args: tuple[ValueType, ...]
    returns: ValueType = _VECTOR
    variadic: int = 0

    @property
    def least(self) -> int:
        """The fewest arguments that it takes."""
        return len(self.args) - (1 if self.variadic else 0)

    @property
    def most(self) -> int | None:
        """The most arguments that it takes; None is any number."""
        if self.variadic < 0:
            return None
        return self.least + self.variadic if self.variadic else len(self.args)

    def argument(self, index: int) -> ValueType:
        """Return the type of the argument at *index*, from 0; the last one's may repeat."""
        return self.args[min(index, len(self.args) - 1)]


def _all(names: str, *args: ValueType, variadic: int = 0) -> list[Signature]:
    """Return one signature for each of *names*, all the same; they give a vector."""
    return [Signature(name, args, variadic=variadic) for name in names.split()]


_LIST = [
    *_all("abs absent ceil exp floor ln log10 log2 sgn sort sort_desc sqrt timestamp", _VECTOR),
    *_all("acos acosh asin asinh atan atanh cos cosh deg rad sin sinh tan tanh", _VECTOR),
    *_all("day_of_month day_of_week day_of_year days_in_month", _VECTOR, variadic=1),
    *_all("hour minute month year", _VECTOR, variadic=1),
    *_all("changes delta deriv idelta increase irate rate resets", _MATRIX),
    *_all("absent_over_time present_over_time count_over_time sum_over_time", _MATRIX),
    *_all("avg_over_time min_over_time max_over_time", _MATRIX),
    *_all("stddev_over_time stdvar_over_time first_over_time last_over_time", _MATRIX),
    *_all("predict_linear", _MATRIX, _SCALAR),
    *_all("quantile_over_time", _SCALAR, _MATRIX),
    *_all("clamp_max clamp_min", _VECTOR, _SCALAR),
    *_all("clamp", _VECTOR, _SCALAR, _SCALAR),
    *_all("round", _VECTOR, _SCALAR, variadic=1),
    *_all("histogram_quantile", _SCALAR, _VECTOR),
    *_all("histogram_fraction", _SCALAR, _SCALAR, _VECTOR),
    *_all("label_join", _VECTOR, _STRING, _STRING, _STRING, variadic=-1),
    *_all("label_replace", _VECTOR, _STRING, _STRING, _STRING, _STRING),
    *_all("vector", _SCALAR),
    Signature("scalar", (_VECTOR,), _SCALAR),
    Signature("pi", (), _SCALAR),
    Signature("time", (), _SCALAR),
]

SIGNATURES: dict[str, Signature] = {signature.name: signature for signature in _LIST}
"""Every function by name."""

AGGREGATIONS: dict[str, ValueType | None] = {
    **dict.fromkeys(("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar")),
    **dict.fromkeys(("topk", "bottomk", "quantile"), _SCALAR),
    "count_values": _STRING,
}
"""Every aggregation, with the type of the parameter before its vector if it has one."""

SET_OPERATORS = frozenset({"and", "or", "unless"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
NATIVE_HISTOGRAM_OPERATORS = frozenset({"</", ">/"})

PRECEDENCE: dict[str, int] = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(COMPARISONS | NATIVE_HISTOGRAM_OPERATORS, 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
"""Every binary operator; the higher binds tighter. `^` groups to the right, all others left."""

EXPERIMENTAL_AGGREGATIONS = frozenset({"limitk", "limit_ratio"})

EXPERIMENTAL_FUNCTIONS = frozenset(
    {
        "double_exponential_smoothing",
        "end",
        "histogram_quantiles",
        "info",
        "mad_over_time",
        "max_of",
        "min_of",
        "range",
        "sort_by_label",
        "sort_by_label_desc",
        "start",
        "start_timestamp",
        "step",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    }
)
"""Functions that Prometheus offers behind a feature flag, and we do not."""

NATIVE_HISTOGRAM_FUNCTIONS = frozenset(
    {
        "histogram_avg",
        "histogram_count",
        "histogram_stddev",
        "histogram_stdvar",
        "histogram_sum",
    }
)
"""Functions of native histograms, which the store does not hold."""
