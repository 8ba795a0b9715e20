"""Sessions, starts and lives of a Hub in a few words, and the report of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from jupyterhub_monitoring.activity import HubRun, Session, Spawn
from jupyterhub_monitoring.capacity import By, Question, Report
from jupyterhub_monitoring.capacity.availability import Life
from jupyterhub_monitoring.capacity.making import Found, report_of
from jupyterhub_monitoring.capacity.series import Series
from jupyterhub_monitoring.capacity.sessions import Sessions
from jupyterhub_monitoring.capacity.span import Span
from jupyterhub_monitoring.capacity.spawns import Spawns

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, tz: ZoneInfo = BERLIN) -> float:
    """Return Unix seconds of "2026-10-25 02:30"; a fold is written as "02:30'"."""
    moment = datetime.fromisoformat(text.rstrip("'"))
    return moment.replace(tzinfo=tz, fold=text.endswith("'")).timestamp()


def session(line: str, tz: ZoneInfo = BERLIN) -> Session:
    """Return that of "ann/gpu@large: 2026-10-01 09:00 - 2026-10-01 10:00"; no end is running."""
    who, _, when = line.partition(": ")
    name, _, profile = who.partition("@")
    user, _, server = name.partition("/")
    begin, _, end = when.partition(" - ")
    return Session(
        user, server, at(begin, tz), at(end, tz) if end else None, "user" if end else "", profile
    )


def spawn(line: str) -> Spawn:
    """Return that of "ann@large: 2026-10-01 09:00 success 4.5"."""
    who, _, rest = line.partition(": ")
    user, _, profile = who.partition("@")
    *when, outcome, waited = rest.split()
    return Spawn(
        at(" ".join(when)), user, "", outcome,
        waited_seconds=None if waited == "-" else float(waited), profile=profile,
    )  # fmt: skip


def run(begin: str, stopped: str = "", last: str = "") -> HubRun:
    """Return a life of the Hub."""
    return HubRun(
        at(begin), at(stopped) if stopped else None, "5.2", "0.1", "", at(last) if last else None
    )


def report(
    span: Span,
    now: float,
    sessions: Iterable[str] = (),
    *,
    spawns: Iterable[str] = (),
    runs: Sequence[HubRun] = (),
    by: By = By.NOTHING,
    every: bool = False,
    series: Series | None = None,
    newcomers: Iterable[str] | None = (),
    seen: str = "2026-10-05 09:00",
    since: float | None = 0.0,
) -> Report:
    """Return the report of all this; *newcomers* were first *seen* then."""
    found = Found(
        Sessions.of(map(session, sessions), now),
        Spawns.of(map(spawn, spawns)),
        runs,
        None if newcomers is None else dict.fromkeys(newcomers, at(seen)),
        since,
    )
    lives = [Life(each) for each in runs]
    return report_of(Question(span, by, every), found, series or Series(), lives, now)
