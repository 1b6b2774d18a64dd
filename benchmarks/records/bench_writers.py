"""What writing metadata costs: one writer, then sixteen processes at once, and whether any of them was ever refused.

Usage: python benchmarks/records/bench_writers.py [URL]
Each write is an event and a run in one durable transaction. Without a URL, SQLite in a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from statistics import quantiles

from kaizenml.adapters.sql import open_records
from kaizenml.core.digest import digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.run import Code, Environment, Run, RunState

WRITERS, WRITES = 16, 1_000
AT = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/kaizen.db"
        _report("one writer", *_together(url, 1))
        _report(f"{WRITERS} writers", *_together(url, WRITERS))
        records = open_records(url)
        with records.reading() as books:
            found = books.events.newest(limit=1)[0].id
        print(f"{found:,} events in one unbroken chain, of {WRITES * (WRITERS + 1):,} that were acknowledged")


def _together(url: str, writers: int) -> tuple[float, list[float], int]:
    open_records(url).close()
    command = [sys.executable, __file__, "--write", url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    children = [subprocess.Popen([*command, f"w{writers}-{n}"], **pipes) for n in range(writers)]
    for child in children:
        child.stdout.readline()  # it is there: from here on, nobody imports anything
    began = time.perf_counter()
    for child in children:
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        child.stdout.readline()  # it has written: nobody ends while others write
    seconds = time.perf_counter() - began
    said = [child.communicate()[0].split() for child in children]
    took = sorted(float(each) for lines in said for each in lines)
    return seconds, took, sum(child.returncode != 0 for child in children)


def _report(title: str, seconds: float, took: list[float], failed: int) -> None:
    cuts = quantiles(took, n=1000)
    pace = f"{len(took):,} writes in {seconds:.1f} s ({len(took) / seconds:,.0f}/s)"
    times = f"p50 {cuts[499] * 1e3:.1f} ms, p99 {cuts[989] * 1e3:.1f} ms, most {took[-1] * 1e3:.0f} ms"
    print(f"{title}: {pace}, {times}; {failed} writers failed")


def _write(url: str, name: str) -> None:
    records = open_records(url)
    code, environment = Code(digest_of(1), "abc"), Environment("3.11", "linux", {}, 2, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    took = []
    for number in range(WRITES):
        run = Run(f"{name}-{number}", "bench", RunState.RUNNING, AT, code, environment, 1)
        began = time.perf_counter()
        with records.writing() as books:
            books.runs.save(run)
            books.events.append(Draft("bench", "person:bench", Kind.RUN_STARTED, f"run:{run.id}"), AT)
        took.append(time.perf_counter() - began)
    print("wrote", flush=True)
    sys.stdin.read()
    print(*took)


if __name__ == "__main__":
    if "--write" in sys.argv:
        _write(*sys.argv[2:])
    else:
        main()
