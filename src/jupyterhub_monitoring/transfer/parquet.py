"""Export as Parquet: one row a sample, for pandas, Polars, DuckDB and the like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ..store.selection import STALE_BITS
from .exporter import Export, Exported, Progress

SCHEMA = pa.schema(
    [
        pa.field("metric", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("labels", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("stale", pa.bool_(), nullable=False),
    ]
)
"""`stale` tells a staleness marker, whose value is NaN, from a NaN that was measured."""

ROWS = 200_000  # in memory at a time


def write_parquet(export: Export, path: Path, progress: Progress) -> int:
    """Write *path*; return how many samples there were."""
    count = waiting = 0
    batches: list[pa.RecordBatch] = []
    with parquet.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for series in export.series(progress):
            batches.append(_batch(series))
            waiting += len(series.values)
            count += len(series.values)
            if waiting >= ROWS:
                writer.write_table(pa.Table.from_batches(batches, SCHEMA).unify_dictionaries())
                batches, waiting = [], 0
        writer.write_table(pa.Table.from_batches(batches, SCHEMA).unify_dictionaries())
    return count


def _batch(series: Exported) -> pa.RecordBatch:
    """Return the samples of one series."""
    length = len(series.values)
    pairs = [pair for pair in sorted(series.labels.items()) if pair[0] != "__name__"]
    zeros = pa.array(np.zeros(length, dtype=np.int32))
    return pa.record_batch(
        [
            pa.DictionaryArray.from_arrays(zeros, [series.labels.get("__name__", "")]),
            pa.array([pairs], SCHEMA.field("labels").type).take(zeros),
            pa.array(series.timestamps).cast(SCHEMA.field("timestamp").type),
            pa.array(series.values),
            pa.array(series.values.view(np.int64) == STALE_BITS),
        ],
        schema=SCHEMA,
    )
