"""A small project trained once, an endpoint that serves it, and rows that it answered: some loaded, some in the log."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
from loop_projects import house, run_in, write

from kaizenml.core.endpoint import Endpoint
from kaizenml.core.prediction import Answered, Feedback, Label
from kaizenml.core.signature import Cell
from kaizenml.loop.collecting import collect
from kaizenml.loop.scoring import load_release
from kaizenml.loop.wiring import House

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEATURES = """
@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(each=pl.col("amount") / (pl.col("visits") + 1), visits=pl.col("visits").clip(0, 15))
"""
ROWS = [{"id": f"new-{number}", "amount": f" {number / 10} ", "visits": number} for number in range(8)]


def answer(of: House, rows: Sequence[Mapping[str, Cell]], *, release: str = "shop/1", role: str = "answer") -> Answered:
    """Return the line of the log for rows, answered as the release answers them."""
    with of.records.reading() as books:
        bundle = books.models.get(books.releases.get(release).model_version).bundle
    answers = load_release(of.blobs, release, bundle).answer(rows)
    ids = tuple(str(row["id"]) for row in rows)
    values, chances = tuple(a.value for a in answers), tuple(a.probabilities for a in answers)
    return Answered(NOW, NOW, "shop", release, role, ids, tuple(rows), values, chances, 0.001)


def log(of: House, kind: str, lines: Sequence[Answered | Feedback], number: int, *, end: str = "ndjson") -> None:
    """Write lines into a segment of the log."""
    folder = of.settings.serving / "log"
    folder.mkdir(parents=True, exist_ok=True)
    content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    (folder / f"{kind}-{number:020d}-1.{end}").write_bytes(content)


def copied(of: House, folder: Path) -> House:
    """Return a house of its own with all that another has."""
    shutil.copytree(of.settings.folder, folder)
    return house(folder)


@cache
def answered_shop() -> House:
    """Return the house: five rows are in the tables, three in the log; one has its label."""
    folder = Path(tempfile.mkdtemp(prefix="answered-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    of = house(write(folder / "shop", FEATURES))
    run_in(folder / "shop")
    with of.records.writing() as books:
        books.endpoints.save(Endpoint("shop", "shop", champion="shop/1", generation=1), seen=0)
    log(of, "predictions", [answer(of, ROWS[:5])], 1)
    log(of, "feedback", [Feedback(NOW, "shop", (Label("new-1", "no", NOW + timedelta(hours=1)),))], 2)
    collect(of)
    log(of, "predictions", [answer(of, ROWS[5:7])], 3)
    log(of, "predictions", [answer(of, ROWS[7:]), answer(of, ROWS[7:], role="shadow")], 4, end="open")
    return of
