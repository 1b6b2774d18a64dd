"""How much of what is known to be spoiled is repaired or quarantined, and how many good cells are touched.

The first half of each table is a clean snapshot, from which the contract is learned; its rules are made hard, as a
person would who reviews it. The second half is spoiled. Cleaning is learned from both together, as a run
does. A spoiled row counts as repaired when every one of its cells is what it was before, as quarantined when it broke a
hard rule.

Beside it skrub's Cleaner and deduplicate, in an environment of their own, where that can be made.

Usage: python benchmarks/data/repair.py [ROWS] [--seeds=7,8,9] [--no-skrub]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
from corruptions import ID, SPOILS, Spoiled, Table, spoiled, tables

from kaizenml.core.contract import Contract, Severity
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.contract import learn_contract
from kaizenml.data.enforce import enforce
from kaizenml.data.learn import held_to

ROWS, SHARE = 6_000, 0.02
KINDS = (*SPOILS, "duplicate")


def strict(contract: Contract) -> Contract:
    """Return the contract with every rule hard."""
    hard = {
        "on_range": Severity.HARD,
        "on_category": Severity.HARD,
        "on_null": Severity.HARD,
        "on_length": Severity.HARD,
    }
    return replace(contract, columns=tuple(replace(rule, **hard) for rule in contract.columns))


def measured(case: Spoiled, first: pl.DataFrame) -> Counter[str]:
    """Return counts: for each way its rows, repaired and quarantined; good cells, and how many were touched."""
    raw = pl.concat([first, case.rows])
    before = learn_plan(first, keep_text=(ID,))
    contract = strict(learn_contract(replay(before, first).frame, before, id=ID, time=None))
    kinds = {rule.column: rule.kind for rule in contract.columns}
    plan = held_to(kinds, learn_plan(raw, keep_text=(ID,)), raw, before)
    cleaned = replay(plan, raw)
    out = {row - len(first) for row in enforce(contract, cleaned).bad["row"].unique()}
    truth = replay(learn_plan(pl.concat([first, case.truth]), keep_text=(ID,)), case.truth).frame
    wrong = differing(cleaned.frame[len(first) :], truth)
    return counted(case, wrong, out)


def differing(frame: pl.DataFrame, truth: pl.DataFrame) -> dict[int, list[str]]:
    """Return for each row the columns that are not what they were."""
    wrong: dict[int, list[str]] = {}
    for name in truth.columns:
        one, other = frame[name], truth[name]
        if one.dtype.is_numeric() and other.dtype.is_numeric():
            one, other = one.cast(pl.Float64), other.cast(pl.Float64)  # a whole number is one in a column of others
        elif one.dtype != other.dtype:
            one, other = one.cast(pl.String), other.cast(pl.String)
        is_wrong = one.ne_missing(other)
        if one.dtype.is_float():
            is_wrong = is_wrong & ~((one - other).abs() <= 1e-9 * other.abs()).fill_null(False)
        for at in is_wrong.arg_true():
            wrong.setdefault(at, []).append(name)
    return wrong


def counted(case: Spoiled, wrong: dict[int, list[str]], out: set[int]) -> Counter[str]:
    """Return the counts of one table."""
    counts: Counter[str] = Counter()
    for at, how in case.how.items():
        spoiled_cells = sum(one != other for one, other in zip(case.rows.row(at), case.truth.row(at), strict=True))
        counts[f"{how} rows"] += 1
        counts[f"{how} quarantined"] += at in out
        is_repaired = at not in out and how != "duplicate" and (at not in wrong or _is_null(case, at, wrong[at]))
        counts[f"{how} repaired"] += is_repaired
        counts["good cells"] += case.rows.width - spoiled_cells
    good = [at for at in range(case.rows.height) if at not in case.how]
    counts["good cells"] += len(good) * case.rows.width
    counts["good cells touched"] += sum(len(wrong.get(at, ())) for at in good)
    counts["good rows"] += len(good)
    counts["good rows quarantined"] += sum(at in out for at in good)
    return counts


def _is_null(case: Spoiled, at: int, wrong: list[str]) -> bool:
    """Say whether all that is wrong is the one cell of which nothing was left to repair: it is null now."""
    return case.how[at] == "null written" and len(wrong) == 1


def share(part: int, whole: int) -> str:
    """Return a share for people."""
    return f"{part / whole:.2%}" if whole else "–"


def report(name: str, counts: Counter[str]) -> None:
    """Print a table of Markdown."""
    print(f"\n## {name}\n\n| spoiled by | rows | repaired | quarantined | neither |\n|---|---|---|---|---|")
    for how in KINDS:
        rows, fixed, held = (counts[f"{how} {word}"] for word in ("rows", "repaired", "quarantined"))
        print(f"| {how} | {rows:,} | {share(fixed, rows)} | {share(held, rows)} | {share(rows - fixed - held, rows)} |")
    rows = sum(counts[f"{how} rows"] for how in KINDS)
    done = sum(counts[f"{how} {word}"] for how in KINDS for word in ("repaired", "quarantined"))
    print(f"| **all** | {rows:,} | | | **{share(rows - done, rows)}** |")
    print(
        f"\n{share(done, rows)} repaired or quarantined; "
        f"{counts['good cells touched']:,} of {counts['good cells']:,} good cells touched "
        f"({share(counts['good cells touched'], counts['good cells'])}); "
        f"{counts['good rows quarantined']:,} of {counts['good rows']:,} good rows quarantined."
    )


def main() -> None:
    """Measure and print."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    seeds = next((word.partition("=")[2] for word in sys.argv if word.startswith("--seeds=")), "7").split(",")
    found = list(tables(numbers[0] if numbers else ROWS))
    for seed in map(int, seeds):
        print(f"\n# Seed {seed}")
        one_seed(found, seed)


def one_seed(found: Sequence[Table], seed: int) -> None:
    """Spoil every table, measure and print."""
    halves = [(table, table.rows.height // 2) for table in found]
    cases = [(each.rows[:half], spoiled(each, each.rows[half:], SHARE, seed=seed)) for each, half in halves]
    total: Counter[str] = Counter()
    start = time.perf_counter()
    for first, case in cases:
        counts = measured(case, first)
        report(case.table.name, counts)
        total += counts
    report(f"kaizenml, all tables, {time.perf_counter() - start:.1f} s", total)
    if "--no-skrub" not in sys.argv:
        beside(cases)


def beside(cases: list[tuple[pl.DataFrame, Spoiled]]) -> None:
    """Run skrub over the same tables in an environment of its own, or say why not."""
    with tempfile.TemporaryDirectory() as folder:
        python, reason = environment(Path(folder))
        if python is None:
            print(f"\nskrub skipped: {reason}")
            return
        total: Counter[str] = Counter()
        start = time.perf_counter()
        for first, case in cases:
            source, target = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
            pl.concat([first, case.rows]).write_parquet(source)
            script = Path(__file__).with_name("with_skrub.py")
            known = {ID, *case.table.numbers, *case.table.times}
            words = [name for name in case.rows.columns if name not in known]
            done = subprocess.run([python, script, source, target, *words], capture_output=True, text=True, timeout=600)
            if done.returncode:
                print(f"\nskrub failed on {case.table.name}: {done.stderr.strip().splitlines()[-1]}")
                continue
            truth = replay(learn_plan(pl.concat([first, case.truth]), keep_text=(ID,)), case.truth).frame
            frame = pl.read_parquet(target)[len(first) :]
            total += counted(case, differing(readable(frame, truth), truth), set())
        report(f"skrub's Cleaner and deduplicate, all tables, {time.perf_counter() - start:.1f} s", total)


def readable(frame: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return columns that stayed text, or became another type, in the type of the truth: values count, not types."""
    columns = []
    for name, dtype in truth.schema.items():
        column = frame[name] if name in frame.columns else pl.Series(name, [None] * len(frame), dtype=pl.String)
        if dtype == pl.Datetime:
            moment = column.str.to_datetime(time_zone="UTC", strict=False) if column.dtype == pl.String else column
            column = moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") if moment.dtype != dtype else moment
        elif column.dtype != dtype:
            column = column.cast(pl.Float64, strict=False) if dtype.is_numeric() else column
            column = column.cast(dtype, strict=False)
        columns.append(column.alias(name))
    return pl.DataFrame(columns)


def environment(folder: Path, packages: Sequence[str] = ("skrub", "polars", "pyarrow")) -> tuple[Path | None, str]:
    """Make an environment with packages; None and the reason where that cannot be."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return None, "there is no uv"
    python = folder / "env" / "bin" / "python"
    commands = (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder / "env")],
        [uv, "pip", "install", "--quiet", "--python", str(python), *packages],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return None, (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
    return python, ""


if __name__ == "__main__":
    main()
