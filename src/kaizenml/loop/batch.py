"""Batch scoring: a whole file through the very scorer that an endpoint uses."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kaizenml.core.signature import Answer, Cell
from kaizenml.data.ingest import read_file
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.scoring import load_release
from kaizenml.loop.wiring import House, Say

BATCH = 10_000


def predict_file(house: House, name: str, file: Path, out: Path, say: Say) -> int:
    """Score a file with a release; write id, prediction and probabilities; return how many rows.

    The columns are those that the command of a release's wheel writes.

    Raises
    ------
    UsageError
        For a file to write that is neither CSV nor Parquet, or whose folder is not there.
    NotFoundError
        When the file lacks a column that the release needs.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{out.name} is neither CSV nor Parquet.", "Name it .csv or .parquet.")
    if not out.parent.is_dir():
        raise UsageError(f"There is no folder {out.parent} to write {out.name} to.", "Make it first.")
    with house.records.reading() as books:
        version = books.models.get(books.releases.get(name).model_version)
    raw = read_file(file)
    scorer = load_release(house.blobs, name, version.bundle)
    signature = scorer.signature
    for column in signature.inputs:
        if column.name not in raw.columns:
            raise NotFoundError(f"column in {file.name} named", column.name, raw.columns)
    rows: list[dict[str, Cell]] = []
    for start in range(0, len(raw), BATCH):
        part = raw[start : start + BATCH]
        found = scorer.answer(part.select(column.name for column in signature.inputs).to_dicts())
        rows += [_row(answer, signature.classes) for answer in found]
        say(f"{start + len(part):,} of {len(raw):,} rows")
    made = pl.DataFrame(rows)
    if signature.id is not None and signature.id in raw.columns:
        made = made.select(raw[signature.id], pl.all())
    fresh = out.with_name(f".{out.name}.new")
    made.write_csv(fresh) if out.suffix == ".csv" else made.write_parquet(fresh)
    fresh.replace(out)
    return len(made)


def _row(answer: Answer, classes: tuple[str, ...]) -> dict[str, Cell]:
    found = {f"probability_{name}": p for name, p in zip(classes, answer.probabilities, strict=False)}
    return {"prediction": answer.value, **found}
