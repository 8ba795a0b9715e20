"""The report of a month or a term: the same figures as the command's, to read, print or take."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from tornado.web import HTTPError

from ..activity.local_zone import LocalZone
from ..capacity import By, Format, Question, Report, Source, make_report, written
from ..capacity.as_html import body
from ..capacity.as_text import period
from ..capacity.asking import WORDS, question_of
from ..capacity.sentence import sentence
from ..errors import MonitoringError
from .handler import PageHandler
from .kept import NotYet
from .leaving import Leaving
from .refusals import Refusing

NOT_KEPT = "What happens on the Hub is not kept, or cannot be read now."
ENDINGS = {how.ending: how for how in Format}


class Reporting(PageHandler):
    """What the page and its files have in common."""

    @property
    def texts(self) -> dict[str, str]:
        """What the address says."""
        return {word: self.get_query_argument(word, "") for word in WORDS}

    @property
    def question(self) -> Question:
        """What is asked for. Raises `BadData`."""
        return question_of(self.texts, LocalZone(), self.sources.terms, self.began)

    async def report(self, question: Question) -> Report:
        """Return the report. Raises `MonitoringError`."""
        activity = self.sources.context.activity
        if activity is None:
            raise HTTPError(503, NOT_KEPT)
        source = Source(activity.history, self.sources.context.querier, self.sources.hub_job)
        return await make_report(question, source, self.began)


class ReportPage(Reporting):
    """`report?month=2026-10&by=group`."""

    page = "activity"

    async def get(self) -> None:
        """Show it; while it is being made the page says so, and comes again."""
        question, report, problem, waits = self.question, None, "", False
        key = ("report", *self.texts.values())
        if self.sources.context.activity is None:
            problem = NOT_KEPT
        else:
            try:
                report = await self.sources.kept.get(key, lambda: self.report(question))
            except NotYet:
                problem, waits = "Being counted: there is much of it.", True
            except MonitoringError as error:
                problem = str(error)
        self.show(
            "report.html",
            question=question,
            name=question.span.name,
            texts=self.texts,
            terms=list(self.sources.terms),
            choices=[by.value for by in By if by.value],
            month=f"{datetime.fromtimestamp(question.span.start, question.span.tz):%Y-%m}",
            address=urlencode({word: text for word, text in self.texts.items() if text}),
            sentence=sentence(report) if report else "",
            when=period(report) if report else "",
            figures=body(report) if report else "",
            problem=problem,
            waits=waits,
        )


class ReportFile(Leaving, Refusing, Reporting):
    """`report.csv?month=2026-10`, and so on."""

    async def get(self, ending: str) -> None:
        """Answer with the report as a file."""
        how = ENDINGS[ending]
        report = await self.unless_left(self.report(self.question))
        self.set_header("Content-Type", how.content_type)
        self.set_header("Content-Disposition", f'attachment; filename="report.{ending}"')
        self.finish(written(report, how))
