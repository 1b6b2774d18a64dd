"""One request's row cleaned and checked: plain Python beside the replay through Polars, which gives the same.

Usage: python benchmarks/data/bench_row.py [ROWS]

The targets are 50 µs a row for the plan and 20 µs for the contract, on 19 columns of every kind with the styles that
people write. "New texts" are cells that were never seen before; "seen" ones are remembered. Serving goes through Polars
from the number of rows on at which that is sooner: the crossover.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from kaizenml.core.contract import row_problems
from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import learn_plan, replay, rows_to_raw
from kaizenml.data.contract import learn_contract
from kaizenml.data.row_plan import RowPlan

Rows = Sequence[Mapping[str, Any]]


def texts(rows: int, start: int = 0) -> list[dict[str, str]]:
    """Return rows of 19 cells as a CSV file would hold them; other numbers from another start."""
    return [
        {
            **{f"x{at}": f"{(n * (7 + at)) % 9_973 / 97:.4f}" for at in range(5)},
            **{f"n{at}": str((n * (11 + at)) % 100_003) for at in range(4)},
            "price": f"€ {n % 900 + 1}.{n % 900 + 99:03d},{n % 90 + 10}",
            "share": f"{n % 1_000 / 10} %",
            "flag": ("yes", "no", "NO ", "Yes")[n % 4],
            "is_open": ("true", "false")[n % 2],
            "when": f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.{2000 + n % 25} {n % 24:02d}:{n % 60:02d}",
            "seen": f"20{n % 25:02d}-{n % 12 + 1:02d}-{n % 28 + 1:02d}T{n % 24:02d}:{n % 60:02d}:00Z",
            **{f"w{at}": ("red", "green ", "  blue", "white", "n/a")[(n * (3 + at)) % 5] for at in range(3)},
            "note": f"row number  {n} of many",
        }
        for n in range(start, start + rows)
    ]


def typed(plan: CleaningPlan, rows: Rows) -> list[dict[str, Any]]:
    """Return the rows as programs send them: numbers and booleans as such."""
    frame = replay(plan, rows_to_raw(rows, plan)).frame
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in frame.rows(named=True)
    ]


def microseconds(work: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Return the mean time of one call in µs, in the quickest tenth of the calls: others use the machine too."""
    size, best = max(1, len(inputs) // 10), float("inf")
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        began = time.perf_counter()
        for each in part:
            work(each)
        best = min(best, (time.perf_counter() - began) / len(part))
    return best * 1e6


def main(rows: int) -> None:
    """Measure and print."""
    training = pl.DataFrame(texts(5_000))
    plan = learn_plan(training)
    contract = learn_contract(replay(plan, training).frame, plan, id=None, time=None)
    compiled = RowPlan(plan)
    new, sent = texts(rows, 1_000_000), typed(plan, texts(rows, 2_000_000))
    ready = [compiled(row)[0] for row in sent]
    compiled = RowPlan(plan)

    def both(row: Mapping[str, Any]) -> None:
        row_problems(contract, compiled(row)[0])

    print(f"{len(plan.columns)} columns: " + ", ".join(f"{each.name} {each.kind}" for each in plan.columns))
    print(f"plan, new texts      {microseconds(compiled, new):8.1f} µs a row (target 50)")
    print(f"plan, seen texts     {microseconds(compiled, new[-1_000:]):8.1f} µs a row")
    print(f"plan, native cells   {microseconds(compiled, sent):8.1f} µs a row")
    print(
        f"contract             {microseconds(lambda row: row_problems(contract, row), ready):8.1f} µs a row (target 20)"
    )
    print(f"both, new texts      {microseconds(both, texts(rows, 3_000_000)):8.1f} µs a row")
    print(f"frame of one row     {microseconds(lambda row: compiled.frame([row]), ready[:1_000]):8.1f} µs")
    few = [[row] for row in new[:300]]
    print(f"through Polars       {microseconds(lambda each: replay(plan, rows_to_raw(each, plan)), few):8.1f} µs a row")
    for size in (8, 16, 32, 64, 128, 256):
        batches = [texts(size, 4_000_000 + at * size) for at in range(20)]
        python = microseconds(lambda each: compiled.frame(compiled.all(each)[0]), batches)
        polars = microseconds(lambda each: replay(plan, rows_to_raw(each, plan)).frame.rows(named=True), batches)
        print(f"{size:4} rows at once: {python:8.0f} µs compiled, {polars:8.0f} µs through Polars")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
