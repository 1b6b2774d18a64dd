"""What is predicted, and how well: tasks and estimates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """What kind of thing the target is."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


#: The metric by which two models of a task are compared (scikit-learn's names).
PRIMARY: dict[Task, str] = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "accuracy",
    Task.REGRESSION: "r2",
}

#: Metrics of which less is better.
LOSSES = frozenset(
    {
        "brier_score_loss",
        "expected_calibration_error",
        "log_loss",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "median_absolute_error",
        "root_mean_squared_error",
    }
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its uncertainty: ``low`` and ``high`` bound a 95 % interval."""

    value: float
    low: float
    high: float


def is_loss(metric: str) -> bool:
    """Say whether less of this metric is better."""
    return metric in LOSSES


def gain(metric: str, new: float, old: float) -> float:
    """Return by how much ``new`` is better than ``old`` (negative: worse)."""
    return old - new if is_loss(metric) else new - old
