"""Names, labels and metadata: what there is to be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from ..errors import BadData
from .handler import GET_AND_POST, Answer, ApiHandler
from .parameters import TRUNCATED, invalid, parse_selectors, quoted

Metadata = tuple[str, str, str]
"""Type, help and unit of a metric family."""

T = TypeVar("T")


class LabelNames(ApiHandler):
    """`/api/v1/labels`: the label names of the series that match."""

    SUPPORTED_METHODS = GET_AND_POST
    endpoint = "/api/v1/labels"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with sorted names."""
        limit, (start, end) = self.parameters.limit(), self.parameters.range_ms()
        texts, store = self.parameters.all("match[]"), self.context.store

        def work() -> Answer:
            return cut(store.label_names(parse_selectors(texts), start, end), limit)

        await self.look_up(work)


class LabelValues(ApiHandler):
    """`/api/v1/label/NAME/values`; a name in another alphabet may be written as `U__…`."""

    endpoint = "/api/v1/label/:name/values"
    asks_store = True

    async def answer(self, *args: str) -> None:
        """Answer with sorted values."""
        name = unescape_name(args[0])
        if not name:
            raise BadData(f"invalid label name: {quoted(name)}")
        limit, (start, end) = self.parameters.limit(), self.parameters.range_ms()
        texts, store = self.parameters.all("match[]"), self.context.store

        def work() -> Answer:
            return cut(store.label_values(name, parse_selectors(texts), start, end), limit)

        await self.look_up(work)


class Series(ApiHandler):
    """`/api/v1/series`: the label sets of the series that match any `match[]`."""

    SUPPORTED_METHODS = GET_AND_POST
    endpoint = "/api/v1/series"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with label sets."""
        texts = self.parameters.all("match[]")
        if not texts:
            raise BadData("no match[] parameter provided")
        limit, (start, end) = self.parameters.limit(), self.parameters.range_ms()
        store = self.context.store

        def work() -> Answer:
            try:
                sets = parse_selectors(texts)
            except BadData as error:
                raise invalid("match[]", error) from None
            return cut(store.series(sets, start, end), limit)

        await self.look_up(work)


class MetricMetadata(ApiHandler):
    """`/api/v1/metadata`: type, help and unit of metric families."""

    endpoint = "/api/v1/metadata"
    asks_store = True

    async def answer(self, *_args: str) -> None:
        """Answer with lists by family: targets may disagree."""
        limit = self.parameters.count("limit")
        per_metric = self.parameters.count("limit_per_metric")
        metric, store = self.parameters.text("metric"), self.context.store
        scraper = self.context.scraper
        targets = [] if scraper is None else [state.metadata for state in scraper.targets()]

        def work() -> Answer:
            families = merged([store.metadata(), *targets], metric)
            names = sorted(families)[: limit if limit is not None and limit >= 0 else None]
            most = per_metric if per_metric is not None and per_metric > 0 else None
            return {name: _described(families[name])[:most] for name in names}, ()

        await self.look_up(work)


# --- Parts of the answers ----------------------------------------------------------------------


def cut(found: list[T], limit: int) -> Answer:
    """Return the first *limit* of what was *found*, all where it is 0, and say so."""
    if 0 < limit < len(found):
        return found[:limit], (TRUNCATED,)
    return found, ()


def merged(sources: Iterable[Mapping[str, Metadata]], metric: str) -> dict[str, list[Metadata]]:
    """Return what *sources* say of each family, each thing once; of one family if *metric*."""
    families: dict[str, dict[Metadata, None]] = {}
    for source in sources:
        names = ([metric] if metric in source else []) if metric else list(source)
        for name in names:
            families.setdefault(name, {})[source[name]] = None
    return {name: list(said) for name, said in families.items()}


def _described(said: list[Metadata]) -> list[dict[str, str]]:
    return [{"type": kind, "help": text, "unit": unit} for kind, text, unit in said]


_ESCAPE = re.compile(r"_(?:(_)|([0-9A-Fa-f]{0,5})_|)")


def unescape_name(name: str) -> str:
    """Return the name that *name* stands for: `U__caf_e9_` is `café`, `U__a__b` is `a_b`.

    What is not escaped in this way is its own name.
    """
    if not name.startswith("U__"):
        return name
    try:
        return _ESCAPE.sub(_unescape, name.removeprefix("U__"))
    except ValueError:
        return name


def _unescape(found: re.Match[str]) -> str:
    underscore, code = found.groups()
    if underscore:
        return "_"
    if code is None:
        raise ValueError("an underscore that begins nothing")
    number = int(code or "0", 16)
    if 0xD800 <= number <= 0xDFFF:
        raise ValueError("half a character")
    return chr(number)
