"""Ten thousand small commits to one table, with random compaction (in a process of its own) and vacuum meanwhile.

Prints how long appends, beginnings of compactions and vacuums take; checks that every pinned version reads as it was.

Usage: python benchmarks/data/bench_tables.py [COMMITS] [FOLDER]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from kaizenml.adapters.tables import DeltaTables

ROWS = 20
COMPACT_EVERY = 50
PIN_SHARE, COMPACT_SHARE, VACUUM_SHARE = 0.01, 0.01, 0.002


def timed(call: Callable[[], object], into: list[float]) -> None:
    """Call, and note the milliseconds that it took."""
    start = time.perf_counter()
    call()
    into.append(1000 * (time.perf_counter() - start))


def told(name: str, taken: Sequence[float]) -> None:
    """Print the percentiles."""
    if not taken:
        print(f"{name:<16}      0 times")
        return
    ordered = sorted(taken)
    at = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.9, 0.99, 0.999)}
    said = ", ".join(f"p{100 * share:g} {value:.1f}" for share, value in at.items())
    print(f"{name:<16} {len(ordered):>6} times: {said}, max {ordered[-1]:.1f} ms")


def main(commits: int, folder: Path) -> None:
    """Run all commits, then read every pinned version."""
    rng = random.Random(1)
    tables = DeltaTables(folder)
    pins: dict[int, int] = {}
    appends: list[float] = []
    compactions: list[float] = []
    vacuums: list[float] = []
    start = time.perf_counter()
    for number in range(commits):
        rows = pl.DataFrame({"number": [number] * ROWS, "at": [datetime.now(UTC)] * ROWS, "text": ["a row"] * ROWS})
        timed(lambda rows=rows, number=number: tables.append("t", rows, key=str(number)), appends)  # type: ignore[misc]
        if rng.random() < PIN_SHARE:
            pins[tables.version("t") or 0] = (number + 1) * ROWS
        if number % COMPACT_EVERY == 0 or rng.random() < COMPACT_SHARE:
            timed(lambda: tables.compact_aside("t"), compactions)
        if rng.random() < VACUUM_SHARE:
            now = datetime.now(UTC) + timedelta(seconds=1)
            timed(lambda now=now: tables.vacuum("t", keep=pins, since=now), vacuums)  # type: ignore[misc]
    print(f"{commits:,} commits of {ROWS} rows in {time.perf_counter() - start:.0f} s")
    told("append", appends)
    told("begin to compact", compactions)
    told("vacuum", vacuums)

    opened = DeltaTables(folder)
    reads: list[float] = []
    for version, count in pins.items():
        timed(lambda version=version: opened.read("t", version=version), reads)  # type: ignore[misc]
        found = opened.read("t", version=version)
        if len(found) != count or found["number"].n_unique() * ROWS != count:
            raise SystemExit(f"Version {version} has {len(found)} rows, not {count}.")
    told("read", reads)
    files = list((folder / "t").glob("*.parquet"))
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"all {len(pins)} pinned versions read as they were; {len(files)} files, {size:.1f} MB")


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if len(sys.argv) > 2:
        main(asked, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(asked, Path(folder))
