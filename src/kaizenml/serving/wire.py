"""The JSON that goes in and comes out, and a useful word about JSON that cannot go in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from kaizenml.core.signature import Answer, Cell
from kaizenml.errors import RowError
from kaizenml.serving.refusals import MalformedError

Row = dict[str, Cell]


class PredictRequest(Struct, forbid_unknown_fields=True, gc=False):
    """Rows to answer; the key that routes them; when they happened, on the data's clock."""

    rows: list[Row]
    key: str | None = None
    at: datetime | None = None


class Prediction(Struct, gc=False):
    """What a release says of one row."""

    id: str
    value: Cell
    probabilities: dict[str, float] | UnsetType = UNSET


class PredictResponse(Struct, gc=False):
    """Which release answered, and what it said of each row."""

    release: str
    predictions: list[Prediction]


class SentLabel(Struct, forbid_unknown_fields=True, gc=False):
    """The truth about one prediction."""

    id: str | int
    value: Cell
    at: datetime | None = None


class FeedbackRequest(Struct, forbid_unknown_fields=True, gc=False):
    """The truth about some predictions."""

    labels: list[SentLabel]


class Split(Struct, gc=False):
    """A frame as `pandas.DataFrame.to_dict(orient="split")` writes it."""

    columns: list[str]
    data: list[list[Cell]]
    index: Any = None


class InvocationsRequest(Struct, gc=False):
    """MLflow's request forms, of which exactly one is sent."""

    dataframe_split: Split | None = None
    dataframe_records: list[Row] | None = None
    instances: list[Row | list[Cell]] | None = None
    inputs: Any = None
    params: dict[str, Any] | None = None


T = TypeVar("T")


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the body as what the decoder reads.

    Raises
    ------
    MalformedError
        When it is not JSON, or JSON of another shape.
    RowError
        When a cell is not text, a number, a boolean or null; names row and column.
    """
    try:
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedError(f"The body is not UTF-8: {error.reason}.", "Encode the JSON as UTF-8.") from None
    except RecursionError:
        raise MalformedError("The JSON is nested too deeply.", "A row is a flat object: column → value.") from None
    except msgspec.DecodeError as error:
        _say_which_cell(body)
        raise MalformedError(f"The body cannot be read: {error}.", _hint(str(error), decoder.type)) from None


def _hint(problem: str, wanted: Any) -> str:
    if "malformed" in problem or "truncated" in problem:
        return "Send valid JSON; a missing number is `null`, not NaN."
    return f"The body is an object with: {', '.join(wanted.__struct_fields__)}."


def predictions(ids: Sequence[str], answers: Sequence[Answer], classes: Sequence[str]) -> list[Prediction]:
    """Return the answers as they are sent; probabilities only where there are classes."""
    if not classes:
        return [Prediction(id_, answer.value) for id_, answer in zip(ids, answers, strict=True)]
    return [
        Prediction(id_, answer.value, dict(zip(classes, answer.probabilities, strict=True)))
        for id_, answer in zip(ids, answers, strict=True)
    ]


class _NotANumber(str):
    """How JavaScript and Python write what JSON has no word for."""


def _say_which_cell(body: bytes) -> None:
    """Raise a `RowError` when what is wrong with the body is one cell of one row."""
    try:
        content = json.loads(body, parse_constant=_NotANumber)
    except (ValueError, RecursionError):
        return
    rows = content.get("rows") if isinstance(content, dict) else None
    for number, column, cell in _cells(rows if isinstance(rows, list) else ()):
        problem = _cell_problem(cell)
        if problem:
            raise RowError(
                f"rows[{number}]: column {column[:80]!r} is {problem}.",
                "A cell is text, a finite number, true, false or null.",
                {"rows": [{"row": number, "column": column[:80], "problem": problem}]},
            )


def _cells(rows: Iterable[object]) -> Iterable[tuple[int, str, object]]:
    for number, row in enumerate(rows):
        if isinstance(row, dict):
            for column, cell in row.items():
                yield number, column, cell


def _cell_problem(cell: object) -> str:
    if isinstance(cell, _NotANumber):
        return f"{cell}, which JSON cannot say"
    if isinstance(cell, (list, dict)):
        return "a list" if isinstance(cell, list) else "an object"
    if isinstance(cell, float) and cell in (float("inf"), float("-inf")):
        return "a number too large for 64 bits"
    return ""
