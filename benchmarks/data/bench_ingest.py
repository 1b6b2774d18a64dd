"""How fast rows are loaded, and how many late ones a load finds: files, SQLite, DuckDB, PostgreSQL and pushed rows.

Run it with `python benchmarks/data/bench_ingest.py [ROWS]`; it prints one JSON document. What is not installed is left
out. PostgreSQL is read where KAIZEN_BENCH_POSTGRES names one.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

import kaizenml as kz
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.event import Draft, Kind
from kaizenml.core.source import Source
from kaizenml.loop.loading_data import gather
from kaizenml.loop.pushing import push
from kaizenml.loop.wiring import House, open_house, read_settings

OVERLAP_SECONDS = 36_000
LATE = 50


def table(rows: int) -> pl.DataFrame:
    """Return rows of ten columns: numbers, texts, a time as seconds."""
    rng = random.Random(1)
    numbers = {f"x{at}": [rng.random() for _ in range(rows)] for at in range(5)}
    words = {f"w{at}": [rng.choice(("red", "green", "blue", "white")) for _ in range(rows)] for at in range(3)}
    return pl.DataFrame({"id": range(rows), "at": range(rows), **numbers, **words})


class Bench:
    """A house in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house: House = open_house(read_settings(folder, {}))
        with self.house.records.writing() as books:
            books.declarations.save(Declaration("bench", str(folder), "y", "id", None, (), Delivery(), ()))
            draft = Draft("bench", "system:bench", Kind.RUN_STARTED, "run:1")
            self.cause = books.events.append(draft, self.house.clock.now()).id

    def load(self, source: Source) -> int:
        """Load what is new; return how many rows there are."""
        project = kz.Project("bench", source=source, target="y")
        return len(gather(project, self.folder, self.house, lambda _: None, cause=self.cause).rows)


def timed(call: Callable[[], int]) -> dict[str, float]:
    """Return how long a call took and the rows per second of what it returned."""
    began = time.perf_counter()
    rows = call()
    took = time.perf_counter() - began
    return {"rows": rows, "seconds": round(took, 3), "rows_per_second": round(rows / took)}


def in_folder(call: Callable[[Bench], dict[str, object]]) -> dict[str, object]:
    """Return what the call says of a new house."""
    with TemporaryDirectory() as folder:
        return call(Bench(Path(folder)))


def twice(bench: Bench, source: Source) -> dict[str, object]:
    """Time a first load and one that finds nothing new."""
    return {"first": timed(lambda: bench.load(source)), "again": timed(lambda: bench.load(source))}


def of_csv(rows: pl.DataFrame) -> dict[str, object]:
    """Load a CSV file."""

    def call(bench: Bench) -> dict[str, object]:
        rows.write_csv(bench.folder / "a.csv")
        return twice(bench, kz.files("a.csv"))

    return in_folder(call)


def of_parquet(rows: pl.DataFrame) -> dict[str, object]:
    """Load a Parquet file."""

    def call(bench: Bench) -> dict[str, object]:
        rows.write_parquet(bench.folder / "a.parquet")
        return twice(bench, kz.files("a.parquet"))

    return in_folder(call)


def of_sqlite(rows: pl.DataFrame) -> dict[str, object]:
    """Load a table of SQLite, whole and by cursor."""

    def call(bench: Bench, **more: object) -> dict[str, object]:
        with closing(sqlite3.connect(bench.folder / "a.db")) as base, base:
            base.execute(f"CREATE TABLE t ({', '.join(rows.columns)})")
            base.executemany(f"INSERT INTO t VALUES ({', '.join('?' * rows.width)})", rows.iter_rows())
        return twice(bench, kz.sql("sqlite:///a.db", table="t", **more))

    return {
        "whole": in_folder(call),
        "by cursor": in_folder(lambda bench: call(bench, cursor="at", overlap=OVERLAP_SECONDS)),
        "by cursor and key": in_folder(lambda bench: call(bench, cursor="at", overlap=OVERLAP_SECONDS, key="id")),
    }


def of_duckdb(rows: pl.DataFrame) -> dict[str, object]:
    """Load a table of DuckDB through ADBC."""
    import duckdb

    def call(bench: Bench) -> dict[str, object]:
        rows.write_parquet(bench.folder / "a.parquet")
        with duckdb.connect(str(bench.folder / "a.duckdb")) as base:
            base.execute(f"CREATE TABLE t AS SELECT * FROM read_parquet('{bench.folder / 'a.parquet'}')")
        return twice(bench, kz.sql("duckdb:///a.duckdb", table="t", cursor="at", overlap=OVERLAP_SECONDS))

    return in_folder(call)


def of_postgresql(rows: pl.DataFrame) -> dict[str, object]:
    """Load a table of PostgreSQL through ADBC."""
    from adbc_driver_postgresql import dbapi

    with closing(dbapi.connect(os.environ["KAIZEN_BENCH_POSTGRES"])) as base, closing(base.cursor()) as cursor:
        cursor.adbc_ingest("kaizen_bench", rows, mode="replace")
        base.commit()
    source = kz.sql("${KAIZEN_BENCH_POSTGRES}", table="kaizen_bench", cursor="at", overlap=OVERLAP_SECONDS)
    return in_folder(lambda bench: twice(bench, source))


def of_push(rows: pl.DataFrame) -> dict[str, object]:
    """Push batches of 1,000 rows, each durable before the next."""

    def call(bench: Bench) -> dict[str, object]:
        parts = [part.to_dicts() for part in rows.head(20_000).iter_slices(1_000)]

        def send() -> int:
            return sum(
                push(bench.house, "bench", part, key=str(at), by="person:ada").rows for at, part in enumerate(parts)
            )

        return {"first": timed(send), "again": timed(send)}

    return in_folder(call)


def late_rows() -> dict[str, object]:
    """Count the late rows that are lost: by a plain high-water mark, and by a cursor with an overlap."""
    rng = random.Random(2)
    early = [(at, at) for at in range(0, 100_000, 10)]
    late = [(10_000 + at, rng.randrange(100_000 - OVERLAP_SECONDS, 99_000)) for at in range(LATE)]

    def call(bench: Bench) -> dict[str, object]:
        with closing(sqlite3.connect(bench.folder / "a.db")) as base:
            base.execute("CREATE TABLE t (id, at)")
            base.executemany("INSERT INTO t VALUES (?, ?)", early)
            base.commit()
            source = kz.sql("sqlite:///a.db", table="t", cursor="at", overlap=OVERLAP_SECONDS)
            bench.load(source)
            high = max(at for _, at in early)
            base.executemany("INSERT INTO t VALUES (?, ?)", late)
            base.commit()
            (beyond,) = base.execute("SELECT count(*) FROM t WHERE at > ?", (high,)).fetchone()
        found = bench.load(source) - len(early)
        return {"late": LATE, "lost by a high-water mark": LATE - beyond, "lost with the overlap": LATE - found}

    return in_folder(call)


def main(rows: int) -> None:
    """Measure everything and print it."""
    data = table(rows)
    measured: dict[str, object] = {"machine": platform.machine(), "cpus": os.cpu_count(), "late": late_rows()}
    of = {"csv": of_csv, "parquet": of_parquet, "sqlite": of_sqlite, "duckdb": of_duckdb, "push": of_push}
    if "KAIZEN_BENCH_POSTGRES" in os.environ:
        of["postgresql"] = of_postgresql
    for name, call in of.items():
        with suppress(ImportError):
            measured[name] = call(data)
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
