"""What a model takes and gives: the endpoint's schema comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column

Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Signature:
    """The raw columns that a request must bring, and what comes back.

    ``classes`` are the labels as text, in the order of the probabilities; empty for regression. ``id`` names the
    column by which the caller knows a row, if there is one: it may be sent, and is not a feature.
    """

    task: Task
    target: str
    inputs: tuple[Column, ...]
    classes: tuple[str, ...] = ()
    target_type: str = "text"  # how labels are written in answers: text, integer, boolean or number
    id: str | None = None
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one row: a label or number, and for classes the probability of each."""

    value: Cell
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenRows:
    """Raw rows and what the model answered when it was made; replayed wherever it is loaded.

    ``tolerance`` is the largest absolute difference that still counts as the same answer.
    """

    rows: tuple[Mapping[str, Cell], ...]
    answers: tuple[Answer, ...]
    tolerance: float = 1e-6


def furthest(golden: GoldenRows, answers: tuple[Answer, ...]) -> float:
    """Return the largest difference between the answers and those expected.

    It is infinite when a label flips, and when an answer is not a number: NaN is neither close to anything nor far.
    """
    if len(answers) != len(golden.answers):
        return float("inf")
    apart = [_apart(a, b) for a, b in zip(golden.answers, answers, strict=True)]
    return float("inf") if any(map(isnan, apart)) else max(apart, default=0.0)


def _apart(expected: Answer, found: Answer) -> float:
    if expected.probabilities:
        pairs = zip(expected.probabilities, found.probabilities, strict=True)
        differences = [abs(a - b) for a, b in pairs]
        is_close = expected.value == found.value and not any(map(isnan, differences))
        return max(differences) if is_close else float("inf")
    if isinstance(expected.value, (int, float)) and isinstance(found.value, (int, float)):
        scale = max(1.0, abs(float(expected.value)))
        return abs(float(expected.value) - float(found.value)) / scale
    return 0.0 if expected.value == found.value else float("inf")
