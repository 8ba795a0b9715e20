"""Show what a store holds: series, samples, bytes a sample, the largest metrics and labels."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime, timezone

from ..store.stats import StoreStats
from .data_folder import add_data_dir, existing, opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_data_dir(parser)
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="metrics and labels shown (default 10)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the figures. The service may be running meanwhile."""
    with opened(existing(args.data_dir), read_only=True) as store:
        stats = store.stats()
    print("\n".join([*figures(stats), ""]))
    print("\n".join(table("metric", "series", stats.metrics[: args.top])))
    print("\n".join(["", *table("label", "values", stats.labels[: args.top])]))
    return 0


def figures(stats: StoreStats) -> Iterable[str]:
    """Return the lines about the whole store."""
    yield f"series            {stats.series:,}"
    yield f"samples           {stats.samples:,} in pages"
    if stats.samples:
        yield f"bytes a sample    {stats.page_bytes / stats.samples:.3f}"
    yield f"bytes on disk     {stats.bytes:,}"
    yield f"pages             {stats.pages:,}"
    yield f"not sealed yet    {stats.head_rows:,} rows, one for each target and scrape"
    if stats.oldest_ms is not None and stats.newest_ms is not None:
        yield f"from              {_text(stats.oldest_ms)}"
        yield f"until             {_text(stats.newest_ms)}"
    if stats.damaged:
        yield f"damaged           {stats.damaged:,}; `jupyterhub-monitoring check` says what"


def table(left: str, right: str, rows: Iterable[tuple[str, int]]) -> Iterable[str]:
    """Return the lines of a table of names and counts."""
    lines = [(left, right), *((name, f"{count:,}") for name, count in rows)]
    width = max(len(name) for name, _ in lines)
    return [f"{name:{width}}  {count:>10}" for name, count in lines]


def _text(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return at.isoformat(sep=" ", timespec="seconds")
