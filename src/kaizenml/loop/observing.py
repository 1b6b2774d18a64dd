"""What a pipeline's run leaves besides its results: its code, its console, what it used of the machine, its losses."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.gate import Slices
from kaizenml.core.metric import Task
from kaizenml.core.ports import Books
from kaizenml.core.run import Code, Console, Run
from kaizenml.core.series import Point
from kaizenml.core.snapshot import Snapshot
from kaizenml.loop.live import console_file
from kaizenml.loop.loading import Loaded
from kaizenml.loop.wiring import House
from kaizenml.project import Project
from kaizenml.training import console, provenance, system
from kaizenml.training.evaluate import Evaluation, losses
from kaizenml.training.problem import ROW

#: The run that goes on in this process and its children, for runs that begin within it.
RUNNING = "KAIZEN_RUN"
#: The file of a run's losses: columns ``key`` (which row), ``block`` (its day, or null) and ``loss``.
LOSSES = "losses.parquet"
#: Beside them, what each slice that the project declares is called in a row, under its column's name behind this.
SLICE = "slice:"
#: No more samples of the machine than this are kept: a day, at one in 5 seconds.
_MOST_SAMPLES = 17_280


def code_of(loaded: Loaded, folder: Path, house: House) -> Code:
    """Return which code a project runs, after keeping it."""
    return replace(provenance.recorded(folder, loaded.code, house.blobs), digest=loaded.digest)


class Observed:
    """Watches this process while a run goes on.

    Before the end of the run is written, `noted` adds what was seen to it; or `ended` does, and `keep` in the same
    transaction as the end.
    """

    def __init__(self, house: House, run: Run) -> None:
        self._house, self._run = house, run
        self._around = ExitStack()
        self._points: dict[str, list[Point]] = {}
        self._latest: dict[str, float] = {}
        self._snapshot: Snapshot | None = None

    def __enter__(self) -> Self:
        self._file = console_file(self._house.settings.home, self._run.id)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.unlink(missing_ok=True)  # of an earlier attempt, whose children may still write to it
        self._before = os.environ.get(RUNNING)
        os.environ[RUNNING] = self._run.id
        self._around.enter_context(console.kept(self._file, onward=(2, 2)))
        self._around.enter_context(system.sampled(self._take))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._around.close()
        if os.environ.get(RUNNING) == self._run.id:
            os.environ.pop(RUNNING)
            if self._before is not None:
                os.environ[RUNNING] = self._before
        self._file.unlink(missing_ok=True)

    def read(self, snapshot: Snapshot) -> None:
        """Write down which data the run reads, so that its record says so however it ends."""
        self._snapshot = snapshot
        with self._house.records.writing() as books:
            books.runs.save(self._with_data(books.runs.get(self._run.id)))

    def ended(self, run: Run) -> Run:
        """End the watching; return the run with its data and console, and what it used last."""
        self._around.close()
        content, written, left_out = console.read(self._file)
        kept = Console(self._house.blobs.put(content), written, left_out) if written else None
        self._latest |= {name: each[-1].value for name, each in self._points.items()}
        return self._with_data(replace(run, console=kept or run.console, latest={**run.latest, **self._latest}))

    def keep(self, books: Books) -> None:
        """Write what the run used as series, once, when the watching has ended."""
        points, self._points = self._points, {}
        if points:
            books.series.append(self._run.id, points)

    def noted(self, run: Run) -> Run:
        """Do both: end the watching, and write what the run used in a transaction of its own."""
        ended = self.ended(run)
        if self._points:
            with self._house.records.writing() as books:
                self.keep(books)
        return ended

    def _with_data(self, run: Run) -> Run:
        of = self._snapshot
        return run if of is None else replace(run, snapshot=of.name, data={**run.data, **data_of(of)})

    def _take(self, sample: Mapping[str, float]) -> None:
        now = time.time()
        for name, value in sample.items():
            series = self._points.setdefault(name, [])
            if len(series) < _MOST_SAMPLES:
                series.append(Point(int(now), int(now * 1e6), value))


def data_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the data that a run read: the digest of its snapshot."""
    return {snapshot.name: snapshot.digest}


def sliced(project: Project) -> tuple[str, ...]:
    """Return the columns whose slices the project looks at, in its gate or in its evaluation."""
    gated = (each.column for each in project.requirements if isinstance(each, Slices))
    return tuple(dict.fromkeys([*gated, *project.examination.slices]))


def kept_losses(
    house: House, evaluated: Evaluation, task: Task, rows: pl.DataFrame, project: Project, snapshot: Snapshot
) -> dict[str, Digest]:
    """Keep the loss of every test row, so that another run on the same rows can be held against it, row by row.

    Parameters
    ----------
    rows
        The test rows, in the order of the evaluation.
    project
        Says which column names a row (without one, a row is its number in the snapshot), and which slices count.
    """
    key = project.id
    if key is not None and key in rows.columns:
        keys = rows[key].cast(pl.String)
    else:
        number = rows[ROW] if ROW in rows.columns else pl.Series(range(len(rows)))
        keys = pl.Series([f"{snapshot.digest[:16]}:{each}" for each in number])
    frame = pl.DataFrame({"key": keys, "loss": losses(evaluated, task)})
    blocks = evaluated.blocks
    frame = frame.with_columns(block=pl.lit(None, pl.Int64) if blocks is None else pl.Series(blocks))
    cuts = [name for name in sliced(project) if name in rows.columns]
    frame = frame.with_columns(rows[name].cast(pl.String).alias(f"{SLICE}{name}") for name in cuts)
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return {LOSSES: house.blobs.put(buffer.getvalue())}
