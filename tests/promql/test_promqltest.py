"""PromQL means what Prometheus 3 means by it: its own test scripts, and ours.

Prometheus's scripts are read where they lie: `PROMQLTEST` names a folder with its
`promql/promqltest/testdata` and a `core.json`, the list of `[file, line]` that an engine for floats
must pass. Ours are in `cases/`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import STALE, Row, Selectable
from jupyterhub_monitoring.store.store import Store
from support.memory_store import MemoryStore
from support.promql_answers import engine_answers
from support.promqltest import Ask, Episode, Eval, Labels, Message, Refused, check, read

Samples = dict[Labels, dict[int, float | str]]

OURS = Path(__file__).parent / "cases"
THEIRS = Path(os.environ["PROMQLTEST"]) if os.environ.get("PROMQLTEST") else None

WITHOUT_THE_METRICS_NAME = {
    ("histograms.test", 1179),
    ("histograms.test", 1189),
    ("histograms.test", 1200),
    ("histograms.test", 1210),
    ("native_histograms.test", 1908),
    ("native_histograms.test", 1911),
}
"""Core cases whose warning ends with `for metric name "..."`, as Prometheus words it with delayed
name removal, under which its scripts run. A default server has that flag off, and so have we: the
name is gone by then (`NewBadBucketLabelWarning` gets none). All else of these cases must hold."""


ASKED_UNDER_A_FLAG = {
    ("name_label_dropping.test", 115),
    ("name_label_dropping.test", 119),
    ("name_label_dropping.test", 123),
    ("type_and_unit.test", 77),
    ("type_and_unit.test", 92),
    ("type_and_unit.test", 222),
    ("type_and_unit.test", 237),
}
"""Cases that are no core cases because only delayed name removal makes them true: a default server
answers them as we do."""


@dataclass(frozen=True)
class Case:
    """One eval, and where it stands."""

    script: Path
    episode: int
    eval: Eval

    @property
    def place(self) -> tuple[str, int]:
        return self.script.name, self.eval.line

    def __str__(self) -> str:
        return f"{self.script.stem}:{self.eval.line}"

    __hash__ = object.__hash__


@lru_cache
def episodes(script: Path) -> list[Episode]:
    return read(script)


def cases(folder: Path | None) -> Iterator[Case]:
    for script in sorted(folder.glob("*.test")) if folder else ():
        for number, episode in enumerate(episodes(script)):
            for one in episode.evals:
                yield Case(script, number, one)


SHAPES = ["together", "apart", "head", "sealed"]
DAY_MS = 86_400_000


@contextmanager
def storage(samples: Samples, shape: str, folder: Path) -> Iterator[Selectable]:
    """Keep *samples* in memory, or in a real store of ours in *folder*.

    "together": in tiles of one target, with cells that are absent; "apart": series by series, each
    with its own timestamps; "head": as just scraped; "sealed": in pages, a day later.
    """
    if shape == "together":
        yield MemoryStore.of(samples)
    elif shape == "apart":
        memory = MemoryStore.of({})
        for labels, points in samples.items():
            memory.add(MemoryStore.of({labels: points}).targets[0])
        yield memory
    else:
        newest = max((time for points in samples.values() for time in points), default=0)
        later = DAY_MS if shape == "sealed" else 0
        with closing(Store.open(folder, now_ms=lambda: newest + later)) as store:
            store.append(rows(store, samples))
            store.maintain()
            yield store


def rows(store: Store, samples: Samples) -> list[Row]:
    """Return *samples* as scrapes would bring them: those of one instant together."""
    scrapes: dict[int, list[tuple[int, float | str]]] = {}
    for series, points in zip(store.series_ids(list(samples)), samples.values(), strict=True):
        for time, value in points.items():
            scrapes.setdefault(time, []).append((int(series), value))
    return [
        Row(
            time,
            np.array([series for series, _value in scrape]),
            np.array([STALE if value == "stale" else value for _series, value in scrape]),
        )
        for time, scrape in sorted(scrapes.items())
    ]


class Asked:
    """Who answers about one episode in one shape; the one before is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._open, self._key = folder, ExitStack(), None
        self._ask: Ask | None = None

    def about(self, script: Path, episode: int, shape: str = "together") -> Ask:
        key = (script, episode, shape)
        if key != self._key or self._ask is None:
            self.close()
            folder = self._folder / f"{script.stem}-{episode}-{shape}"
            samples = episodes(script)[episode].samples
            store = self._open.enter_context(storage(samples, shape, folder))
            engine = self._open.enter_context(closing(Engine(store, threads=2)))
            self._key, self._ask = key, engine_answers(engine)
        return self._ask

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with closing(Asked(tmp_path_factory.mktemp("episodes"))) as asked:
        yield asked


def without_the_metrics_name(case: Case) -> Case:
    """Return *case* with the warning as a default server words it."""
    (wanted,) = case.eval.expects["warn"]
    text, found = re.subn(' for metric name "[^"]+"', "", wanted.text or "")
    assert found, f"{case} does not depend on the flag"
    expects = {**case.eval.expects, "warn": [Message(text)]}
    return replace(case, eval=replace(case.eval, expects=expects))


CORE = (
    {(name, line) for name, line in json.loads((THEIRS / "core.json").read_text())}
    if THEIRS
    else set()
)
ALL_THEIRS = list(cases(THEIRS))
left_out = pytest.mark.skipif(
    THEIRS is None, reason="Prometheus's scripts are left out: PROMQLTEST names no folder"
)


@left_out
def test_all_core_cases_are_found():
    """No core case is left out because the reader of the scripts passes it over."""
    assert {case.place for case in ALL_THEIRS} >= CORE


@left_out
@pytest.mark.parametrize("case", [c for c in ALL_THEIRS if c.place in CORE], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_core(asked: Asked, case: Case, shape: str):
    """Every query that needs neither native histograms nor flags is answered as by Prometheus."""
    if case.place in WITHOUT_THE_METRICS_NAME:
        case = without_the_metrics_name(case)
    check(case.eval, asked.about(case.script, case.episode, shape))


@left_out
@pytest.mark.parametrize("script", sorted({c.script for c in ALL_THEIRS}), ids=lambda s: s.stem)
def test_what_is_not_supported_is_refused(asked: Asked, script: Path):
    """Any other query on floats is an error, or is answered rightly: never with wrong numbers."""
    wrong = []
    for case in ALL_THEIRS:
        known = case.place in CORE | ASKED_UNDER_A_FLAG
        if case.script != script or known or episodes(script)[case.episode].skipped:
            continue
        ask, one = asked.about(script, case.episode), case.eval
        try:
            ask(one.query, one.start_ms, one.end_ms, one.step_ms)
            check(one, ask)
        except Refused:
            continue
        except AssertionError as error:
            wrong.append(f"{case}: {error}")
    assert wrong == []


@pytest.mark.parametrize("case", list(cases(OURS)), ids=str)
def test_ours(asked: Asked, case: Case):
    """What Prometheus's scripts leave open, on monitoring data of a Hub."""
    check(case.eval, asked.about(case.script, case.episode))
