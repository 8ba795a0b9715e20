"""CPU of one scrape of a target whose series stay: ours, and `prometheus_client.parser`.

Ours is all that happens in the writer's thread (reading the text, labels, staleness, the report
series) but for the store, whose `append` does nothing here. The parser only reads. Rounds are
interleaved; the median counts. `first` is a target that was never seen, `churn` one in which each
twentieth server's series are others at each scrape: 3.5 % new, 3.5 % gone.

    python benchmarks/scrape/steady_round.py [--series 20000] [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from jupyterhub_monitoring.scrape.exposition_pass import Format
from jupyterhub_monitoring.scrape.http_get import Answer
from jupyterhub_monitoring.scrape.recorder import Recorder
from jupyterhub_monitoring.scrape.target import Target
from jupyterhub_monitoring.store.selection import Appended, Row
from support.memory_appendable import MemoryAppendable

FAMILY = 100
BUCKETS = ("0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "10.0", "60.0", "+Inf")


class Nowhere(MemoryAppendable):
    """Gives ids, and keeps nothing."""

    def append(self, rows: list[Row]) -> Appended:
        """Count the samples."""
        return Appended(stored=sum(len(row.series) for row in rows))


def exposition(series: int, scrape: int, churn: int = 0) -> bytes:
    """Return an exposition: 70 % resources of users' servers, 30 % buckets of the Hub."""
    lines = []
    for number in range(series):
        family, place = divmod(number, FAMILY)
        if place == 0:
            kind = "histogram" if family % 10 >= 7 else "gauge"
            lines.append(f"# HELP metric_{family} What it is.\n# TYPE metric_{family} {kind}\n")
        if family % 10 >= 7:
            le, handler = BUCKETS[place % 10], f"jupyterhub.handlers.Handler{place // 10}"
            value: float = number % 977 + scrape * (place % 3)
            labels = f'code="200",handler="{handler}",le="{le}",method="GET"'
            lines.append(f"metric_{family}_bucket{{{labels}}} {float(value)}\n")
        else:
            user = number + (scrape * series if churn and number % churn == 0 else 0)
            value = (number * 7919 + scrape * 104_729) % 1_000_003 / 7
            lines.append(f'metric_{family}{{server="",user="student-{user:06d}"}} {value}\n')
    return "".join(lines).encode()


def recorder() -> Recorder:
    return Recorder(Nowhere(), Target("http://hub:8081/hub/metrics", "jupyterhub"))


def cpu_ms(work: Callable[..., object], *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)
    return (time.process_time() - began) * 1000


def parse(body: bytes) -> None:
    for _ in text_string_to_metric_families(body.decode()):
        pass


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--series", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=15)
    asked = arguments.parse_args()
    steady, churning = recorder(), recorder()
    took: dict[str, list[float]] = {name: [] for name in ("first", "steady", "churn", "parser")}
    for scrape in range(asked.rounds + 1):
        body = exposition(asked.series, scrape)
        answer = Answer(body, Format.TEXT)
        moved = Answer(exposition(asked.series, scrape, churn=20), Format.TEXT)
        when = (15_000 * scrape, 0.0)
        round_ = {
            "steady": cpu_ms(steady.record, answer, *when),
            "churn": cpu_ms(churning.record, moved, *when),
            "first": cpu_ms(recorder().record, answer, *when),
            "parser": cpu_ms(parse, body),
        }
        if scrape:  # the very first fills the caches
            for name, ms in round_.items():
                took[name].append(ms)
    print(f"{asked.series:,} series, {len(body):,} bytes; ms of CPU: median (least to most)")
    for name, label in (
        ("steady", "ours, steady"),
        ("churn", "ours, 3.5 % churn a scrape"),
        ("first", "ours, first scrape"),
        ("parser", "prometheus_client.parser"),
    ):
        times = took[name]
        median = statistics.median(times)
        print(f"{label:26} {median:8.1f}  ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
