"""How much memory a CSV of 5 GB takes on its way through ingestion, beside Polars and DuckDB that only read it.

Usage: python benchmarks/data/bench_large.py [MEGABYTES] [SECONDS]

The file is made first, in a folder below TMPDIR that is deleted at the end; it takes about three times its size of
disk. Each measurement is a process of its own, and is ended after SECONDS (900). Prints one JSON document.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

CODE = """import kaizenml as kz

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="id", time="at")
"""
LINE_BYTES = 171
OURS = """
from kaizenml.core.event import Draft, Kind
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import load_folder
from kaizenml.loop.wiring import open_house, read_settings

house = open_house(read_settings(folder))
with house.records.writing() as books:
    cause = books.events.append(Draft("shop", "person:ada", Kind.RUN_STARTED, "run:1"), house.clock.now()).id
found = prepare(load_folder(folder).project, folder, house, lambda line: print(line, file=sys.stderr), cause=cause)
rows = found.snapshot.rows
"""
POLARS = """
import polars as pl
rows = pl.scan_csv(folder / "data" / "big.csv", infer_schema=False).collect().height
"""
STREAMED = """
import polars as pl
pl.scan_csv(folder / "data" / "big.csv", try_parse_dates=True).sink_parquet(folder / "polars.parquet")
rows = pl.scan_parquet(folder / "polars.parquet").select(pl.len()).collect().item()
(folder / "polars.parquet").unlink()
"""
DUCKDB = """
import duckdb
with duckdb.connect() as base:
    base.execute("SET memory_limit='1GB'")
    out = folder / "duckdb.parquet"
    base.execute(f"COPY (SELECT * FROM read_csv('{folder}/data/big.csv')) TO '{out}' (FORMAT parquet)")
    rows = base.execute(f"SELECT count(*) FROM '{out}'").fetchone()[0]
out.unlink()
"""
FRAME = """
import json, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
began = time.perf_counter()
{work}
seconds = time.perf_counter() - began
peak = 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(json.dumps({{"rows": rows, "seconds": round(seconds, 1), "rows_per_second": round(rows / seconds),
                   "peak_mb": round(peak / 1e6)}}))
"""


def write(path: Path, megabytes: int) -> int:
    """Write a CSV of about so many megabytes; return its rows."""
    rows, at_once = megabytes * 1_000_000 // LINE_BYTES, 250_000
    with path.open("wb") as file:
        for first in range(0, rows, at_once):
            n = pl.int_range(first, min(first + at_once, rows), eager=True)
            numbers = (((n * (7 + at)) % 9973 / 7).alias(f"x{at}") for at in range(6))
            words = (pl.concat_str(pl.lit(f"a word {at} of "), (n % (50 + at)).cast(pl.String)).alias(f"w{at}")
                     for at in range(2))  # fmt: skip
            part = pl.DataFrame({"id": n, "at": pl.from_epoch(1_700_000_000 + n)})
            part.with_columns(*numbers, *words, late=n % 3 == 0).write_csv(file, include_header=first == 0)
    return rows


def measured(work: str, folder: Path, seconds: int) -> dict[str, object]:
    """Return what a process of its own says of its work, or why it has nothing to say."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", FRAME.format(work=work), str(folder)],
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {seconds} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:200]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))  # DuckDB draws its progress before it


def main(megabytes: int, seconds: int) -> None:
    """Make the file, measure, print."""
    with TemporaryDirectory(prefix="kaizen-large-") as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < 4 * megabytes * 1_000_000:
            raise SystemExit(f"{folder} has {free / 1e9:.0f} GB free; {4 * megabytes / 1000:.0f} GB are needed.")
        (folder / "data").mkdir()
        (folder / "project.py").write_text(CODE)
        began = time.perf_counter()
        rows = write(folder / "data" / "big.csv", megabytes)
        size = (folder / "data" / "big.csv").stat().st_size
        found: dict[str, object] = {"rows": rows, "csv_mb": round(size / 1e6),
                                    "made_in_seconds": round(time.perf_counter() - began, 1)}  # fmt: skip
        found["kaizenml: load, clean, contract, quarantine, snapshot"] = measured(OURS, folder, seconds)
        shutil.rmtree(folder / ".kaizen", ignore_errors=True)
        found["polars: CSV to Parquet, streamed"] = measured(STREAMED, folder, seconds)
        found["duckdb: CSV to Parquet, memory_limit 1 GB"] = measured(DUCKDB, folder, seconds)
        found["polars: read into memory as text"] = measured(POLARS, folder, seconds) if megabytes <= 1_000 else None
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000, int(sys.argv[2]) if len(sys.argv) > 2 else 900)
