"""Runs that an MLflow client asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from kaizenml.core.mlflow import limits
from kaizenml.core.mlflow.filter import RUNS, Comparison, Question, Sorting, parsed, sortings
from kaizenml.core.mlflow.matching import holds, sorted_by
from kaizenml.core.ports import Books
from kaizenml.loop.mlflow_experiments import check_most, next_token, offset
from kaizenml.loop.mlflow_messages import Told

MOST_RUNS = 50_000
_READ = msgspec.json.Decoder(Told)
_CONTEXT = "mlflow.data.context"
_EVERYTHING = 10_000_000


def search(
    books: Books, scopes: Sequence[str], stages: Sequence[str], most: int, words: str, order: Sequence[str], token: str
) -> tuple[list[str], str]:
    """Return the JSON of the runs that a filter lets through, in an order, and the token of the next page."""
    check_most(most, MOST_RUNS)
    wanted, by = parsed(words, RUNS), sortings(order, RUNS)
    start = offset(token)
    ids = [str(limits.experiment_number(each)) for each in scopes]
    if not ids:
        return [], ""
    rest = [each for each in wanted if _is_read(each)]
    is_whole = not rest and not any(_is_read(each) for each in by)
    question = Question(tuple(each for each in wanted if not _is_read(each)), by if is_whole else ())
    if is_whole:
        found = books.clients.search(question, scopes=ids, stages=stages, limit=most + 1, after=start)
        return found[:most], next_token(start + most) if len(found) > most else ""
    found = books.clients.search(question, scopes=ids, stages=stages, limit=_EVERYTHING, after=0)
    runs = [(each, _READ.decode(each)) for each in found]
    runs = [each for each in runs if all(_holds(one, each[1]) for one in rest)]
    for one in reversed(by):
        runs = sorted_by(runs, one, partial(_value, one))
    page = [body for body, _ in runs[start : start + most]]
    return page, next_token(start + most) if len(runs) > start + most else ""


def _is_read(asked: Comparison | Sorting) -> bool:
    """Say whether a run must be read to answer: the database has no column for it."""
    return asked.kind == "dataset" or (asked.kind == "attribute" and asked.key == "artifact_uri")


def _holds(asked: Comparison, run: Told) -> bool:
    if asked.kind != "dataset":
        return holds(asked, run.info.artifact_uri)
    if asked.key == "context":
        tags = [tag for each in run.inputs.dataset_inputs for tag in each.tags if tag.key == _CONTEXT]
        return any(holds(asked, tag.value) for tag in tags)
    return any(holds(asked, getattr(each.dataset, asked.key)) for each in run.inputs.dataset_inputs)


def _value(by: Sorting, run: tuple[str, Told]) -> float | str | None:
    told = run[1]
    match by.kind:
        case "metric":
            found = next((each.value for each in told.data.metrics if each.key == by.key), None)
            return None if found is None else float(found)
        case "parameter" | "tag":
            pairs = told.data.params if by.kind == "parameter" else told.data.tags
            return next((each.value for each in pairs if each.key == by.key), None)
        case _:
            value: float | str | None = getattr(told.info, by.key)
            return value
