"""Where `report` gets a report from: a data folder on this machine, or the service of a Hub."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from .. import configuration
from ..activity import Activity
from ..activity.database import ActivityReader
from ..activity.local_zone import LocalZone
from ..capacity import Format, MonitoringReports, Question, Report, Source, make_report, written
from ..capacity.asking import question_of
from ..capacity.span import Terms
from ..errors import BadData, CannotStart, StoreError
from ..promql.budget import Limits
from ..promql.engine import Engine
from ..querier import EmbeddedQuerier
from ..querier.runner import QueryRunner
from ..store.database import FILE
from .data_folder import opened
from .hub_config import read_config
from .hub_request import Question as HttpQuestion
from .hub_request import Reply, get, place
from .terminal_text import harmless
from .usage_question import HOW_TO_GET_A_TOKEN, service_url

SERIES_SECONDS = 600.0
"""Whoever waits at a terminal can wait longer for the series than a page."""


def from_folder(folder: Path, words: Mapping[str, str], how: Format, config: Path | None) -> str:
    """Return the report of what is in *folder*. Raises `CannotStart`."""
    now = time.time()
    try:
        question = question_of(words, LocalZone(), _terms(config), now)
        reader = ActivityReader(folder)
        return written(asyncio.run(_report(folder, reader, question, now)), how)
    except (BadData, StoreError) as error:
        raise CannotStart(str(error)) from None


async def _report(folder: Path, reader: ActivityReader, question: Question, now: float) -> Report:
    history = Activity(reader).history
    if not (folder / FILE).is_file():
        return await make_report(question, Source(history), now)
    with opened(folder, read_only=True) as store:
        limits = Limits()
        runner = QueryRunner(limits)
        try:
            parts = SimpleNamespace(engine=Engine(store, limits), store=store, unavailable=None)
            source = Source(history, EmbeddedQuerier(runner, parts), seconds=SERIES_SECONDS)
            return await make_report(question, source, now)
        finally:
            runner.close()


def _terms(config: Path | None) -> Terms:
    if config is None:
        return {}
    app = SimpleNamespace(config=read_config(config))
    settings, problems = configuration.load(MonitoringReports, app)
    terms, wrong = settings.usable()
    if problems or wrong:
        raise CannotStart(" ".join([*problems, *wrong]))
    return terms


def from_service(
    args: argparse.Namespace, words: Mapping[str, str], how: Format, token: str
) -> str:
    """Return what the service of a Hub says. Raises `CannotStart`."""
    said = {word: text for word, text in words.items() if text}
    url = service_url(args.url, f"/report.{how.ending}", **said)
    question = HttpQuestion(url, token, args.timeout, not args.insecure, accept="*/*")
    reply = get(question)
    if reply.status == 200 and _is_report(reply, how):
        return reply.body.decode()
    raise CannotStart(_refusal(reply, place(url), token))


def _is_report(reply: Reply, how: Format) -> bool:
    """Tell a report from a page of something else that answers there."""
    if how is Format.HTML:
        return b"report-sentence" in reply.body[:8192]
    return reply.body.lstrip()[:1] != b"<"


def _refusal(reply: Reply, where: str, token: str) -> str:
    try:
        said = harmless(str(json.loads(reply.body).get("error") or ""))
    except (ValueError, AttributeError):
        said = ""
    if said:
        return f"{where} answers {reply.status}: {said}"
    if reply.status in (401, 403):
        what = "does not know the token" if token else "wants a token"
        return f"{where} {what}: {HOW_TO_GET_A_TOKEN}"
    return (
        f"{where} gives no report ({reply.status}); is --url the address of the Hub, and does the"
        " monitoring service run there?"
    )
