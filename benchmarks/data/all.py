"""Every benchmark of the data stage, one after the other; what each measures beside which other tool.

Usage: python benchmarks/data/all.py [NAME …]

Each is a process of its own that is ended after its bound. Nothing is asserted: machines differ.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Bench:
    """A script, what it should reach, which tool stands beside it, and how long it may take."""

    name: str
    target: str
    beside: str
    words: tuple[str, ...] = ()
    seconds: int = 300


ALL = (
    Bench("bench_contract", "1,000,000 x 10 told good from bad in 0.5 s", "pandera"),
    Bench("bench_row", "a request's row cleaned in 50 µs, checked in 20 µs", "the same replay through Polars"),
    Bench("bench_join", "1,000,000 x 1,000,000 rows as of a time in 1.5 s", "DuckDB ASOF JOIN"),
    Bench("bench_explore", "337,000 x 19 explored in 5 s", "skrub's TableReport"),
    Bench("bench_labels", "next of 1,000,000 tasks in 50 ms", "no tool"),
    Bench("repair", "98 % repaired or quarantined, 0.1 % of good cells touched", "skrub Cleaner and deduplicate"),
    Bench("bench_tables", "append p99 of 50 ms over 10,000 commits; every pin reads", "no tool", ("2000",), 420),
    Bench("bench_ingest", "every kind of source; no late row lost", "a plain high-water mark", ("100000",)),
    Bench("bench_large", "1.5 GB of memory for any size", "Polars and DuckDB, which only read", ("300",), 420),
)


def main(names: list[str]) -> int:
    """Run those whose name holds one of these words (none: all); return how many failed."""
    failed = []
    for each in ALL:
        if names and not any(name in each.name for name in names):
            continue
        print(f"\n=== {each.name}: target {each.target}; beside {each.beside}", flush=True)
        began = time.perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, str(HERE / f"{each.name}.py"), *each.words], timeout=each.seconds, check=False
            )
            is_failed = done.returncode != 0
        except subprocess.TimeoutExpired:
            print(f"not done after {each.seconds} s", flush=True)
            is_failed = True
        print(f"--- {time.perf_counter() - began:.0f} s", flush=True)
        failed += [each.name] if is_failed else []
    if failed:
        print(f"\nfailed: {', '.join(failed)}", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
