"""A contract over a million rows of ten columns: good rows and bad ones told apart, beside pandera in the same run.

Usage: python benchmarks/data/bench_contract.py [ROWS]

The target is 0.5 s on two cores. pandera validates the same typed frame with the same rules, lazily, so that it reports
every failing row; it gets an environment of its own from `uv`, and is left out, with the reason, where that fails.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from repair import environment

from kaizenml.core.contract import Contract, Severity
from kaizenml.data.clean import Cleaned, learn_plan, replay
from kaizenml.data.contract import enforce, learn_contract

BAD_EVERY = 1_000
PANDERA = """
import sys, time
import polars as pl
import pandera.polars as pa
rows = pl.read_parquet(sys.argv[1])
numbers = {f"x{at}": pa.Column(float, pa.Check.in_range(-1.0, 2.0), nullable=False) for at in range(5)}
words = {f"w{at}": pa.Column(str, pa.Check.isin(["red", "green", "blue", "white"])) for at in range(3)}
schema = pa.DataFrameSchema({"id": pa.Column(int, unique=True), "n": pa.Column(int, pa.Check.in_range(0, 200)),
                             **numbers, **words})
best, bad = 1e9, 0
for _ in range(3):
    began = time.perf_counter()
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        bad = error.failure_cases["index"].n_unique()
    best = min(best, time.perf_counter() - began)
print(f"{best:.3f} s, {bad:,} rows fail")
"""


def table(rows: int) -> pl.DataFrame:
    """Return rows of ten columns of which one in a thousand is outside of what is known."""
    n = pl.int_range(rows, eager=True)
    is_bad = n % BAD_EVERY == 0
    words = pl.Series(["red", "green", "blue", "white"])
    numbers = {f"x{at}": ((n * (7 + at)) % 9_973) / 9_973 for at in range(5)}
    texts = {f"w{at}": words.gather((n * (3 + at)) % 4) for at in range(3)}
    rest = pl.DataFrame({"id": n, "n": n % 100, **numbers, **texts})
    return rest.with_columns(pl.when(is_bad).then(50.0).otherwise(pl.col("x0")).alias("x0"))


def main(rows: int) -> None:
    """Measure and print."""
    data = table(rows)
    clean = data.filter(pl.col("x0") < 2)
    plan = learn_plan(clean)
    contract = learn_contract(clean, plan, id="id", time=None)
    rules = tuple(replace(rule, on_range=Severity.HARD) for rule in contract.columns)
    hard = replace(contract, columns=rules)
    cleaned = replay(plan, data)
    best = min(_timed(hard, cleaned) for _ in range(3))
    enforced = enforce(hard, cleaned)
    broken = sum(finding.count for finding in enforced.findings)
    print(f"kaizenml: {best:.3f} s, {broken:,} rows fail, {len(enforced.good):,} are good; target 0.5 s")
    with TemporaryDirectory() as name:
        python, reason = environment(Path(name), ("pandera[polars]", "polars"))
        if python is None:
            print(f"pandera: left out, {reason}")
            return
        data.write_parquet(Path(name) / "rows.parquet")
        done = subprocess.run(
            [python, "-c", PANDERA, Path(name) / "rows.parquet"], capture_output=True, text=True, timeout=300
        )
        said = done.stdout.strip() or (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        print(f"pandera: {said}")


def _timed(contract: Contract, cleaned: Cleaned) -> float:
    began = time.perf_counter()
    enforce(contract, cleaned)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
