"""The rules: all of them, one by one with its plot, and the numbers of that plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tornado.web import HTTPError

from ...dashboards import Panel, Tone, Unit
from ...errors import MonitoringError
from ...promql.printer import format_query
from ...querier import Matrix, Querier, Span
from ..answer import Mood
from ..explore.series_names import short_names
from ..handler import PageHandler
from ..panel_data import Line, PanelData, folded
from ..panel_texts import to_csv, to_json
from ..panel_view import PanelView
from ..period import Period
from ..refusals import Refusing
from .alert_rows import AlertRow
from .episodes import Past, past
from .rule_rows import RuleRow, rule_rows, rule_table, rules_called
from .threshold import Watched, watched

MAX_SEARCH = 200
MOST = 5
"""Rules of the same name on one page."""

ALERTS = 50
EMPTY = "It gave no value in this time: there was nothing that it could compare."
DRAWN = Panel("rule", "What it watches", "", Unit.NUMBER, (), empty=EMPTY)


class RulesPage(PageHandler):
    """`rules?q=spawn firing`: all rules by group."""

    page = "alerts"

    async def get(self) -> None:
        """Show those that fit."""
        rows = _rows(self)
        search = self.get_query_argument("q", "")[:MAX_SEARCH]
        self.show(
            "rules.html",
            table=rule_table(rows, search),
            search=search,
            broken=[row for row in rows if row.broken],
            firing=sum(row.firing > 0 and not row.watchdog for row in rows),
            known=self.sources.context.rules is not None,
        )


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with its plot and its alerts, of which *left_out* are not shown."""

    row: RuleRow
    expression: str
    panel: PanelView
    alerts: Sequence[AlertRow]
    left_out: int


class RulePage(PageHandler):
    """`rule?group=g&name=n&range=6h`."""

    page = "alerts"
    default_range = "24h"

    async def get(self) -> None:
        """Show the rules of that name. HTTPError 404 where there is none."""
        group, name = self.get_query_argument("group", ""), self.get_query_argument("name", "")
        found = rules_called(_rows(self), group, name)
        if not found:
            raise HTTPError(404, f"No rule {name!r} of group {group!r} is in force.")
        period = self.period
        history, problem = await self._past(found[0])
        self.show(
            "rule.html",
            period=period,
            name=name,
            group=group,
            mood=_mood(found),
            views=[self._view(row, number, period) for number, row in enumerate(found[:MOST])],
            left_out=len(found[MOST:]),
            past=history,
            problem=problem,
        )

    def _view(self, row: RuleRow, number: int, period: Period) -> RuleView:
        rule = row.snapshot.rule
        alerts = self.sources.alerts.rows(self.sources.context)
        labels = row.snapshot.status.alerts
        own = [a for a in alerts if a.group == row.group and a.labels in labels]
        frame = _frame(row, number, watched(rule.expr), period)
        return RuleView(row, format_query(rule.expr), frame, own[:ALERTS], len(own[ALERTS:]))

    async def _past(self, row: RuleRow) -> tuple[Past | None, str]:
        context = self.sources.context
        if not row.alerting:
            return None, ""
        try:
            return await self.sources.kept.get(
                ("past", self.period.query, row.name),
                lambda: past(context.querier, self.period, self.began, row.name),
            ), ""
        except MonitoringError as error:
            return None, str(error)


class RuleDataHandler(Refusing, PageHandler):
    """`rule/data?group=g&name=n&number=0`, the same JSON as a panel's, and `rule/data.csv`."""

    async def get(self, suffix: str) -> None:
        """Answer with what the rule watches, and its threshold."""
        group, name = self.get_query_argument("group", ""), self.get_query_argument("name", "")
        number = self.get_query_argument("number", "0")
        found = rules_called(_rows(self), group, name)[:MOST]
        if number not in map(str, range(len(found))):
            raise HTTPError(404, f"no rule {name!r} of group {group!r} is in force")
        row = found[int(number)]
        asked = watched(row.snapshot.rule.expr)
        data = await rule_data(self.sources.context.querier, row, asked, self.period)
        if suffix:
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", 'attachment; filename="rule.csv"')
            self.finish(to_csv(data))
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(to_json(folded(data)))


async def rule_data(querier: Querier, row: RuleRow, asked: Watched, period: Period) -> PanelData:
    """Return the lines of a rule's plot. Raises what the querier raises."""
    span = Span(period.start, period.end, period.step)
    answer = await querier.range(asked.query, span)
    lines = _lines(answer, row.name)
    if asked.threshold:
        limit = await querier.range(asked.threshold, span)
        lines += [Line("threshold", line.values, Tone.LIMIT) for line in limit.lines]
    return PanelData(DRAWN, answer.times, tuple(lines), _queries(asked), 0, answer.warnings)


def _lines(answer: Matrix, name: str) -> list[Line]:
    names = short_names([line.labels for line in answer.lines])
    return [
        Line(name if called == "{}" else called, line.values)
        for called, line in zip(names, answer.lines, strict=True)
    ]


def _rows(handler: PageHandler) -> list[RuleRow]:
    rules = handler.sources.context.rules
    return rule_rows(rules.snapshot() if rules else ())


def _mood(rows: Sequence[RuleRow]) -> Mood:
    firing = [row for row in rows if row.firing and not row.watchdog]
    if firing:
        critical = any(row.severity == "critical" for row in firing)
        return Mood.FAIL if critical else Mood.WARN
    if any(row.broken for row in rows):
        return Mood.WARN
    return Mood.UNKNOWN if any(row.at is None for row in rows) else Mood.WELL


def _frame(row: RuleRow, number: int, asked: Watched, period: Period) -> PanelView:
    queries = _queries(asked)
    why = "The dashed line is the threshold." if asked.threshold else "The expression as it is."
    if asked.more:
        why += " Other conditions of the expression have to hold, too."
    panel = Panel(f"rule-{number}", "What it watches", why, Unit.NUMBER, ())
    where = urlencode({"group": row.group, "name": row.name, "number": number})
    where = f"{where}&{period.query}"
    explore = f"explore?{urlencode([('expr', query) for query in queries])}&{period.query}"
    return PanelView(panel, f"rule/data?{where}", f"rule/data.csv?{where}", explore, queries)


def _queries(asked: Watched) -> tuple[str, ...]:
    return tuple(query for query in (asked.query, asked.threshold) if query)
