"""Import from a Prometheus (or anything with its HTTP API): two hours of a metric at a time.

Asked are range selectors, which give the samples as they are. Staleness markers are not among
them: in what is imported so, a series that ended is looked at for five minutes longer.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CannotStart
from ..scrape.numbers import parse_values
from .importer import BATCH, Progress
from .spill import BLOCK_MS, RECORD, Records, Spill, Waiting

TRIES = 6  # with 1, 2, 4 ... seconds between them
TIMEOUT_SECONDS = 120.0


class _TooMuchError(Exception):
    """The answer would be over the other side's limit."""


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """What is asked of whom. *matchers* is the inside of a selector's braces, or empty."""

    url: str
    start_ms: int
    end_ms: int
    token: str = ""
    matchers: str = ""
    first_pause_seconds: float = 1.0

    def lay_down(self, spill: Spill, progress: Progress) -> None:
        """Lay down all samples, from where an earlier import was cut off."""
        resumed, skipped = spill.journal.place
        last = self.end_ms // BLOCK_MS
        blocks = range(max(self.start_ms // BLOCK_MS, resumed), last + 1)
        self._metadata(spill)
        for block in blocks:
            waiting = Waiting(spill)
            names = self._names(block)
            for position in range(skipped if block == resumed else 0, len(names)):
                if len(waiting) >= BATCH:
                    waiting.lay_down((block, position))
                for records in self._records(names[position], block, spill):
                    waiting.add(records)
            waiting.lay_down((block + 1, 0))
            progress("reading", (block - blocks.start + 1) / len(blocks))
        spill.journal.complete = True
        spill.write_journal()

    def _range(self, block: int) -> tuple[int, int]:
        """Return the first and last millisecond of *block* that is asked for."""
        return max(block * BLOCK_MS, self.start_ms), min((block + 1) * BLOCK_MS - 1, self.end_ms)

    def _metadata(self, spill: Spill) -> None:
        for name, known in self._ask("metadata", {}).items():
            keys = ("type", "help", "unit")
            spill.journal.metadata[name] = [known[0].get(key, "") for key in keys]

    def _names(self, block: int) -> list[str]:
        start, end = self._range(block)
        asked = {"start": str(start / 1000), "end": str(end / 1000)}
        if self.matchers:
            asked["match[]"] = "{" + self.matchers + "}"
        return sorted(self._ask("label/__name__/values", asked))

    def _records(self, name: str, block: int, spill: Spill) -> Iterator[Records]:
        quoted = json.dumps(name, ensure_ascii=False)
        inside = ",".join(part for part in (f"__name__={quoted}", self.matchers) if part)
        for series in self._series("{" + inside + "}", *self._range(block)):
            if series["values"]:
                times, values = zip(*series["values"], strict=True)
                records = np.empty(len(times), dtype=RECORD)
                records["series"] = spill.number(tuple(sorted(series["metric"].items())))
                records["timestamp"] = np.rint(np.array(times) * 1000)
                records["value"] = parse_values([value.encode() for value in values])
                yield records

    def _series(self, selector: str, start: int, end: int) -> Iterator[dict[str, Any]]:
        """Yield the series of *selector* with their samples from *start* to *end*, in pieces."""
        query = f"{selector}[{end - start + 1}ms]"
        try:
            found = self._ask("query", {"query": query, "time": str(end / 1000)})["result"]
        except _TooMuchError as reason:
            if end - start < 1000:
                raise CannotStart(f"{self.url} refuses {query}: {reason}") from None
            middle = (start + end) // 2
            yield from self._series(selector, start, middle)
            yield from self._series(selector, middle + 1, end)
            return
        for series in found:  # Prometheus 2 also gives the sample just before the range
            series["values"] = [pair for pair in series["values"] if round(pair[0] * 1000) >= start]
            yield series

    def _ask(self, path: str, parameters: dict[str, str]) -> Any:
        """Return the data of an answer, trying again where that may help."""
        pause = self.first_pause_seconds
        for left in reversed(range(TRIES)):
            try:
                return self._ask_once(path, parameters)
            except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
                if not left:
                    raise CannotStart(
                        f"{self.url} does not answer: {error}. What was read is kept; the same"
                        " command goes on from there"
                    ) from None
            time.sleep(pause)
            pause *= 2
        raise AssertionError  # pragma: no cover -- the loop ends by return or raise

    def _ask_once(self, path: str, parameters: dict[str, str]) -> Any:
        url = f"{self.url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 -- the CLI checked it
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code == 429:
                raise
            reason = _reason(error)
            if "too many samples" in reason or "more than" in reason:
                raise _TooMuchError(reason) from None
            if error.code == 404:
                reason += "; is this the address of a Prometheus?"
            raise CannotStart(f"{url} answers {error.code}: {reason}") from None


def _reason(error: urllib.error.HTTPError) -> str:
    body = error.read(2000).decode(errors="replace")
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.strip() or str(error.reason)
