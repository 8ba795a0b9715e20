"""The rules in force: files that come, change, break and go, while alerts go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.alerting.rules.rule_book import RuleBook
from jupyterhub_monitoring.metrics import alerting_catalogue as m
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.store import Store
from support.rules_rig import Sink

PATIENCE = 60.0
"""Seconds that a busy machine gets for what takes milliseconds."""

ALERT = """
groups:
  - name: {name}
    interval: 50ms
    rules:
      - alert: {alert}
        expr: {expr}
"""
BROKEN = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: 'sum('\n"


def rules(name: str = "g", alert: str = "A", expr: str = "vector(1)") -> str:
    return ALERT.format(name=name, alert=alert, expr=expr)


class Rules:
    """A folder with rule files, a store, and somebody to tell."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sink = folder, Sink()
        self.store = Store.open(folder / "store")
        self.engine = Engine(self.store, threads=1)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    @asynccontextmanager
    async def book(self, *files: str, **arguments: Any) -> AsyncIterator[RuleBook]:
        """A book of these files, from start to stop; it looks at them when it is asked to."""
        paths = [str(self.folder / name) for name in files]
        arguments = {"poll_seconds": 3600.0, "files": paths, **arguments}
        book = RuleBook(self.store, self.engine, self.sink, **arguments)
        await book.start()
        try:
            yield book
        finally:
            await book.stop()

    def bits(self, query: str) -> list[int]:
        """The values that *query* gives now, as bits."""
        found = self.engine.instant(query, round(time.time() * 1000)).value
        rows = [series.values for series in found] if isinstance(found, list) else [found.values[0]]
        return [int(bit) for row in rows for bit in row.view(np.int64)]

    def close(self) -> None:
        self.engine.close()
        self.store.close()


@pytest.fixture
def on_disk(tmp_path: Path):
    made = Rules(tmp_path)
    yield made
    made.close()


async def until(condition: Callable[[], object]) -> None:
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def names(book: RuleBook) -> list[str]:
    return [rule.rule.name for group in book.snapshot() for rule in group.rules]


def firing(book: RuleBook) -> list[str]:
    found = [rule for group in book.snapshot() for rule in group.rules]
    return [rule.rule.name for rule in found if rule.status.state == "firing"]


async def test_rules_of_files_and_of_texts_are_evaluated(on_disk: Rules):
    """Those that come with us, and the operator's own."""
    on_disk.write("own.yaml", rules("own", "Own"))
    async with on_disk.book("own.yaml", texts={"pack": rules("pack", "Pack")}) as book:
        await until(lambda: sorted(firing(book)) == ["Own", "Pack"])
        await until(lambda: {alert.name for alert in on_disk.sink.told} == {"Own", "Pack"})
        assert book.problems == ()
        assert m.RULES_RELOAD_OK._value.get() == 1
        assert m.RULES_LOADED.labels("alerting")._value.get() == 2
        await until(lambda: m.ALERTS.labels("firing")._value.get() == 2)
        files = {group.group.file for group in book.snapshot()}
        assert files == {"pack", str(on_disk.folder / "own.yaml")}


async def test_a_broken_file_leaves_all_rules_as_they_are(on_disk: Rules):
    """Also those of other files; it is said which line is wrong; mended, all is in force."""
    on_disk.write("a.yaml", rules("a", "A"))
    on_disk.write("b.yaml", rules("b", "B"))
    async with on_disk.book("*.yaml") as book:
        await until(lambda: firing(book) == ["A", "B"])
        on_disk.write("a.yaml", rules("a", "A2"))
        on_disk.write("b.yaml", BROKEN)
        await book.reload()
        assert names(book) == ["A", "B"]
        (problem,) = book.problems
        assert problem.startswith(f"{on_disk.folder / 'b.yaml'}:5: ")
        assert m.RULES_RELOAD_OK._value.get() == 0
        told = len(book.snapshot()[0].rules[0].status.alerts)
        assert told == 1
        on_disk.write("b.yaml", rules("b", "B2"))
        await book.reload()
        assert names(book) == ["A2", "B2"]
        assert book.problems == ()
        assert m.RULES_RELOAD_OK._value.get() == 1


async def test_at_the_start_the_other_files_are_in_force(on_disk: Rules):
    """A slip in the operator's file must not silence the rules that come with us."""
    on_disk.write("own.yaml", BROKEN)
    async with on_disk.book("own.yaml", texts={"pack": rules("pack", "Pack")}) as book:
        assert names(book) == ["Pack"]
        assert "own.yaml:5" in book.problems[0]


@pytest.mark.parametrize("pattern", ["missing.yaml", "folder"], ids=["missing", "a folder"])
async def test_a_file_that_cannot_be_read_is_a_problem(on_disk: Rules, pattern: str):
    """It is named, so it should be there."""
    (on_disk.folder / "folder").mkdir()
    async with on_disk.book(pattern, "nothing/*.yaml") as book:
        (problem,) = book.problems
        assert pattern in problem


async def test_a_file_that_is_gone_for_a_moment_takes_no_rule_away(on_disk: Rules):
    """Editors write another file and rename it."""
    on_disk.write("own.yaml", rules())
    async with on_disk.book("own.yaml") as book:
        await until(lambda: firing(book) == ["A"])
        (on_disk.folder / "own.yaml").unlink()
        await book.reload()
        assert names(book) == ["A"]
        assert "No such file" in book.problems[0]
        on_disk.write("own.yaml", rules())
        await book.reload()
        assert book.problems == ()


async def test_groups_that_did_not_change_go_on_as_they_are(on_disk: Rules):
    """With their alerts, their beginning and their rhythm."""
    on_disk.write("a.yaml", rules("a", "A"))
    async with on_disk.book("*.yaml") as book:
        await until(lambda: firing(book) == ["A"])
        loop = next(iter(book._loops.values()))
        on_disk.write("b.yaml", rules("b", "B"))
        await book.reload()
        assert loop in book._loops.values()
        await until(lambda: firing(book) == ["A", "B"])


async def test_a_rule_that_changed_keeps_its_alerts(on_disk: Rules):
    """Another expression or annotation is no new beginning."""
    on_disk.write("a.yaml", rules(expr="vector(1)"))
    async with on_disk.book("a.yaml") as book:
        await until(lambda: firing(book) == ["A"])

        def active_at() -> int:
            (alert,) = book.snapshot()[0].rules[0].status.alerts.values()
            return alert.active_at

        before = active_at()
        on_disk.write("a.yaml", "# moved a line down\n" + rules(expr="vector(2)"))
        await book.reload()

        def value() -> float:
            (alert,) = book.snapshot()[0].rules[0].status.alerts.values()
            return alert.value

        await until(lambda: value() == 2)
        assert active_at() == before


async def test_the_series_of_a_group_that_is_gone_end(on_disk: Rules):
    """Nobody sees the last value of a rule that is no more for another five minutes."""
    record = "groups:\n- name: a\n  interval: 50ms\n  rules:\n  - {record: r, expr: vector(1)}\n"
    on_disk.write("a.yaml", record)
    async with on_disk.book("a.yaml") as book:
        await until(lambda: on_disk.bits("r[5m]"))
        on_disk.write("a.yaml", "groups: []")
        await book.reload()
        assert book.snapshot() == []
        await until(lambda: on_disk.bits("r[5m]") and not on_disk.bits("r"))


async def test_files_are_looked_at_by_themselves(on_disk: Rules):
    """Nobody has to ask for a reload."""
    on_disk.write("a.yaml", rules("a", "A"))
    async with on_disk.book("a.yaml", poll_seconds=0.02) as book:
        on_disk.write("a.yaml", rules("a", "Changed"))
        await until(lambda: names(book) == ["Changed"])
        on_disk.write("a.yaml", BROKEN)
        await until(lambda: book.problems)
        assert names(book) == ["Changed"]


async def test_many_reloads_at_once(on_disk: Rules):
    """One after the other: no group is evaluated by two loops."""
    on_disk.write("a.yaml", rules("a", "A"))
    async with on_disk.book("a.yaml") as book:
        for number in range(5):
            on_disk.write("a.yaml", rules("a", f"A{number}"))
            first, second = book.reload(), book.reload()
            await first
            await second
        assert names(book) == ["A4"]
        assert len(book._loops) == 1


async def test_a_restart_in_the_middle(on_disk: Rules):
    """An alert that fires fires again at once, with its old beginning; nobody is told it ended."""
    text = rules().replace("expr: vector(1)", "expr: vector(1)\n        for: 200ms")
    on_disk.write("a.yaml", text)
    async with on_disk.book("a.yaml") as book:
        await until(lambda: firing(book) == ["A"])
        (before,) = book.snapshot()[0].rules[0].status.alerts.values()
    on_disk.sink.puts.clear()
    async with on_disk.book("a.yaml") as book:
        await until(lambda: book.snapshot()[0].evaluated_at)
        assert firing(book) == ["A"]
        (after,) = book.snapshot()[0].rules[0].status.alerts.values()
    assert after.active_at // 1000 == before.active_at // 1000
    assert len(on_disk.sink.told) == 1
    assert not on_disk.sink.told[0].resolved(on_disk.sink.puts[0][0])


async def test_a_stopped_book_does_nothing_more(on_disk: Rules):
    """The store can be closed after it."""
    on_disk.write("a.yaml", rules())
    async with on_disk.book("a.yaml") as book:
        await until(lambda: firing(book) == ["A"])
    rows = [Row(1, on_disk.store.series_ids([(("__name__", "x"),)]), np.array([1.0]))]
    on_disk.store.append(rows)
    at = book.snapshot()[0].evaluated_at
    await asyncio.sleep(0.2)
    assert book.snapshot()[0].evaluated_at == at


async def test_what_rules_write_keeps_apart_from_what_is_scraped(on_disk: Rules):
    """Series of the same job and instance at other times would make a row of 20,000 gaps each."""
    scraped = on_disk.store.series_ids([(("__name__", "up"), ("instance", "i"), ("job", "j"))])
    on_disk.store.append([Row(round(time.time() * 1000), scraped, np.array([1.0]))])
    record = "groups:\n- name: g\n  interval: 50ms\n  rules:\n  - {record: r, expr: up}\n"
    on_disk.write("a.yaml", record)
    async with on_disk.book("a.yaml") as book:
        await until(lambda: book.snapshot()[0].evaluated_at)
    recorded = on_disk.store.series_ids([(("__name__", "r"), ("instance", "i"), ("job", "j"))])
    streams = on_disk.store._catalog.slots.stream_of
    assert streams[scraped >> 6] != streams[recorded >> 6]
