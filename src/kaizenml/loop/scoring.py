"""A release, loaded: preparation, features and model behind one call, the same in training and at serving.

Only processes that answer requests or run steps come here; the control plane never does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.contract import Contract, Severity, row_problems
from kaizenml.core.digest import Digest
from kaizenml.core.metric import Task
from kaizenml.core.network import Own, found_in
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Blobs
from kaizenml.core.schema import Column
from kaizenml.core.scorer import Scorer
from kaizenml.core.signature import Answer, Cell, Signature, furthest
from kaizenml.data.clean import replay, rows_to_raw
from kaizenml.data.row_plan import RowPlan
from kaizenml.errors import IntegrityError, KaizenError, RowError
from kaizenml.loop.loading import load_code
from kaizenml.packaging.bundle import Bundle, unpack
from kaizenml.packaging.environment import captured, check
from kaizenml.packaging.formats import load_model
from kaizenml.packaging.inspection import reachable
from kaizenml.training.design import matrix
from kaizenml.training.fit import predicted
from kaizenml.training.graph import step_failed
from kaizenml.training.lowered import lowered
from kaizenml.training.problem import time_parts

T = TypeVar("T")
_MOST_PROBLEMS = 20

#: Up to so many rows plain Python prepares sooner than Polars (benchmarks/data/bench_row.py).
FEW_ROWS = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """How prepared rows become what the model takes: its columns, and the parameters of the `features` step."""

    columns: tuple[Column, ...]
    features: Mapping[str, Any]


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(CleaningPlan), msgspec.json.Decoder(Contract), msgspec.json.Decoder(Recipe))


@dataclass(frozen=True, slots=True)
class LoadedScorer:
    """A release in memory, ready to answer."""

    signature: Signature
    plan: CleaningPlan
    contract: Contract
    recipe: Recipe
    features: Callable[[pl.DataFrame], pl.DataFrame]
    pipeline: Any
    lowered: Callable[[pl.DataFrame], NDArray[np.float64]] | None = None
    row_plan: RowPlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "row_plan", RowPlan(self.plan))

    def answer(self, rows: Sequence[Mapping[str, Cell]]) -> tuple[Answer, ...]:
        """Return one answer for each raw row; `RowError` names every row and column that breaks the contract."""
        return answers(self.predict(self.prepared(rows)), self.signature)

    def prepared(self, rows: Sequence[Mapping[str, Cell]]) -> pl.DataFrame:
        """Return raw rows as the cleaning plan prepares them; `RowError` for cells that break a hard rule."""
        frame, typed, failures = self._read(rows)
        problems: list[dict[str, object]] = [
            {"row": row, "column": column, "problem": f"{value!r} cannot be read as {self.plan[column].kind}"}
            for row, column, value in failures
        ]
        problems += self._broken(typed)
        if problems:
            raise row_error(problems)
        return self.row_plan.frame(typed) if frame is None else frame

    def _read(
        self, rows: Sequence[Mapping[str, Cell]]
    ) -> tuple[pl.DataFrame | None, list[dict[str, Any]], list[tuple[int, str, str]]]:
        """Return the typed rows, as a frame too where many rows were read at once, and what could not be read."""
        if 0 < len(rows) <= FEW_ROWS:
            with suppress(RowError):  # the frame's own error names the row
                return None, *self.row_plan.all(rows)
        cleaned = replay(self.plan, rows_to_raw(rows, self.plan))
        return cleaned.frame, cleaned.frame.rows(named=True), cleaned.failures.rows()

    def predict(self, prepared: pl.DataFrame) -> NDArray[np.float64]:
        """Return what the model says of prepared rows: probabilities (n, k), or values (n,)."""
        featured = apply_features(self.features, prepared)
        frame = matrix(featured, self.recipe.columns)
        task, count = self.signature.task, len(self.signature.classes)
        if self.lowered is None:
            return predicted(self.pipeline, frame, task, count)
        return predicted(self.pipeline.named_steps["model"], self.lowered(frame), task, count)

    def _broken(self, typed: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        return [
            {"row": row, "column": problem.column, "problem": problem.reason}
            for row, values in enumerate(typed)
            for problem in row_problems(self.contract, values)
            if problem.severity is Severity.HARD
        ]


def load_bundle(content: bytes) -> Scorer:
    """Return the scorer in a bundle, after it has given its golden answers again.

    Raises
    ------
    WrongEnvironmentError
        When a library that the model needs is missing here, or of another version.
    UnsafeArtefactError
        When the bundle holds what may not be loaded.
    IntegrityError
        When the golden rows get other answers than when the model was made.
    """
    bundle = unpack(content)
    check(bundle.manifest.needs, captured())
    scorer = scorer_of(bundle, load_model(bundle.manifest.model_format, bundle.model))
    scorer = replace(scorer, lowered=lowered(scorer.pipeline.named_steps["prepare"]))
    check_golden(scorer, bundle)
    return scorer


def load_release(blobs: Blobs, name: str, digest: Digest) -> Scorer:
    """Return the scorer of a release from the bundle with this digest."""
    try:
        return load_bundle(blobs.get(digest))
    except KaizenError as error:
        error.details.setdefault("release", name)
        raise


def scorer_of(bundle: Bundle, pipeline: Any) -> LoadedScorer:
    """Return the scorer of an unpacked bundle around its loaded model."""
    recipe = part(bundle, "recipe.json", Recipe)
    loaded = load_code(bundle.code)
    function = loaded.project.steps.get("features", time_parts)
    for wanted in (found for found in reachable(pipeline) if isinstance(found, Own)):
        wanted.function = found_in(wanted, loaded.modules)
    return LoadedScorer(
        signature=bundle.signature,
        plan=part(bundle, "plan.json", CleaningPlan),
        contract=part(bundle, "contract.json", Contract),
        recipe=recipe,
        features=partial(function, **recipe.features),
        pipeline=pipeline,
    )


def check_golden(scorer: Scorer, bundle: Bundle) -> float:
    """Replay the golden rows, as one batch and one by one, and return the largest difference.

    Raises
    ------
    IntegrityError
        When it is above the tolerance that is stored with them.
    """
    rows = bundle.golden.rows
    apart = max(
        furthest(bundle.golden, scorer.answer(rows)),
        furthest(bundle.golden, tuple(answer for row in rows for answer in scorer.answer([row]))),
    )
    if apart > bundle.golden.tolerance:
        raise IntegrityError(
            f"The model answers its golden rows differently here: by {apart:.3g}, where {bundle.golden.tolerance:.3g}"
            " is allowed.",
            "Serve it with the libraries that it was made with; if a `features` step looks at other rows or at the time"
            " of day, make it look at its own row only.",
        )
    return apart


def part(bundle: Bundle, name: str, kind: type[T]) -> T:
    """Return a JSON document of a bundle as a value."""
    return msgspec.json.decode(bundle.parts[name], type=kind)


def apply_features(features: Callable[[pl.DataFrame], pl.DataFrame], prepared: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with what the `features` step makes of them; as many rows, in their order.

    Raises
    ------
    StepFailedError
        When it raises, or returns another number of rows.
    """
    function = features.func if isinstance(features, partial) else features
    try:
        featured = features(prepared)
    except KaizenError:
        raise
    except (Exception, SystemExit) as error:
        raise step_failed("features", function, error) from error
    if not isinstance(featured, pl.DataFrame) or len(featured) != len(prepared):
        got = f"{len(featured)} rows" if isinstance(featured, pl.DataFrame) else type(featured).__name__
        raise step_failed("features", function, ValueError(f"it was given {len(prepared)} rows and returned {got}"))
    return featured


def answers(found: NDArray[np.float64], signature: Signature) -> tuple[Answer, ...]:
    """Return predictions as answers: labels in the type that the target had, with their probabilities."""
    if signature.task is Task.REGRESSION:
        return tuple(Answer(float(value)) for value in found)
    labels = [label(name, signature.target_type) for name in signature.classes]
    best = found.argmax(axis=1)
    return tuple(Answer(labels[code], tuple(each)) for code, each in zip(best.tolist(), found.tolist(), strict=True))


def label(text: str, kind: str) -> Cell:
    """Return a class as the target's own type: text, integer, boolean or number."""
    if kind == "boolean":
        return text == "true"
    if kind == "integer":
        return int(text)
    return float(text) if kind == "number" else text


def row_error(problems: Sequence[Mapping[str, object]]) -> RowError:
    """Return the error that names the first problem in words and the first twenty cells, one problem of each."""
    cells = {(each["row"], each["column"]): each for each in reversed(problems)}
    found = [each for each in problems if cells[each["row"], each["column"]] is each]
    first, more = found[0], f" ({len(found) - 1} more in the details)" if len(found) > 1 else ""
    return RowError(
        f"rows[{first['row']}]: column {first['column']!r}: {first['problem']}{more}.",
        "Send the row as the endpoint's schema says.",
        {"rows": found[:_MOST_PROBLEMS]},
    )
