"""What a panel shows is what the engine says: events counted once, the many folded into a few."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from jupyterhub_monitoring.dashboards import PANELS, Curve, Fold, Kind, Panel, Tone, Unit
from jupyterhub_monitoring.pages.panel_data import PanelData, panel_data
from jupyterhub_monitoring.pages.panel_texts import to_csv, to_json
from jupyterhub_monitoring.pages.period import Period
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.selection import Row
from support.stores import START, Clock, open_store, series

STEP = 120
BEGIN = START / 1000
EVENTS = Panel(
    "t", "T", "W.", Unit.COUNT, (Curve("sum by (why) (increase(m[$events])) * $scale", "{{why}}"),),
    Kind.BARS,
)  # fmt: skip


def plain(fold: Fold = Fold.LEAVE_OUT, kind: Kind = Kind.LINES, expr: str = "m") -> Panel:
    limit = Curve("max(limit)", "limit", Tone.LIMIT)
    return Panel("t", "T", "W.", Unit.COUNT, (Curve(expr, "{{n}}"), limit), kind, fold)


class Kept:
    """A store with samples every 15 s, and what asks it."""

    def __init__(self, folder: Path, minutes: int = 30) -> None:
        self.clock = Clock()
        self.store = open_store(folder, self.clock)
        self.times = np.arange(0, minutes * 60, 15)
        self.period = Period(BEGIN, BEGIN + minutes * 60 - 15, STEP)
        self.runner = QueryRunner(Limits())
        parts = SimpleNamespace(
            store=self.store, engine=Engine(self.store, Limits()), unavailable=None
        )
        self.querier = EmbeddedQuerier(self.runner, parts)

    def put(self, **rows: list[float] | np.ndarray) -> None:
        """Keep the series m with the label n, one for each of *rows*; of `limit` that itself."""
        names = [series("m", n=n, why=n) if n != "limit" else series("limit") for n in rows]
        ids = self.store.series_ids(names)
        for index, at in enumerate(self.times):
            self.clock.now = START + int(at) * 1000
            values = np.array([row[index] for row in rows.values()], dtype=float)
            there = ~np.isnan(values)
            self.store.append([Row(self.clock.now, ids[there], values[there])])

    async def ask(self, panel: Panel, *, fold: bool = True) -> PanelData:
        return await panel_data(self.querier, panel, self.period, {}, fold=fold)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def test_every_event_is_counted_once(kept: Kept):
    """Whenever it falls, also between two steps: the bars add up to what the counter counted."""
    dice = np.random.default_rng(3)
    happened = dice.random(len(kept.times)) < 0.1
    happened[:5] = False
    kept.put(timeout=100 + np.cumsum(happened))
    data = await kept.ask(EVENTS)
    (line,) = data.lines
    until = kept.times <= kept.times[-1] // STEP * STEP
    assert np.nansum(line.values) == happened[until].sum()
    assert np.nanmax(line.values) >= 1


async def test_a_counter_that_begins_anew_loses_nothing(kept: Kept):
    """The Hub restarts: what it counts from 0 is added."""
    counts = np.concatenate([50 + np.arange(60), np.arange(60)]).astype(float)
    kept.put(timeout=counts)
    (line,) = (await kept.ask(EVENTS)).lines
    assert np.nansum(line.values) == pytest.approx(counts[59] - 50 + counts[112], abs=1)


@pytest.mark.parametrize("fold", list(Fold))
async def test_many_lines_become_the_largest_five(kept: Kept, fold: Fold):
    """And the others together, or a number of them; the limit stays; the CSV has all."""
    kept.put(limit=np.full(120, 9.0), **{f"s{n}": np.full(120, float(n)) for n in range(9)})
    data = await kept.ask(plain(fold))
    names = [line.name for line in data.lines]
    assert names[:5] == ["s8", "s7", "s6", "s5", "s4"]
    assert names[-1] == "limit"
    if fold is Fold.SUM:
        assert names[5] == "4 others"
        assert set(data.lines[5].values.tolist()) == {0.0 + 1 + 2 + 3}
    else:
        assert data.left_out == 4
    every = await kept.ask(plain(fold), fold=False)
    assert len(every.lines) == 10


async def test_a_gap_is_a_gap(kept: Kept):
    """Where nobody looked there is nothing, in the plot, in the sum and in the CSV; never 0."""
    values = np.full(120, 5.0)
    values[40:100] = np.nan
    kept.put(limit=np.full(120, 9.0), a=values)
    data = await kept.ask(plain())
    drawn = orjson.loads(to_json(data))["lines"][0]["values"]
    assert None in drawn
    assert 0 not in drawn
    rows = list(csv.reader(io.StringIO(to_csv(data))))
    assert rows[0] == ["time", "a", "limit"]
    assert ["", "9.0"] in [row[1:] for row in rows]


async def test_a_heatmap_counts_what_is_in_each_bucket(kept: Kept):
    """Buckets of a histogram count all below them; the rows of a plot do not."""
    panel = PANELS["spawn-durations"]
    bounds = {"1.0": 1, "5.0": 3, "+Inf": 4}
    names = [series("jupyterhub_spawn_duration_seconds_bucket", le=le) for le in bounds]
    ids = kept.store.series_ids(names)
    for index, at in enumerate(kept.times):
        kept.clock.now = START + int(at) * 1000
        counted = np.array(list(bounds.values()), dtype=float) * (index >= 20)
        kept.store.append([Row(kept.clock.now, ids, counted)])
    data = await kept.ask(panel)
    assert [line.name for line in data.lines] == ["1.0", "5.0", "+Inf"]
    assert [np.nansum(line.values) for line in data.lines] == [1, 2, 1]


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\tx"])
async def test_no_name_is_a_formula(kept: Kept, name: str):
    """A user called =HYPERLINK(…) does nothing in the spreadsheet of an admin."""
    kept.put(limit=np.full(120, 9.0), **{name: np.full(120, 5.0)})
    header = next(csv.reader(io.StringIO(to_csv(await kept.ask(plain())))))
    assert header[1] == f"'{name}"
