"""Labels that come back: checked, then on the disk, then acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kaizenml.core.metric import Task
from kaizenml.core.prediction import Feedback, Label
from kaizenml.core.signature import Cell, Signature
from kaizenml.core.truth import read_truth
from kaizenml.errors import RowError, UsageError, bounded
from kaizenml.serving.limits import Limits
from kaizenml.serving.predict import in_utc
from kaizenml.serving.refusals import TooManyRowsError
from kaizenml.serving.wire import SentLabel

_WORDS = {"boolean": "true or false", "integer": "an integer"}


def feedback(endpoint: str, target: Signature, sent: Sequence[SentLabel], limits: Limits, now: datetime) -> Feedback:
    """Return the labels as the log keeps them, written as the target is; one without a time is known since now.

    Raises
    ------
    UsageError
        When there is no label.
    TooManyRowsError
        When there are more than one request may bring.
    RowError
        When a label has no id or no value, or a value that the target cannot have.
    """
    if not sent:
        raise UsageError("The request brings no labels.", 'Send at least one: {"labels": [{"id": …, "value": …}]}.')
    if len(sent) > limits.rows:
        raise TooManyRowsError("labels", len(sent), limits.rows)
    values = [_value_of(number, label, target) for number, label in enumerate(sent)]
    said = zip(sent, values, strict=True)
    return Feedback(now, endpoint, tuple(Label(str(one.id), value, _known_at(one, now)) for one, value in said))


def _known_at(label: SentLabel, now: datetime) -> datetime:
    return now if label.at is None else in_utc(label.at)


def _value_of(number: int, label: SentLabel, target: Signature) -> Cell:
    value = label.value
    if label.id == "":
        raise _label_error(number, "id", "is empty", "Send the id that the prediction came with.")
    if value is None:
        raise _label_error(number, "value", "is null", "Send a label once the truth is known.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _label_error(number, "value", "is an integer of more than 64 bits", "Send a smaller number.")
    if target.task is Task.REGRESSION:
        if isinstance(value, (bool, str)):
            raise _label_error(number, "value", f"is {str(value)[:40]!r}, not a number", "The truth here is a number.")
        return value
    truth = read_truth(value, target.target_type)
    if truth is None:
        problem, hint = (
            f"is {str(value)[:40]!r}, not {_WORDS[target.target_type]}",
            f"Known: {bounded(target.classes)}.",
        )
        raise _label_error(number, "value", problem, hint)
    return truth


def _label_error(number: int, column: str, problem: str, hint: str) -> RowError:
    rows = [{"row": number, "column": column, "problem": problem}]
    return RowError(f"labels[{number}]: {column} {problem}.", hint, {"rows": rows})


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
