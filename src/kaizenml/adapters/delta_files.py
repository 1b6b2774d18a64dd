"""The parquet files of a Delta table: added to it, and chosen by the times that they span."""

from __future__ import annotations

import json
import time
from datetime import datetime

import polars as pl

from kaizenml.adapters.delta_place import Place


def file_actions(place: Place, name: str, rows: pl.DataFrame, *, at: float | None = None) -> list[dict[str, object]]:
    """Write the rows to a new file, durably; return the actions that add it to a table, as of a time (None: now)."""
    if rows.is_empty():
        return []
    added = {
        "path": name,
        "partitionValues": {},
        "size": place.add_rows(name, rows),
        "modificationTime": int((time.time() if at is None else at) * 1000),
        "dataChange": True,
        "stats": json.dumps(_stats(rows)),
    }
    return [{"add": added}]


def pruned(files: pl.DataFrame, column: str, low: datetime, high: datetime) -> pl.DataFrame:
    """Return the files that may have rows with ``low <= column < high``."""
    least, most = f"min.{column}", f"max.{column}"
    if not {least, most} <= set(files.columns):
        return files
    may_be = (pl.col(most) >= low) & (pl.col(least) < high)
    return files.filter(may_be.fill_null(value=True))


def _stats(rows: pl.DataFrame) -> dict[str, object]:
    """Return what Delta readers skip files by; only times have bounds, because only windows are looked up."""
    times = [
        n for n, kind in rows.schema.items() if kind == pl.Datetime("us", "UTC") and rows[n].null_count() < len(rows)
    ]
    return {
        "numRecords": len(rows),
        "minValues": {name: _stamp(rows[name].min()) for name in times},
        "maxValues": {name: _stamp(rows[name].max()) for name in times},
        "nullCount": {n: rows[n].null_count() for n, kind in rows.schema.items() if not isinstance(kind, pl.List)},
    }


def _stamp(at: object) -> str:
    if not isinstance(at, datetime):
        raise TypeError(f"{at!r} is not a time")
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
