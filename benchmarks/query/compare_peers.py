"""Our `serve` beside Prometheus and VictoriaMetrics: the same data, the same queries, in turns.

    python benchmarks/query/compare_peers.py 2000x24 20000x6 --churn

prints one Markdown table per dataset, and checks that our values are Prometheus's to 1e-9.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from dataset import Dataset, make
from peers import Engine, ours, prometheus, victoriametrics
from queries import RANGE_QUERIES, RULES

STEP_SECONDS = 60
TOLERANCE = 1e-9

Key = tuple[tuple[str, str], ...]


def main() -> None:
    """Run the comparison for each dataset that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=["2000x24", "20000x6"], metavar="SERIESxHOURS")
    parser.add_argument(
        "--churn", action="store_true", help="each shape with restarts and churn too"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-peers", action="store_true", help="ours only")
    args = parser.parse_args()
    now = int(time.time() * 1000) - 600_000
    for shape in args.shapes:
        series, hours = shape.split("x")
        for churn in (False, True) if args.churn else (False,):
            data = make(int(series), float(hours), now, churn=churn)
            with tempfile.TemporaryDirectory() as folder:
                compare(data, Path(folder), args.rounds, peers=not args.no_peers)


def compare(data: Dataset, folder: Path, rounds: int, *, peers: bool) -> None:
    """Print the table of one dataset."""
    with ExitStack() as stack:
        print(f"\n### {data.name}: {data.samples:,} samples\n", flush=True)
        engines = [stack.enter_context(ours(folder / "ours", data))]
        if peers:
            engines.append(stack.enter_context(prometheus(folder / "prometheus", data)))
            engines.append(stack.enter_context(victoriametrics(folder / "victoriametrics", data)))
        print("| query | " + " | ".join(f"{e.name}, ms" for e in engines)
              + " | ours / Prometheus | ours / VictoriaMetrics | values differ |")  # fmt: skip
        print("| --- |" + " --- |" * (len(engines) + 3))
        for title, query in RANGE_QUERIES.items():
            parameters = {
                "query": query, "start": data.start / 1000, "end": data.end / 1000,
                "step": STEP_SECONDS,
            }  # fmt: skip
            differ = _differences(engines, parameters) if peers else "-"
            _row(title, engines, rounds, _range_query(parameters), differ)
        _row("nine alert rules, instant, in all", engines, rounds, lambda e: _rules(e, data), "")
        print()
        print(_sizes(engines, data))


def _row(
    title: str, engines: list[Engine], rounds: int, ask: Callable[[Engine], float], differ: str
) -> None:
    for engine in engines:
        ask(engine)
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for _ in range(rounds):
        for engine in engines:
            times[engine.name].append(ask(engine))
    medians = [statistics.median(times[engine.name]) * 1000 for engine in engines]
    ratios = [f"{medians[0] / peer:.2f}" for peer in medians[1:]] or ["-", "-"]
    cells = [f"{value:.1f}" for value in medians] + ratios + [differ]
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def _range_query(parameters: dict[str, Any]) -> Callable[[Engine], float]:
    return lambda engine: engine.timed("/api/v1/query_range", **parameters)


def _rules(engine: Engine, data: Dataset) -> float:
    at = data.end / 1000
    return sum(engine.timed("/api/v1/query", query=query, time=at) for query in RULES.values())


def _differences(engines: list[Engine], parameters: dict[str, Any]) -> str:
    mine, theirs = (
        {
            _key(s["metric"]): dict(s["values"])
            for s in e.get("/api/v1/query_range", **parameters)["result"]
        }
        for e in engines[:2]
    )
    points = sum(map(len, theirs.values()))
    wrong = [
        (key, at, mine.get(key, {}).get(at), theirs.get(key, {}).get(at))
        for key in {**mine, **theirs}
        for at in {**mine.get(key, {}), **theirs.get(key, {})}
        if not _same(mine.get(key, {}).get(at), theirs.get(key, {}).get(at))
    ]
    jumps = [one for one in wrong if _at_a_jump(engines[1], parameters, *one)] if wrong else []
    for key, at, a, b in [one for one in wrong if one not in jumps][:3]:
        print(f"    {parameters['query']} {key} at {at}: ours {a}, Prometheus {b}", file=sys.stderr)
    return f"{len(wrong) - len(jumps)} of {points}" + (f" ({len(jumps)} jumps)" if jumps else "")


def _at_a_jump(
    prometheus: Engine, parameters: dict[str, Any], key: Key, at: float, mine: str | None, _: Any
) -> bool:
    """Whether Prometheus itself gives our value, to 1e-6, for a quantile that is 1e-9 off.

    A quantile that falls on the border of a bucket is one number or quite another: which one is
    decided by the last bit of a sum, and so by the order in which its terms were added.
    """
    query = parameters["query"]
    for moved in (0.95 - 1e-9, 0.95 + 1e-9):
        near = query.replace("histogram_quantile(0.95,", f"histogram_quantile({moved!r},")
        if near == query or mine is None:
            return False
        for series in prometheus.get("/api/v1/query", query=near, time=at)["result"]:
            theirs = float(series["value"][1])
            if _key(series["metric"]) == key and math.isclose(float(mine), theirs, rel_tol=1e-6):
                return True
    return False


def _key(metric: dict[str, str]) -> Key:
    return tuple(sorted(metric.items()))


def _same(a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return a is b
    x, y = float(a), float(b)
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=TOLERANCE, abs_tol=1e-12)


def _sizes(engines: list[Engine], data: Dataset) -> str:
    lines = [
        "| | bytes a sample, sealed | everything on disk | resident MiB |",
        "| --- | --- | --- | --- |",
    ]
    for engine in engines:
        files = [f for f in (engine.folder / "data").rglob("*") if f.is_file()]
        whole = sum(f.stat().st_size for f in files) / data.samples
        resident = engine.resident_bytes() >> 20
        lines.append(f"| {engine.name} | {_sealed(engine, whole):.2f} | {whole:.2f} | {resident} |")
    return "\n".join(lines)


def _sealed(engine: Engine, whole: float) -> float:
    """Return the bytes a sample of what is in its final form: not in a log, nor in a head."""
    folder = engine.folder / "data"
    if engine.name == "ours":
        with closing(sqlite3.connect(f"file:{folder}/series.sqlite?mode=ro", uri=True)) as store:
            size = sum(
                store.execute(f"select sum(length(body)) from {table}").fetchone()[0]
                for table in ("bodies", "timelines")
            )
            (samples,) = store.execute("select sum(samples) from pages").fetchone()
        return float(size / samples)
    if engine.name == "prometheus":
        blocks = list(folder.glob("*/meta.json"))
        samples = sum(json.loads(meta.read_text())["stats"]["numSamples"] for meta in blocks)
        size = sum(f.stat().st_size for m in blocks for f in m.parent.rglob("*") if f.is_file())
        return size / samples
    return whole


if __name__ == "__main__":
    main()
