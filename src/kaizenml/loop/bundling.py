"""What a run makes for serving: model, plan, contract, code, golden rows, and what the monitors need, in one bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml._version import __version__
from kaizenml.core.run import Run
from kaizenml.core.schema import ColumnKind, Role
from kaizenml.core.signature import GoldenRows, Signature
from kaizenml.loop.loading import Loaded
from kaizenml.loop.scoring import LoadedScorer, Recipe, scorer_of
from kaizenml.loop.snapshotting import Prepared
from kaizenml.loop.steps import Trained
from kaizenml.monitoring.profile import learn_reference
from kaizenml.monitoring.usual import Usual, learn_usual
from kaizenml.monitoring.watch import learn_watch
from kaizenml.packaging.bundle import Bundle, Manifest
from kaizenml.packaging.environment import needed
from kaizenml.packaging.formats import save_model
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.metrics import row_losses
from kaizenml.training.problem import Problem, blocks_of

GOLDEN_ROWS = 16
#: Days from which it is learned how much days differ.
MOST_BLOCKS = 60


def bundled(loaded: Loaded, prepared: Prepared, values: Mapping[str, Any], begun: Run) -> tuple[Bundle, LoadedScorer]:
    """Return everything that serving needs in one value, and the scorer that it makes."""
    problem = values["problem"]
    trained: Trained = values["train"]
    names = [column.name for column in problem.inputs]
    signature = _signature(problem, values["rows"][problem.target])
    features = {
        name.removeprefix("features."): value
        for name, value in begun.parameters.items()
        if name.startswith("features.")
    }
    form, model = save_model(trained.fitted.pipeline)
    parts = {
        "plan.json": msgspec.json.encode(prepared.plan.only(names)),
        "contract.json": msgspec.json.encode(prepared.contract.only(names)),
        "recipe.json": msgspec.json.encode(Recipe(trained.fitted.columns, features)),
        **_usual_rows(values["rows"], problem),
        "watch.json": msgspec.json.encode(_watch(values["evaluate"], problem)),
    }
    manifest = Manifest(
        kaizenml=__version__,
        python=begun.environment.python,
        model_format=form,
        needs=needed(model, loaded.code, begun.environment, form),
        run=begun.id,
        snapshot=prepared.snapshot.name,
    )
    bare = Bundle(manifest, model, signature, GoldenRows((), ()), parts, dict(loaded.code))
    scorer = scorer_of(bare, trained.fitted.pipeline)
    return replace(bare, golden=_golden(scorer, values["rows"], names)), scorer


def _golden(scorer: LoadedScorer, rows: pl.DataFrame, names: list[str]) -> GoldenRows:
    """Return raw rows, spread over the whole table, and what the model says of them."""
    chosen = rows.select(names)[np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int)).tolist()]
    raw = tuple({name: _cell(value) for name, value in row.items()} for row in chosen.iter_rows(named=True))
    return GoldenRows(raw, tuple(scorer.answer(raw)))


def _cell(value: object) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _signature(problem: Problem, target: pl.Series) -> Signature:
    kind = "text"
    if target.dtype == pl.Boolean:
        kind = "boolean"
    elif target.dtype.is_integer():
        kind = "integer"
    elif target.dtype.is_numeric():
        kind = "number"
    return Signature(
        problem.task, problem.target, problem.inputs, problem.classes, kind, id=problem.id, time=problem.time
    )


def _usual_rows(rows: pl.DataFrame, problem: Problem) -> dict[str, bytes]:
    """Return what later rows are held against: the training rows in cells, and how much days usually differ."""
    columns = {c.name: c.kind for c in problem.inputs if c.kind is not ColumnKind.TIME and c.role is not Role.GROUP}
    reference = learn_reference(rows, columns)
    blocks = blocks_of(problem, rows)
    usual = Usual() if blocks is None else learn_usual(reference, *_some_blocks(rows, blocks))
    return {"reference.json": msgspec.json.encode(reference), "usual.json": msgspec.json.encode(usual)}


def _some_blocks(rows: pl.DataFrame, blocks: NDArray[np.int64]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return the rows of at most sixty blocks, spread over all of them: what is usual needs no more."""
    every = np.unique(blocks)
    some = every[np.unique(np.linspace(0, len(every) - 1, MOST_BLOCKS).astype(int))]
    is_chosen = np.isin(blocks, some)
    return rows.filter(is_chosen), blocks[is_chosen]


def _watch(evaluation: Evaluation, problem: Problem) -> object:
    """Return the level of loss that live quality is held against; None where there are too few days."""
    if evaluation.blocks is None:
        return None
    return learn_watch(row_losses(problem.task, evaluation.y, evaluation.predicted), evaluation.blocks)
