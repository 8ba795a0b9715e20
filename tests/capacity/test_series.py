"""CPU, memory, idleness and the Hub's silence, out of a store through the Querier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jupyterhub_monitoring.activity import HubRun, Session
from jupyterhub_monitoring.capacity import By, Question, Report, Source, make_report
from jupyterhub_monitoring.capacity.series import stretches
from jupyterhub_monitoring.capacity.span import Span, month
from jupyterhub_monitoring.errors import QueryTooLarge
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier, Matrix
from jupyterhub_monitoring.querier import Span as Steps
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.store import Store
from support.activities import activity_of
from support.report_cases import BERLIN, at
from support.stores import Clock, open_store

GIB = 2.0**30
BEGIN = at("2026-10-24 12:00")
HOURS = 48  # over the night of 25 hours
SPAN = Span(at("2026-10-24 00:00"), at("2026-10-27 00:00"), "three days", BERLIN)
NOW = at("2026-10-27 06:00")


@pytest.fixture(scope="module")
def querier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedQuerier]:
    """The series of two days from noon on, a sample a minute."""
    store = open_store(tmp_path_factory.mktemp("series"), Clock(round(NOW * 1000)))
    write(store)
    runner, limits = QueryRunner(Limits()), Limits()
    parts = SimpleNamespace(engine=Engine(store, limits), store=store, unavailable=None)
    yield EmbeddedQuerier(runner, parts)
    runner.close()
    store.close()


def write(store: Store) -> None:
    """Ann uses half a core and 2 GiB, Bob a tenth and 1 GiB; Bob is idle; an hour has no answer."""
    times = BEGIN + 60.0 * np.arange(HOURS * 60)
    seconds = times - BEGIN
    nan = np.full(len(times), np.nan)
    silent = (seconds >= 3600) & (seconds < 7200)
    rows = [({"__name__": "up", "job": "jupyterhub"}, np.where(silent, 0.0, 1.0))]
    for name, cores, gib, active in (("ann", 0.5, 2.0, times), ("bob", 0.1, 1.0, nan)):
        who = {"username": name, "server_name": ""}
        for metric, values in (
            ("server_cpu_seconds_total", cores * seconds),
            ("server_memory_bytes", np.full(len(times), gib * GIB)),
            (
                "server_last_activity_timestamp_seconds",
                np.full(len(times), BEGIN - 7200) if name == "bob" else active,
            ),
        ):
            rows.append(({"__name__": f"jupyterhub_{metric}", "job": "m", **who}, values))
    rows.append(
        (
            {
                "__name__": "jupyterhub_user_group_info", "job": "m", "username": "ann",
                "group": "course",
            },
            np.ones(len(times)),
        )
    )  # fmt: skip
    ids = store.series_ids([tuple(sorted(labels.items())) for labels, _ in rows])
    table = np.vstack([values for _, values in rows])
    for moment, column in zip(times, table.T, strict=True):
        store.append([Row(round(moment * 1000), ids, column.copy())])


def sessions() -> list[Session]:
    end = BEGIN + HOURS * 3600
    return [
        Session("ann", "", BEGIN, end, "user", "large"),
        Session("bob", "", BEGIN, end, "user", "small"),
    ]


def made(folder: Path, querier: EmbeddedQuerier | None, by: By, *more: HubRun) -> Report:
    history = activity_of(folder, *sessions(), *more).history
    question = Question(SPAN, by, every=True)
    return asyncio.run(make_report(question, Source(history, querier), NOW))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.NOTHING, {}),
        (By.USER, {"ann": (24.0, 96.0, 0.0), "bob": (4.8, 48.0, 48.0)}),
        (By.GROUP, {"course": (24.0, 96.0, 0.0), "(no group)": (4.8, 48.0, 48.0)}),
        (By.PROFILE, {"large": (24.0, 96.0, 0.0), "small": (4.8, 48.0, 48.0)}),
        (
            By.DAY,
            {
                "2026-10-24": (7.2, 36.0, 12.0),
                "2026-10-25": (15.0, 75.0, 25.0),
                "2026-10-26": (6.6, 33.0, 11.0),
            },
        ),
    ],
    ids=lambda value: value.value or "all" if isinstance(value, By) else "",
)
def test_use(
    tmp_path: Path, querier: EmbeddedQuerier, by: By, expected: dict[str, tuple[float, ...]]
):
    """Core-hours, GiB-hours and idle hours are what was used, to a hundredth."""
    report = made(tmp_path, querier, by)
    total = report.total
    assert total.cpu_hours == pytest.approx(28.8, rel=0.01)
    assert total.memory_gib_hours == pytest.approx(144, rel=0.01)
    assert total.idle_hours == pytest.approx(48, rel=0.01)
    assert {row.name for row in report.rows} == set(expected)
    for row in report.rows:
        found = row.figures
        use = (found.cpu_hours, found.memory_gib_hours, found.idle_hours)
        assert use == pytest.approx(expected[row.name], rel=0.015, abs=0.15)


def test_scrapes_without_an_answer(tmp_path: Path, querier: EmbeddedQuerier):
    """An hour in which the Hub did not answer is an hour in which it was not there."""
    run = HubRun(at("2026-10-01 00:00"), None, "5", "1", "")
    report = made(tmp_path, querier, By.NOTHING, run)
    ended = BEGIN + HOURS * 3600
    gone = SPAN.end - ended  # nobody has seen it since
    assert report.availability.down_seconds == pytest.approx(3600 + gone, abs=400)


def test_without_series(tmp_path: Path):
    """What series would tell is unknown, and said; the rest is there."""
    report = made(tmp_path, None, By.USER)
    assert report.total.hours == 2 * HOURS
    assert report.total.cpu_hours is None
    assert [row.figures.cpu_hours for row in report.rows] == [None, None]
    assert any("not known" in note for note in report.notes)


class Narrow:
    """An engine that takes no question about more than *most* days, and says how many it got."""

    def __init__(self, querier: EmbeddedQuerier, most: int) -> None:
        self._querier, self._most, self.asked = querier, most, 0
        self.instant = querier.instant

    async def range(self, expr: str, span: Steps) -> Matrix:
        self.asked += 1
        if span.points > self._most:
            raise QueryTooLarge("samples", 1, 2)
        return await self._querier.range(expr, span)


def test_an_engine_with_narrow_limits(tmp_path: Path, querier: EmbeddedQuerier):
    """What it refuses is asked in parts; where a day is too much, it is not known."""
    rest = made(tmp_path, Narrow(querier, 1), By.NOTHING)  # type: ignore[arg-type]
    assert rest.total.cpu_hours == pytest.approx(28.8, rel=0.01)
    (tmp_path / "activity.sqlite").unlink()
    none = made(tmp_path, Narrow(querier, 0), By.NOTHING)  # type: ignore[arg-type]
    assert none.total.cpu_hours is None
    assert none.notes


def test_a_slow_engine(tmp_path: Path, querier: EmbeddedQuerier):
    """A report does not wait for ever: it comes without what was too slow."""

    class Slow(Narrow):
        async def range(self, expr: str, span: Steps) -> Matrix:
            await asyncio.sleep(60)
            return await super().range(expr, span)

    history = activity_of(tmp_path, *sessions()).history
    source = Source(history, Slow(querier, 7), seconds=0.05)  # type: ignore[arg-type]
    report = asyncio.run(make_report(Question(SPAN), source, NOW))
    assert report.total.hours == 2 * HOURS
    assert any("within 0.05 s" in note for note in report.notes)


def test_days_that_are_asked_together():
    """They are as long as each other and at most a week; a day of 25 hours is alone."""
    pieces = month("2026-10", BERLIN).days()
    assert stretches(pieces) == [(0, 6), (7, 13), (14, 20), (21, 23), (24, 24), (25, 30)]
