"""What a model's wheel does on the command line; the wheel itself only calls `run`."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from kaizenml.core.scorer import Scorer
from kaizenml.core.signature import Answer, Cell, Signature, furthest
from kaizenml.errors import KaizenError, RowError, SourceError
from kaizenml.packaging.bundle import unpack
from kaizenml.packaging.environment import captured

_CHUNK = 1_000


def run(
    name: str, version: str, bundle: Callable[[], bytes], load: Callable[[], Scorer], arguments: Sequence[str]
) -> int:
    """Answer a table of rows, or test the model on its golden rows; return the exit code.

    Parameters
    ----------
    name, version
        Of the model.
    bundle
        Returns the bundle's bytes.
    load
        Returns the loaded model.
    arguments
        What stands behind the command: ``IN.csv --out OUT.csv`` or ``--selftest``.
    """
    options = _parser(name, version).parse_args(arguments)
    try:
        if options.selftest:
            return _print_selftest(name, version, bundle(), load)
        count = _answer_table(load(), options.table, options.out)
    except KaizenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or options.table}: {error.strerror or error}.", file=sys.stderr)
        return 3
    print(f"{count:,} rows answered.", file=sys.stderr)
    return 0


def predicted(scorer: Scorer, rows: Sequence[Mapping[str, Cell]]) -> list[dict[str, object]]:
    """Return one JSON object for each row: its value, and the probability of each class."""
    classes = scorer.signature.classes
    return [_as_json(answer, classes) for answer in scorer.answer(rows)]


def selftest(name: str, version: str, bundle: bytes, load: Callable[[], Scorer]) -> dict[str, object]:
    """Replay the golden rows, and return what a program can read: did all answers come out as they were?"""
    started = time.perf_counter()
    unpacked = unpack(bundle)
    golden, needs, here = unpacked.golden, unpacked.manifest.needs, captured()
    worst = furthest(golden, tuple(load().answer(golden.rows)))
    return {
        "model": name,
        "version": version,
        "passed": worst <= golden.tolerance,
        "rows": len(golden.rows),
        "worst": worst if math.isfinite(worst) else None,
        "tolerance": golden.tolerance,
        "seconds": round(time.perf_counter() - started, 3),
        "python": here.python,
        "packages": {package: here.packages.get(package) for package in ("kaizenml", *needs)},
    }


def _print_selftest(name: str, version: str, bundle: bytes, load: Callable[[], Scorer]) -> int:
    try:
        result = selftest(name, version, bundle, load)
    except KaizenError as error:
        facts = {"code": error.code, "message": error.message, "hint": error.hint}
        result = {"model": name, "version": version, "passed": False, "error": facts}
    print(json.dumps(result, allow_nan=False))
    return 0 if result["passed"] else 1


def _parser(name: str, version: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{name}-predict", description=f"Answer rows with the model {name} {version}."
    )
    parser.add_argument("--version", action="version", version=version)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("table", nargs="?", metavar="IN.csv", type=Path, help="the rows, with a header")
    what.add_argument("--selftest", action="store_true", help="replay the golden rows and print one line of JSON")
    parser.add_argument("--out", metavar="OUT.csv", type=Path, help="where the answers go (default: standard output)")
    return parser


def _answer_table(scorer: Scorer, table: Path, out: Path | None) -> int:
    """Answer a table in constant memory; the output file appears when it is whole."""
    with table.open(newline="", encoding="utf-8-sig") as source:
        if out is None:
            return _write(scorer, source, sys.stdout)
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        try:
            with part.open("w", newline="", encoding="utf-8") as target:
                count = _write(scorer, source, target)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
        return count


def _write(scorer: Scorer, source: TextIO, target: TextIO) -> int:
    signature, count = scorer.signature, 0
    writer = csv.writer(target, lineterminator="\n")
    named = [signature.id] if signature.id else []
    writer.writerow([*named, "prediction", *(f"probability_{label}" for label in signature.classes)])
    for rows in _chunks(source, signature):
        for row, answer in zip(rows, _answers(scorer, rows, count), strict=True):
            writer.writerow([*(row.get(column) for column in named), answer.value, *answer.probabilities])
        count += len(rows)
    return count


def _answers(scorer: Scorer, rows: list[dict[str, Cell]], before: int) -> tuple[Answer, ...]:
    try:
        return tuple(scorer.answer(rows))
    except RowError as error:
        raise RowError(f"Among the rows behind row {before:,}: {error.message}", error.hint, error.details) from error


def _chunks(source: TextIO, signature: Signature) -> Iterator[list[dict[str, Cell]]]:
    reader = csv.DictReader(source)
    taken = {column.name for column in signature.inputs} | {signature.id, signature.time}
    missing = [column.name for column in signature.inputs if column.name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(f"The table has no column {missing[0]!r}.", "Give it a header with the model's columns.")
    while lines := list(islice(reader, _CHUNK)):
        yield [{name: value or None for name, value in line.items() if name in taken} for line in lines]


def _as_json(answer: Answer, classes: Sequence[str]) -> dict[str, Any]:
    if not answer.probabilities:
        return {"value": answer.value}
    return {"value": answer.value, "probabilities": dict(zip(classes, answer.probabilities, strict=True))}
