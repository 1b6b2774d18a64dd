"""Understand a table from its rows: what is learned, what names a row, what dates it, what gives the answer away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.prose import is_prose
from kaizenml.core.schema import Column, ColumnKind, Role, Schema
from kaizenml.data.clean import Cleaned, Flaw, FlawKind, learn_plan, replay
from kaizenml.data.duplicates import duplicate_flaws
from kaizenml.data.leakage import Suspect, leakage_suspects
from kaizenml.data.outliers import outlier_flaws
from kaizenml.data.personal import personal_flaws
from kaizenml.data.target import FEWEST_ROWS, task_of
from kaizenml.errors import TargetError, UsageError, bounded, close_match

_ID_NAME = re.compile(r"(^|[_\s.\-])(?i:id|key|uuid|guid)$|[a-z](Id|ID|Key|KEY)$")
#: A column with a value in fewer rows, or with the same value in more, says next to nothing.
NEARLY_EMPTY, NEARLY_CONSTANT = 0.95, 0.995

_BIRTH = re.compile(r"birth|dob|born", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A column that a model should not see, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a table is, told from its rows.

    Parameters
    ----------
    id, time
        As given, or guessed; None when no column is one.
    ignored
        Suggestions: columns that are constant or only name the row.
    suspects
        Warnings: columns that may give the answer away.
    flaws
        Warnings: personal data, columns that say next to nothing, rows that occur twice, values far from all others.
    """

    task: Task
    plan: CleaningPlan
    schema: Schema
    target: str
    id: str | None
    time: str | None
    ignored: tuple[Ignored, ...]
    suspects: tuple[Suspect, ...]
    flaws: tuple[Flaw, ...] = ()


def infer_table(raw: pl.DataFrame, *, target: str, id: str | None = None, time: str | None = None) -> Inferred:  # noqa: A002
    """Return what can be told about a table whose ``target`` shall be learned.

    Raises
    ------
    TargetError
        When the target is not there, is constant, has missing values, is a time, or has a class of fewer than 5 rows.
    UsageError
        When id or time are not there, ids are missing or not unique, times cannot be read, or rows are fewer than 30.
    """
    _check_there(raw, target, id, time)
    key = id if id is not None else _guessed_id(raw, {target, time})
    plan = learn_plan(raw, keep_text=() if key is None else (key,))
    cleaned = replay(plan, raw)
    if id is not None:
        _check_id(cleaned.frame[id])
    if time is not None:
        _check_time(time, plan, cleaned, raw)
    clock = time if time is not None else _guessed_time(plan, cleaned, {target, key})
    task = task_of(cleaned.frame[target], plan[target], cleaned.failures)
    flaws = found_flaws(raw, cleaned.frame, plan, target=target, id=key)
    ignored = _ignored(cleaned.frame, plan, {target, key, clock}, flaws)
    roles = _roles(plan, target, key, clock, {item.column for item in ignored})
    features = [name for name in plan.names if roles[name] is Role.FEATURE]
    suspects = leakage_suspects(cleaned.frame, features, target, task)
    return Inferred(task, plan, _schema(cleaned.frame, plan, roles), target, key, clock, ignored, suspects, flaws)


def found_flaws(
    raw: pl.DataFrame,
    clean: pl.DataFrame,
    plan: CleaningPlan,
    *,
    target: str,
    id: str | None,  # noqa: A002
) -> tuple[Flaw, ...]:
    """Return what a person should look at before a model sees these rows, the gravest first."""
    return (
        *personal_flaws(raw, plan),
        *_sparse_flaws(clean),
        *duplicate_flaws(clean, target=target, id=id),
        *outlier_flaws(clean.drop(id) if id in clean.columns else clean, plan),
    )


def _sparse_flaws(clean: pl.DataFrame) -> tuple[Flaw, ...]:
    flaws = [_sparse_flaw(column) for column in clean.get_columns()]
    return tuple(flaw for flaw in flaws if flaw is not None)


def _sparse_flaw(values: pl.Series) -> Flaw | None:
    """Return that a column says next to nothing: nearly no values, or nearly always the same."""
    said, name = values.drop_nulls(), values.name
    advice = f'Leave it out, ignore=("{name}",) in project.py, unless its rare values matter most.'
    empty = 1 - len(said) / max(len(values), 1)
    if empty > NEARLY_EMPTY:
        sentence = f"{name} is empty in {empty:.1%} of the rows"
        return Flaw(FlawKind.EMPTY, name, sentence, advice, len(values) - len(said), empty)
    most = said.alias("value").value_counts(sort=True, name="rows").row(0)
    share = most[1] / len(said)
    if share <= NEARLY_CONSTANT:
        return None
    sentence = f"{name} is {str(most[0])[:40]!r} in {share:.1%} of the rows that have a value"
    return Flaw(FlawKind.CONSTANT, name, sentence, advice, most[1], share)


def _check_there(raw: pl.DataFrame, target: str, key: str | None, time: str | None) -> None:
    if target not in raw.columns:
        raise TargetError(f"There is no column {target!r} to learn.", _offer(target, raw.columns), {"column": target})
    for role, name in (("id", key), ("time", time)):
        if name is not None and name not in raw.columns:
            raise UsageError(f"There is no {role} column {name!r}.", _offer(name, raw.columns), {"column": name})
    if len({target, key, time} - {None}) < 1 + (key is not None) + (time is not None):
        raise UsageError("Target, id and time must be different columns.", "Name each column once.")
    if raw.height < FEWEST_ROWS:
        hint = "Give it more rows: a model of so few says nothing."
        raise UsageError(f"The table has {raw.height} rows; {FEWEST_ROWS} are the least.", hint, {"rows": raw.height})


def _offer(name: str, known: list[str]) -> str:
    match = close_match(name, known)
    return f"Did you mean {match!r}?" if match else f"The columns are {bounded(known)}."


def _guessed_id(raw: pl.DataFrame, taken: set[str | None]) -> str | None:
    for name in raw.columns:
        is_named = name not in taken and _ID_NAME.search(name)
        if is_named and raw[name].null_count() == 0 and raw[name].n_unique() == raw.height:
            return name
    return None


def _check_id(ids: pl.Series) -> None:
    if ids.null_count():
        hint = "Fill them, or leave the id out: rows are then numbered."
        raise UsageError(f"{ids.null_count():,} rows have no {ids.name}.", hint, {"column": ids.name})
    again = ids.filter(~ids.is_first_distinct())
    if len(again):
        raise UsageError(
            f"{ids.name} is no id: {len(again):,} rows repeat one, such as {again[0]!r}.",
            "Remove the duplicate rows, or name another column.",
            {"column": ids.name, "duplicates": len(again), "example": again[0]},
        )


def _check_time(time: str, plan: CleaningPlan, cleaned: Cleaned, raw: pl.DataFrame) -> None:
    if plan[time].kind is not ColumnKind.TIME:
        said = raw[time].drop_nulls()
        example = f", such as {said[0]!r}" if len(said) else ""
        hint = "Write times as 2024-12-31 or 2024-12-31T23:59:59Z, or name another column."
        raise UsageError(f"{time} cannot be read as times{example}.", hint, {"column": time})
    if cleaned.frame[time].null_count() == cleaned.frame.height:
        raise UsageError(f"{time} has no value in any row.", "Name another column.", {"column": time})


def _guessed_time(plan: CleaningPlan, cleaned: Cleaned, taken: set[str | None]) -> str | None:
    for column in plan.columns:
        is_time = column.kind is ColumnKind.TIME and column.name not in taken and not _BIRTH.search(column.name)
        if is_time and cleaned.frame[column.name].null_count() == 0 and cleaned.frame[column.name].n_unique() > 1:
            return column.name
    return None


def _ignored(
    frame: pl.DataFrame, plan: CleaningPlan, taken: set[str | None], flaws: tuple[Flaw, ...]
) -> tuple[Ignored, ...]:
    names = [name for name in plan.names if name not in taken]
    personal = {flaw.column: f"personal data? {flaw.sentence}" for flaw in flaws if flaw.kind is FlawKind.PERSONAL}
    reasons = {name: personal.get(name) or _why_ignored(frame[name], plan[name].kind) for name in names}
    return tuple(Ignored(name, reason) for name, reason in reasons.items() if reason)


def _why_ignored(values: pl.Series, kind: ColumnKind) -> str:
    said = values.drop_nulls()
    distinct = said.n_unique()
    if not len(said):
        return "no row has a value"
    if distinct == 1:
        return "every value is the same" if len(said) == len(values) else ""
    is_named = _ID_NAME.search(values.name) is not None
    if distinct == len(values) and kind in (ColumnKind.TEXT, ColumnKind.CATEGORY) and not _is_prose(said):
        return "every row has its own text: it names the row"
    if distinct == len(values) and is_named and kind is ColumnKind.INTEGER:
        return "every row has its own number, and it is called an id"
    return ""


def _is_prose(said: pl.Series) -> bool:
    words = said.str.count_matches(r"\S+").median()
    return is_prose(len(said), said.n_unique(), float(words or 0))  # type: ignore[arg-type]


def _roles(plan: CleaningPlan, target: str, key: str | None, clock: str | None, ignored: set[str]) -> dict[str, Role]:
    roles = {name: Role.IGNORED if name in ignored else Role.FEATURE for name in plan.names}
    roles[target] = Role.TARGET
    if key is not None:
        roles[key] = Role.ID
    if clock is not None:
        roles[clock] = Role.TIME
    return roles


def _schema(frame: pl.DataFrame, plan: CleaningPlan, roles: dict[str, Role]) -> Schema:
    return Schema(tuple(_described(frame[column.name], column.kind, roles[column.name]) for column in plan.columns))


def _described(values: pl.Series, kind: ColumnKind, role: Role) -> Column:
    said = values.drop_nulls()
    example = said[0] if len(said) else None
    shown = example.isoformat() if isinstance(example, datetime) else example
    return Column(values.name, kind, role, len(said) < len(values), shown)
