"""Labels that come back: checked, then on the disk, then acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kaizenml.core.metric import Task
from kaizenml.core.prediction import Feedback, Label
from kaizenml.errors import RowError, UsageError
from kaizenml.serving.limits import Limits
from kaizenml.serving.predict import in_utc
from kaizenml.serving.refusals import TooManyRowsError
from kaizenml.serving.wire import SentLabel


def feedback(endpoint: str, task: Task, sent: Sequence[SentLabel], limits: Limits, now: datetime) -> Feedback:
    """Return the labels as the log keeps them; one without a time is known since now.

    Raises
    ------
    UsageError
        When there is no label.
    TooManyRowsError
        When there are more than one request may bring.
    RowError
        When a label has no id or no value, or a value that the task cannot have.
    """
    if not sent:
        raise UsageError("The request brings no labels.", 'Send at least one: {"labels": [{"id": …, "value": …}]}.')
    if len(sent) > limits.rows:
        raise TooManyRowsError("labels", len(sent), limits.rows)
    for number, label in enumerate(sent):
        _refuse_bad(number, label, task)
    return Feedback(now, endpoint, tuple(Label(str(one.id), one.value, _known_at(one, now)) for one in sent))


def _known_at(label: SentLabel, now: datetime) -> datetime:
    return now if label.at is None else in_utc(label.at)


def _refuse_bad(number: int, label: SentLabel, task: Task) -> None:
    value = label.value
    if label.id == "":
        raise _label_error(number, "id", "is empty", "Send the id that the prediction came with.")
    if value is None:
        raise _label_error(number, "value", "is null", "Send a label once the truth is known.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _label_error(number, "value", "is an integer of more than 64 bits", "Send a smaller number.")
    if task is Task.REGRESSION and (isinstance(value, (bool, str))):
        raise _label_error(number, "value", f"is {str(value)[:40]!r}, not a number", "The truth here is a number.")


def _label_error(number: int, column: str, problem: str, hint: str) -> RowError:
    rows = [{"row": number, "column": column, "problem": problem}]
    return RowError(f"labels[{number}]: {column} {problem}.", hint, {"rows": rows})


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
