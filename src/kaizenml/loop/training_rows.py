"""The very rows that a model was trained on, made again from its pinned snapshot by the code that made them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from kaizenml.core.preparation import settable
from kaizenml.core.run import Run
from kaizenml.errors import StateError
from kaizenml.loop.executing import executed
from kaizenml.loop.order import Order, Way
from kaizenml.loop.pinning import prepared_again
from kaizenml.loop.rerunning import laid_out
from kaizenml.loop.steps import GIVEN, given_by, steps_of
from kaizenml.loop.wiring import House
from kaizenml.training.graph import graph, needed_for
from kaizenml.training.problem import Problem


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows with features, target and id, as the model was fitted on them; not those kept back for the test."""

    rows: pl.DataFrame
    problem: Problem
    seed: int


def training_rows(house: House, run: Run) -> TrainingRows:
    """Return the rows on which the model of a run was fitted.

    Raises
    ------
    StateError
        When the run read no snapshot, or its code was not kept.
    IntegrityError
        When the rows of its snapshot cannot be made again: erased since, or cleared away.
    StepFailedError
        When a step fails that chose them.
    """
    if not run.snapshot:
        raise StateError(f"The run {run.id} read no snapshot.", "Only a project's own runs do.")
    with house.records.reading() as books:
        snapshot = books.snapshots.get(run.snapshot)
        folder = Path(books.declarations.get(run.project).folder)
    loaded, aside = laid_out(house, run, folder), Path(mkdtemp(prefix="kaizen-why-"))
    # What is made here is nobody's result: neither kept for others, nor told of as a step of a run.
    here = replace(house, settings=replace(house.settings, home=aside, cache=aside / "cache"))
    try:
        project = loaded.project
        order = Order(run.id, run.author, settable(run.parameters), way=Way(uses_cache=False, runner="local"))
        nodes = needed_for(graph(steps_of(project), GIVEN, order.parameters, project.options), ["split"])
        given = given_by(project, prepared_again(project, folder, house, snapshot))
        with loaded.at_hand():
            values = executed(loaded, here, order, nodes, given, lambda _: None, [])
        split, problem = values.value("split"), values.value("problem")
    finally:
        shutil.rmtree(loaded.folder, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
    return TrainingRows(split.train, problem, project.seed)
