"""Behavioural tests, tried on the model that is judged and on the champion beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.behaviour import Behaviour, Direction, Expected, Invariant, Minimum, expected
from kaizenml.core.gate import Behaves, Check
from kaizenml.core.metric import Task
from kaizenml.core.signature import Answer
from kaizenml.errors import NotFoundError, ProjectError, RowError, StepFailedError
from kaizenml.training.problem import Problem

Array = NDArray[np.float64]
#: From prepared rows to probabilities (n, k), or values (n,).
Predict = Callable[[pl.DataFrame], Array]
#: From raw rows to answers.
AnswerRows = Callable[[Sequence[Mapping[str, Any]]], tuple[Answer, ...]]

#: Tests look at so many test rows at the most, spread over all of them.
MOST_ROWS = 500
MOST_SHOWN = 3
WITHIN = 0.01


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that can be asked: what it predicts of prepared rows, and answers to raw ones."""

    name: str
    predict: Predict
    answer: AnswerRows


@dataclass(frozen=True, slots=True)
class Trial:
    """What behaviours are tried on: test rows as selected, the model that is judged, and the champion, if any."""

    behaviours: Mapping[str, Behaviour]
    rows: pl.DataFrame
    problem: Problem
    model: Subject
    champion: Subject | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tries there were, and what went wrong in each that failed, the worst first."""

    tries: int
    failures: tuple[str, ...]


def behaves(asked: Behaves, trial: Trial) -> Check:
    """Return whether the model behaves as it should; the evidence names the rows where it does not.

    Raises
    ------
    NotFoundError
        For a column or class that is not there.
    ProjectError, StepFailedError
        For a change that cannot be made, or that raises.
    """
    behaviour = trial.behaviours[asked.name]
    outcome = _outcome(behaviour, trial, trial.model)
    failed, share = len(outcome.failures), len(outcome.failures) / max(outcome.tries, 1)
    shown = "".join(f" {each};" for each in outcome.failures[:MOST_SHOWN]).removesuffix(";")
    evidence = f"{asked.says} {failed:,} of {outcome.tries:,} tries fail ({share:.1%}); {asked.allow:.1%} may."
    evidence += f"{shown}." if shown else ""
    if trial.champion is not None:
        evidence += f" {_beside(behaviour, trial, trial.champion)}"
    return Check(f"behaves({asked.name})", share <= asked.allow, share, asked.allow, evidence)


def _beside(behaviour: Behaviour, trial: Trial, champion: Subject) -> str:
    theirs = _outcome(behaviour, trial, champion)
    return f"{champion.name} fails {len(theirs.failures):,} of {theirs.tries:,}."


def _outcome(behaviour: Behaviour, trial: Trial, model: Subject) -> Outcome:
    match behaviour:
        case Invariant():
            return _invariance(behaviour, trial, model)
        case Direction():
            return _directions(behaviour, trial, model)
        case Minimum():
            return _minimum(behaviour, model)


def _invariance(asked: Invariant, trial: Trial, model: Subject) -> Outcome:
    rows = _rows(trial, asked.column)
    before = _columns(model.predict(rows))
    within = _within(asked, before, trial.problem.task)
    tries = 0
    failures: list[tuple[float, str]] = []
    for changed in _changes(asked, rows):
        after = _columns(model.predict(rows.with_columns(changed)))
        moved = np.abs(after - before)
        worst = moved.argmax(axis=1) if moved.shape[1] != 2 else np.ones(len(moved), dtype=np.int64)
        is_other = (changed != rows[asked.column]).fill_null(True).to_numpy()
        tries += int(is_other.sum())
        failures += [
            (moved[at, worst[at]], _told(asked.column, trial, rows, changed, at, before, after, int(worst[at])))
            for at in np.flatnonzero(is_other & (moved.max(axis=1) > within)).tolist()
        ]
    return Outcome(tries, _worst_first(failures))


def _directions(asked: Direction, trial: Trial, model: Subject) -> Outcome:
    rows = _rows(trial, asked.column)
    if not rows[asked.column].dtype.is_numeric():
        raise ProjectError(f"{asked.by:+g} of {asked.column} says nothing: it holds no numbers.", "Use kz.invariant().")
    changed = rows[asked.column] + asked.by
    before, after = _columns(model.predict(rows)), _columns(model.predict(rows.with_columns(changed)))
    of = _class_of(asked, trial.problem)
    wrong = (after[:, of] - before[:, of]) * (-1.0 if asked.expect is Expected.UP else 1.0)
    failures = [
        (wrong[at], _told(asked.column, trial, rows, changed, at, before, after, of))
        for at in np.flatnonzero(wrong > asked.within + 1e-12).tolist()
    ]
    return Outcome(len(rows), _worst_first(failures))


def _minimum(asked: Minimum, model: Subject) -> Outcome:
    failures = []
    for number, row in enumerate(asked.rows):
        try:
            (answer,) = model.answer([row])
        except RowError as error:
            failures.append(f"row {number}: {error.message}")
            continue
        if not _will_do(asked, answer):
            failures.append(f"row {number} is answered with {expected(answer.value)}, not {expected(asked.expect)}")
    return Outcome(len(asked.rows), tuple(failures))


def _will_do(asked: Minimum, answer: Answer) -> bool:
    if callable(asked.expect):
        try:
            return bool(asked.expect(answer.value))
        except (Exception, SystemExit) as error:
            raise _raised("minimum", error) from error
    if isinstance(asked.expect, tuple | list) and isinstance(answer.value, int | float):
        low, high = asked.expect
        return bool(low <= answer.value <= high)
    return answer.value == asked.expect or expected(answer.value) == expected(asked.expect)


def _rows(trial: Trial, column: str) -> pl.DataFrame:
    names = [each.name for each in trial.problem.inputs]
    if column not in names:
        raise NotFoundError("input column", column, names)
    size = len(trial.rows)
    chosen = np.unique(np.linspace(0, size - 1, min(size, MOST_ROWS)).astype(int))
    beside = [trial.problem.id] if trial.problem.id in trial.rows.columns else []
    found: pl.DataFrame = trial.rows.select(list(dict.fromkeys([*names, *filter(None, beside)])))[chosen.tolist()]
    return found


def _changes(asked: Invariant, rows: pl.DataFrame) -> list[pl.Series]:
    before = rows[asked.column]
    if not callable(asked.change):
        try:
            return [pl.Series(asked.column, [value] * len(rows), dtype=before.dtype) for value in asked.change]
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise ProjectError(
                f"{asked.column} cannot be changed to one of {list(asked.change)!r}: it holds {before.dtype}.",
                "Give values of the column's own type.",
            ) from error
    try:
        found = asked.change(before)
        changed = pl.Series(asked.column, found).cast(before.dtype)
    except (Exception, SystemExit) as error:
        raise _raised(f"invariant({asked.column})", error) from error
    if len(changed) != len(rows):
        raise ProjectError(
            f"The change of {asked.column} returned {len(changed)} values for {len(rows)} rows.",
            "Return as many values, in their order.",
        )
    return [changed]


def _raised(name: str, error: BaseException) -> StepFailedError:
    return StepFailedError(
        f"The function of the behaviour `{name}` raised {type(error).__name__}: {str(error)[:300]}",
        "Call it by hand: it takes a Polars series (of kz.minimum: one answer's value).",
        {"behaviour": name},
    )


def _within(asked: Invariant, before: Array, task: Task) -> float:
    if asked.within is not None:
        return asked.within
    return WITHIN if task is not Task.REGRESSION else max(WITHIN * float(before.std()), 1e-12)


def _class_of(asked: Direction, problem: Problem) -> int:
    if problem.task is Task.REGRESSION:
        return 0
    if asked.of and asked.of not in problem.classes:
        raise NotFoundError("class", asked.of, problem.classes)
    if not asked.of and problem.task is Task.MULTICLASS:
        raise ProjectError(
            f"direction({asked.column!r}) does not say of which class: there are {len(problem.classes)}.",
            f"Say which: of={problem.classes[0]!r}, for one.",
        )
    return problem.classes.index(asked.of) if asked.of else 1


def _told(
    column: str, trial: Trial, rows: pl.DataFrame, changed: pl.Series, at: int, before: Array, after: Array, of: int
) -> str:
    id_ = trial.problem.id
    row = f"{id_}={rows[id_][at]}" if id_ is not None and id_ in rows.columns else f"row {at}"
    what = f" of {trial.problem.classes[of]!r}" if trial.problem.classes else ""
    return (
        f"{row}: {column} {_short(rows[column][at])} → {_short(changed[at])} moves the answer{what} from"
        f" {before[at, of]:.4g} to {after[at, of]:.4g}"
    )


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _columns(found: Array) -> Array:
    return found[:, None] if found.ndim == 1 else found


def _worst_first(failures: list[tuple[Any, str]]) -> tuple[str, ...]:
    return tuple(said for _, said in sorted(failures, key=lambda each: -float(each[0])))
