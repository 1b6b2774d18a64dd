"""Checks that a project writes itself: a function of what the evaluation found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.assessment import Assessment
from kaizenml.core.gate import Check, Own
from kaizenml.core.metric import Estimate, Task
from kaizenml.errors import ProjectError, StepFailedError


@dataclass(frozen=True, slots=True)
class Facts:
    """What a check of your own is given.

    Parameters
    ----------
    metrics, baselines
        Each metric with its interval; those of each baseline, by its name.
    y, predicted
        Class codes in the order of ``classes``, or values, shape (n,); probabilities (n, k), or values (n,).
    rows
        The test rows as selected, in the same order.
    champion
        What the release that serves says of them; None where there is none.
    assessment
        All that the evaluation found: calibration, slices, importance, what it costs to serve.
    """

    task: Task
    target: str
    classes: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    y: NDArray[np.float64]
    predicted: NDArray[np.float64]
    rows: pl.DataFrame
    champion: NDArray[np.float64] | None
    assessment: Assessment


def own(asked: Own, function: Callable[..., Any], facts: Facts) -> Check:
    """Return what a function of the project says; a failed `assert` is a check that did not pass.

    Raises
    ------
    StepFailedError
        When it raises anything else.
    ProjectError
        When it returns neither a boolean nor a boolean with its evidence.
    """
    try:
        found = function(facts)
    except AssertionError as error:
        return Check(asked.name, False, None, None, str(error) or asked.says or "An assertion does not hold.")
    except (Exception, SystemExit) as error:
        raise StepFailedError(
            f"The check `{asked.name}` raised {type(error).__name__}: {str(error)[:400]}",
            "Mend it, or use `assert` to say what does not hold.",
            {"check": asked.name},
        ) from error
    passed, evidence = found if isinstance(found, tuple) and len(found) == 2 else (found, "")
    if passed is None and not evidence:
        passed = True  # every assertion held
    if not isinstance(passed, bool | np.bool_):
        raise ProjectError(
            f"The check `{asked.name}` returned {str(found)[:80]!r}, which says neither yes nor no.",
            "Return True or False, or (True, evidence), or use `assert`.",
        )
    return Check(asked.name, bool(passed), None, None, str(evidence) or asked.says or "The function said so.")
