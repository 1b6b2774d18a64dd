"""Point-in-time joins of a million rows with a million, beside DuckDB's ASOF JOIN, in one run.

Usage: python benchmarks/data/bench_join.py [ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import kaizenml as kz

ROUNDS = 5


def events(rows: int, seed: int) -> pl.DataFrame:
    """Return readings of 20,000 devices over four months, in no order."""
    rng = np.random.default_rng(seed)
    at = datetime(2026, 1, 1) + pl.Series(rng.integers(0, 10**13, rows), dtype=pl.Int64).cast(pl.Duration("us"))
    heard = at + pl.Series(rng.integers(0, 10**11, rows), dtype=pl.Int64).cast(pl.Duration("us"))
    columns = {"device": rng.integers(0, 20_000, rows), "at": at, "heard": heard, "value": rng.random(rows)}
    return pl.DataFrame(columns)


def seconds(call: Callable[[], object]) -> str:
    """Return the best and the median time of a few calls."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return f"best {min(taken):.2f} s, median {sorted(taken)[ROUNDS // 2]:.2f} s"


def main(rows: int) -> None:
    """Time the joins, each after the other."""
    left, right = events(rows, 1).drop("heard"), events(rows, 2)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        for name, frame in (("l", left), ("r", right)):
            frame.write_parquet(Path(folder) / f"{name}.parquet")
            connection.execute(f"create table {name} as from '{folder}/{name}.parquet'")
        query = """create or replace table joined as select l.*, r.* exclude (device)
                   from l asof left join r on l.device = r.device and l.at >= r.at"""
        print(f"{rows:,} x {rows:,} rows, {pl.thread_pool_size()} threads")
        print("kz.join                     ", seconds(lambda: kz.join(left, right, on="device", as_of="at")))
        print(
            "kz.join, known              ",
            seconds(lambda: kz.join(left, right, on="device", as_of="at", known="heard")),
        )
        print("DuckDB ASOF JOIN (in memory)", seconds(lambda: connection.execute(query)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
