"""`jupyterhub-monitoring rules test`: promtool's unit tests of rules, on our own engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

import numpy as np

from ...errors import BadData, MonitoringError, WrongRouting, WrongRules
from ...promql.ast import Expr
from ...promql.engine import Engine
from ...promql.numbers import format_duration
from ...promql.quoting import quote
from ...promql.values import Vector
from ...store.label_table import LabelTable
from ...store.memory import MemorySeries
from ...store.selection import Labels, Row
from ..alert import ALERTNAME, Millis
from ..rules.alert_state import AlertState
from ..rules.dependencies import Reads
from ..rules.evaluation import AlertingRun
from ..rules.group_factory import GroupFactory
from ..rules.recording import SeriesWriter
from ..rules.rule import RuleGroup
from ..rules.rule_file import read_rules
from ..rules.rule_query import RuleQueries
from ..rules.rule_yaml import MOST_BYTES
from ..text_file import read_text
from .file import AlertCase, ExprCase, TestCase, UnitTestFile, read_test_file
from .report import Sample, alerts_text, samples_text
from .series_notation import parse_metric, parse_values


def run_files(paths: Sequence[str | Path], out: TextIO) -> int:
    """Run the test files at *paths*, say to *out* how they went; return 0 when all hold, else 1."""
    failed = False
    for path in map(Path, paths):
        out.write(f"Unit Testing:  {path}\n")
        problems = list(_problems(path, out))
        failed |= bool(problems)
        out.write("  FAILED:\n" if problems else "  SUCCESS\n")
        out.writelines(f"{problem}\n\n" for problem in problems)
        out.write("\n")
    return int(failed)


def _problems(path: Path, out: TextIO) -> Iterator[str]:
    """Yield what does not hold in the file at *path*."""
    try:
        tests = read_test_file(path)
        missing = [_no_file(pattern) for pattern, files in tests.rule_files if not files]
        out.writelines(f"  WARNING: {text}\n" for text in missing)
        groups = _groups(tests)
    except OSError as error:
        yield f"{error.filename}: {error.strerror}"
        return
    except (WrongRouting, WrongRules) as error:
        yield str(error)
        return
    problems = [problem for test in tests.tests for problem in _run(test, tests, groups)]
    # Without its rules nothing can hold: each of its cases would only say so again.
    yield from ([f"    {text}" for text in missing] if problems and missing else problems)


def _no_file(pattern: str) -> str:
    return (
        f"rule_files: there is no {Path(pattern).absolute()}; its path begins in the folder of"
        " the test file"
    )


def _run(test: TestCase, tests: UnitTestFile, groups: Sequence[RuleGroup]) -> Iterator[str]:
    try:
        running = UnitTest(test, tests, groups)
    except BadData as error:  # of a series
        yield f"    {_named(test)}{error}"
        return
    with closing(running):
        yield from running.problems()


def _groups(tests: UnitTestFile) -> list[RuleGroup]:
    """Return the groups of all rule files, in the order in which they are evaluated."""
    found: dict[tuple[str, str], RuleGroup] = {}
    for _, files in tests.rule_files:
        for name in files:
            for group in read_rules(name, read_text(name, MOST_BYTES)):
                found[name, group.name] = group
    order = {name: place for place, name in enumerate(tests.group_eval_order)}
    return sorted(found.values(), key=lambda group: order.get(group.name, 0))


def _named(test: TestCase) -> str:
    return f"name: {test.name}, " if test.name else ""


class SparingQueries(RuleQueries):
    """Does not ask what has no answer: most rules of a pack have no series in a test."""

    def __init__(self, engine: Engine, series: MemorySeries) -> None:
        super().__init__(engine)
        self._series = series
        self._nothing = Vector(LabelTable(series.symbols, {}, 0), np.empty((1, 0)))
        self._reads: dict[int, tuple[Expr, Reads]] = {}

    def vector(self, query: str | Expr, at: Millis) -> Vector:
        """Return the value of *query* at *at*."""
        if not isinstance(query, str):
            if id(query) not in self._reads:
                self._reads[id(query)] = query, Reads.of(query)
            _, reads = self._reads[id(query)]
            if reads.needs_series and not any(map(self._series.has, reads.selectors)):
                return self._nothing
        return super().vector(query, at)


class UnitTest:
    """One test while it runs: its series come as time goes on, and its rules are evaluated."""

    def __init__(self, test: TestCase, file: UnitTestFile, groups: Sequence[RuleGroup]) -> None:
        self._test, self._file = test, file
        self._series = MemorySeries()
        self._engine = Engine(self._series, interval_ms=file.evaluation_interval_ms, threads=1)
        self._rows = list(_input_rows(test, self._series))[::-1]
        factory = GroupFactory(
            engine=self._engine,
            writer=SeriesWriter(self._series),
            external_labels=test.external_labels,
            external_url=test.external_url,
            queries=lambda engine: SparingQueries(engine, self._series),
        )
        self._groups = [factory.make(group) for group in groups]

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def problems(self) -> Iterator[str]:
        """Yield what does not hold."""
        for case in self._test.alerts:
            if not case.alertname:
                at = format_duration(case.eval_time_ms)
                yield f"    {_named(self._test)}an alert_rule_test at {at} has no alertname"
                return
        step = self._file.evaluation_interval_ms
        for after in range(0, self._test.last_ms + 1, step):
            errors = self._evaluate(self._test.start_ms + after)
            if errors:
                yield from errors
                return
            for case in self._test.alerts:
                if after <= case.eval_time_ms < after + step:
                    yield from self._check_alerts(case)
        for expr in self._test.exprs:
            yield from self._check_expr(expr)

    def _evaluate(self, at: Millis) -> list[str]:
        """Let it be *at*; return which rules failed."""
        while self._rows and self._rows[-1].timestamp_ms <= at:
            self._series.append([self._rows.pop()])
        errors = []
        for group in self._groups:
            group.evaluate(at)
            errors += [
                f"    rule: {run.rule.name}, time: {format_duration(at)},"
                f" err: {run.status.last_error}"
                for run in group.runs
                if run.status.last_error
            ]
        return errors

    # --- Cases -------------------------------------------------------------------------------

    def _check_alerts(self, case: AlertCase) -> Iterator[str]:
        own = ((ALERTNAME, case.alertname),)
        expected = sorted(
            (tuple(sorted({**dict(labels), **dict(own)}.items())), annotations)
            for labels, annotations in case.expected
        )
        found = sorted(
            (alert.labels, alert.annotations)
            for group in self._groups
            for run in group.runs
            if isinstance(run, AlertingRun) and run.rule.name == case.alertname
            for alert in run.alerts.values()
            if alert.state is AlertState.FIRING
        )
        if found != expected:
            name = f"    name: {self._test.name},\n" if self._test.name else ""
            at = format_duration(case.eval_time_ms)
            yield (
                f"{name}    alertname: {case.alertname}, time: {at}, \n"
                f"        exp:{alerts_text(expected)}, \n        got:{alerts_text(found)}"
            )

    def _check_expr(self, case: ExprCase) -> Iterator[str]:
        where = f"    expr: {quote(case.expr)}, time: {format_duration(case.eval_time_ms)},"
        try:
            found = sorted(self._answer(case), key=_labels_first)
            expected = sorted(_expected(case), key=_labels_first)
        except MonitoringError as error:
            yield f"{where} err: {error}"
            return
        if not _equal(expected, found, fuzzy=self._file.fuzzy_compare):
            wanted, got = samples_text(expected), samples_text(found)
            yield f"{where}\n        exp: {wanted}\n        got: {got}"

    def _answer(self, case: ExprCase) -> list[Sample]:
        at = self._test.start_ms + case.eval_time_ms
        vector = RuleQueries(self._engine).vector(case.expr, at)
        values: list[float] = vector.values[0].tolist()
        labels = [tuple(sorted(row.items())) for row in vector.labels.rows()]
        return list(zip(labels, values, strict=True))


def _labels_first(sample: Sample) -> Labels:
    return sample[0]


def _expected(case: ExprCase) -> Iterator[Sample]:
    for sample in case.expected:
        if sample.histogram:
            raise BadData("native histograms are not supported")
        yield parse_metric(sample.labels), sample.value


def _equal(expected: Sequence[Sample], found: Sequence[Sample], *, fuzzy: bool) -> bool:
    """Compare as promtool does: exactly, NaN with nothing; *fuzzy*: but for the last bit."""
    return len(expected) == len(found) and all(
        wanted == got and (a == b or (fuzzy and b in _neighbours(a)))
        for (wanted, a), (got, b) in zip(expected, found, strict=True)
    )


def _neighbours(value: float) -> tuple[float, float]:
    return math.nextafter(value, -math.inf), math.nextafter(value, math.inf)


def _input_rows(test: TestCase, series: MemorySeries) -> Iterator[Row]:
    """Yield the samples of the input series, a row for each time, oldest first."""
    values = {parse_metric(name): parse_values(text) for name, text in test.series}
    ids = series.series_ids(list(values))
    columns = list(values.values())
    for number in range(max(map(len, columns), default=0)):
        there = [
            (one, column[number])
            for one, column in zip(ids.tolist(), columns, strict=True)
            if number < len(column) and column[number] is not None
        ]
        if there:
            at = test.start_ms + number * test.interval_ms
            row_ids, row_values = zip(*there, strict=True)
            yield Row(at, np.array(row_ids), np.array(row_values, dtype=np.float64))
