"""MLflow's request forms, read as rows.

Source: MLflow 3, ``mlflow/pyfunc/scoring_server``: exactly one of ``dataframe_split``, ``dataframe_records``,
``instances`` or ``inputs``.
"""

from __future__ import annotations

from collections.abc import Sequence

from kaizenml.core.signature import Cell, Signature
from kaizenml.serving.refusals import MalformedError
from kaizenml.serving.rowcheck import row_error
from kaizenml.serving.wire import InvocationsRequest, Row

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def rows_of(request: InvocationsRequest, signature: Signature) -> list[Row]:
    """Return the rows of whichever form was sent; lists without names are taken in the signature's order.

    Raises
    ------
    MalformedError
        When none or several forms are sent, or one that says nothing about rows of named columns.
    RowError
        When a row has more or fewer values than there are columns.
    """
    sent = [form for form in _FORMS if getattr(request, form) is not None]
    if len(sent) != 1 or sent == ["inputs"]:
        raise MalformedError(
            f"The body brings {' and '.join(sent) or 'none of the known forms'}.",
            "Send exactly one of dataframe_split, dataframe_records or instances.",
        )
    if request.params:
        raise MalformedError("This endpoint takes no `params`.", "Leave them out.")
    if request.dataframe_split is not None:
        return _zipped(request.dataframe_split.columns, request.dataframe_split.data)
    if request.dataframe_records is not None:
        return request.dataframe_records
    return _named(request.instances or [], [column.name for column in signature.inputs])


def _named(instances: Sequence[Row | list[Cell]], columns: Sequence[str]) -> list[Row]:
    return [row if isinstance(row, dict) else _zip(number, columns, row) for number, row in enumerate(instances)]


def _zipped(columns: Sequence[str], data: Sequence[Sequence[Cell]]) -> list[Row]:
    if len(set(columns)) != len(columns):
        raise MalformedError("A column is named twice.", "Send every column once.")
    return [_zip(number, columns, row) for number, row in enumerate(data)]


def _zip(number: int, columns: Sequence[str], row: Sequence[Cell]) -> Row:
    if len(row) != len(columns):
        problem = f"cannot be found: the row brings {len(row)} values for {len(columns)} columns"
        raise row_error([{"row": number, "column": columns[min(len(row), len(columns) - 1)], "problem": problem}])
    return dict(zip(columns, row, strict=True))
