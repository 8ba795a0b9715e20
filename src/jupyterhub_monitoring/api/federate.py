"""`/federate`: the newest sample of each series that matches, for another Prometheus to scrape."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

import numpy as np
from prometheus_client.utils import floatToGoString

from ..promql.budget import Budget
from ..querier.counted import counted
from ..store.matcher import Matcher
from ..store.selection import ABSENT_BITS, STALE_BITS, Selectable, Selection, Tile
from .body import Body
from .encoding import utf8
from .handler import ApiHandler
from .parameters import parse_any_selectors

LOOKBACK_MS = 300_000

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_WITH_ANY_NAME = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"

LINES_PER_PIECE = 256

Sample = tuple[dict[str, str], float, int]
"""Labels with `__name__`, value, and milliseconds since 1970."""


class Federate(ApiHandler):
    """Answers in the text format, version 0.0.4, with timestamps; errors are plain text."""

    endpoint = "/federate"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with the series of each `match[]`, by name; without one, with nothing."""
        any_name = "escaping=allow-utf-8" in self.request.headers.get("Accept", "")
        self.set_header("Content-Type", TEXT_WITH_ANY_NAME if any_name else TEXT)
        with counted():
            texts = self.parameters.all("match[]")
            runner, store = self.context.queries, self.context.store
            budget = Budget(runner.limits)
            self._on_close = lambda: runner.cancel(budget)
            now_ms = int(time.time() * 1000)

            def written() -> tuple[Body, bytes]:
                sets = parse_any_selectors(texts)
                samples = newest_of_all(store, sets, now_ms, budget)
                body = Body(exposition(samples, any_name), self.accepts_gzip, budget.check)
                return body, body.block()

            async with runner.slot(budget):
                body, block = await runner.in_thread(written)
                await self.send(body, block, lambda: budget.remaining_seconds)

    def fail(self, status: int, kind: str, text: str) -> None:  # noqa: ARG002 -- no JSON here
        """Answer with the error's text."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(utf8(f"{text}\n"))


# --- The newest samples ------------------------------------------------------------------------


def newest_of_all(
    store: Selectable, sets: Sequence[tuple[Matcher, ...]], now_ms: int, budget: Budget
) -> list[Sample]:
    """Return the newest sample of each series that any of *sets* selects, sorted by labels."""
    found: dict[tuple[tuple[str, str], ...], Sample] = {}
    for matchers in sets:
        selection = store.select(matchers, now_ms - LOOKBACK_MS, now_ms)
        for tile in selection.tiles:
            budget.check()
            budget.read(len(tile.timestamps) * len(tile.positions))
            for sample in newest(selection, tile):
                found[tuple(sample[0].items())] = sample
    return [found[labels] for labels in sorted(found)]


def newest(selection: Selection, tile: Tile) -> Iterator[Sample]:
    """Give the newest sample of each series of *tile* that has one and has not ended."""
    if not len(tile.timestamps):
        return
    values = tile.rows(slice(None))
    present = values.view(np.int64) != ABSENT_BITS
    rows = len(present) - 1 - np.argmax(present[::-1], axis=0)
    columns = np.arange(values.shape[1])
    shown = present[rows, columns] & (values[rows, columns].view(np.int64) != STALE_BITS)
    labels = selection.labels.take(tile.positions[shown]).rows()
    newest_values = values[rows, columns][shown].tolist()
    times = tile.timestamps[rows[shown]].tolist()
    yield from zip(labels, newest_values, times, strict=True)


# --- The text ----------------------------------------------------------------------------------


def exposition(samples: Sequence[Sample], any_name: bool) -> Iterator[bytes]:
    """Write *samples*, which stand sorted by name, as `untyped` metrics.

    Names beyond the old alphabet are quoted if *any_name*, else written with underscores.
    """
    last, lines = "", list[str]()
    for labels, value, at in samples:
        name = labels.get("__name__", "")
        if not name:
            continue  # which the format cannot say, and Prometheus leaves out
        if name != last:
            shown = _name(name, any_name)
            lines.append(f"# TYPE {shown} untyped\n")
            last = name
        lines.append(_line(labels, value, at, any_name))
        if len(lines) >= LINES_PER_PIECE:
            yield utf8("".join(lines))
            lines.clear()
    yield utf8("".join(lines))


def _line(labels: dict[str, str], value: float, at: int, any_name: bool) -> str:
    pairs = [
        f'{_label(name, any_name)}="{_escaped(text)}"'
        for name, text in labels.items()
        if name != "__name__"
    ]
    if "instance" not in labels:
        pairs.append('instance=""')  # so that who scrapes us does not add ours
    name = _name(labels["__name__"], any_name)
    number = floatToGoString(value)  # type: ignore[no-untyped-call]
    if name.startswith('"'):
        return f"{{{','.join([name, *pairs])}}} {number} {at}\n"
    return f"{name}{{{','.join(pairs)}}} {number} {at}\n"


_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def _name(name: str, any_name: bool) -> str:
    return name if _NAME.fullmatch(name) else _other(name, r"[^a-zA-Z0-9_:]", any_name)


def _label(name: str, any_name: bool) -> str:
    return name if _LABEL.fullmatch(name) else _other(name, r"[^a-zA-Z0-9_]", any_name)


def _other(name: str, unfit: str, any_name: bool) -> str:
    """Return a name beyond the old alphabet as it can be written."""
    if any_name:
        return f'"{_escaped(name)}"'
    plain = re.sub(unfit, "_", name)
    return f"_{plain[1:]}" if plain[0].isdigit() else plain


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
