"""What a gate's requirements find: each check with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml.core.assessment import Assessment
from kaizenml.core.gate import (
    AtLeast,
    Baseline,
    BeatsBaselines,
    BeatsChampion,
    Behaves,
    Calibrated,
    Check,
    NotWorse,
    Own,
    Requirement,
    Size,
    Slices,
    Verdict,
)
from kaizenml.core.metric import PRIMARY, Task, gain, is_loss
from kaizenml.core.monitor import Latency
from kaizenml.errors import NotFoundError
from kaizenml.improvement.backtest import compare
from kaizenml.improvement.comparison import Comparison
from kaizenml.loop.behaving import AnswerRows, Predict, Trial, behaves
from kaizenml.loop.own_checks import Facts, own
from kaizenml.training.evaluate import Evaluation, by_slice
from kaizenml.training.metrics import row_losses, values


@dataclass(frozen=True, slots=True)
class Champion:
    """The release that serves, and what it says of the challenger's test rows; it can be asked of others."""

    name: str
    predicted: NDArray[np.float64]
    predict: Predict | None = None
    answer: AnswerRows | None = None


@dataclass(frozen=True, slots=True)
class NoRival:
    """Why there is no champion to compare with: it is the first release, or the two cannot be compared."""

    because: str
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Tested:
    """All that a gate looks at: the evaluation, its test rows, and the champion beside it.

    ``assessment`` is what the evaluation found beyond metrics, ``trial`` what behaviours are tried on, ``checks`` the
    functions of the project by name.
    """

    task: Task
    evaluation: Evaluation
    rows: pl.DataFrame
    rival: Champion | NoRival
    comparison: Comparison | None
    assessment: Assessment | None = None
    trial: Trial | None = None
    checks: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def tested(task: Task, evaluation: Evaluation, rows: pl.DataFrame, champion: Champion | NoRival) -> Tested:
    """Return what a gate looks at; champion and challenger are compared by days (else by sixteenths of the rows).

    ``rows`` are the test rows as selected, before the step `features`, in the order of the evaluation.
    """
    if isinstance(champion, NoRival):
        return Tested(task, evaluation, rows, champion, None)
    return Tested(task, evaluation, rows, champion, compared(task, evaluation, champion.predicted))


def compared(task: Task, evaluation: Evaluation, other: NDArray[np.float64]) -> Comparison:
    """Return how the evaluated model compares with another one's predictions of the same rows."""
    blocks = evaluation.blocks if evaluation.blocks is not None else np.arange(evaluation.rows) * 16 // evaluation.rows
    before, after = (row_losses(task, evaluation.y, each) for each in (other, evaluation.predicted))
    scale = 1.0 if task is not Task.REGRESSION else float(max(before.max(), after.max(), 1e-300))
    return compare(before, after, blocks, bound=scale)


def verdict(requirements: Iterable[Requirement], found: Tested) -> Verdict:
    """Return what every requirement says; a project that asks for nothing is asked to beat the dummy."""
    asked = tuple(requirements)
    if all(isinstance(each, Behaves) for each in asked):
        asked = (BeatsBaselines(), *asked)
    return Verdict(tuple(_check(requirement, found) for requirement in asked))


def _check(requirement: Requirement, found: Tested) -> Check:
    match requirement:
        case AtLeast():
            return _at_least(requirement, found)
        case BeatsBaselines():
            return _beats_baselines(requirement, found)
        case BeatsChampion() | NotWorse():
            return _against_champion(requirement, found)
        case Baseline():
            return _baseline(requirement, found)
        case Slices():
            return _slices(requirement, found)
        case Calibrated():
            return _calibrated(requirement, found)
        case Latency():
            return _latency(requirement, found)
        case Size():
            return _size(requirement, found)
        case Own():
            return own(requirement, found.checks[requirement.name], _facts(found))
        case Behaves():
            assert found.trial is not None
            return behaves(requirement, found.trial)


def _at_least(asked: AtLeast, found: Tested) -> Check:
    metrics = found.evaluation.metrics
    if asked.metric not in metrics:
        raise NotFoundError("metric", asked.metric, metrics)
    estimate = metrics[asked.metric]
    word = "at most" if is_loss(asked.metric) else "at least"
    evidence = (
        f"{asked.metric} is {estimate.value:.4g} ({estimate.low:.4g} to {estimate.high:.4g}) on"
        f" {found.evaluation.rows:,} test rows; {word} {asked.limit:g} is asked."
    )
    has_passed = gain(asked.metric, estimate.value, asked.limit) >= 0
    return Check(f"at_least({asked.metric})", has_passed, estimate.value, asked.limit, evidence)


def _beats_baselines(asked: BeatsBaselines, found: Tested) -> Check:
    metric = asked.metric or PRIMARY[found.task]
    if metric not in found.evaluation.metrics:
        raise NotFoundError("metric", metric, found.evaluation.metrics)
    ours = found.evaluation.metrics[metric]
    name, best = max(
        ((name, each[metric].value) for name, each in found.evaluation.baselines.items() if name == "dummy"),
        key=lambda pair: gain(metric, pair[1], 0.0),
    )
    sure = ours.high if is_loss(metric) else ours.low
    evidence = (
        f"{metric} is {ours.value:.4g} ({ours.low:.4g} to {ours.high:.4g}); {name} reaches {best:.4g} on the same rows."
    )
    return Check(f"beats_baselines({metric})", gain(metric, sure, best) > 0, ours.value, best, evidence)


def _baseline(asked: Baseline, found: Tested) -> Check:
    """Hold the model against each simple one by the saved loss in blocks, and tell of the one hardest to beat."""
    metric = asked.metric or PRIMARY[found.task]
    metrics, simple = found.evaluation.metrics, found.evaluation.simple
    if metric not in metrics:
        raise NotFoundError("metric", metric, metrics)
    if asked.against and asked.against not in simple:
        raise NotFoundError("baseline", asked.against, simple)
    each = {
        name: (compared(found.task, found.evaluation, said), values(found.task, found.evaluation.y, said)[metric])
        for name, said in simple.items()
        if asked.against in ("", name)
    }
    ours = metrics[metric].value
    name, (comparison, theirs) = min(each.items(), key=lambda item: gain(metric, ours, item[1][1]))
    has_passed = all(
        gain(metric, ours, value) > 0 and saved.low is not None and saved.low > 0 for saved, value in each.values()
    )
    others = f", the best of {len(each)} baselines" if len(each) > 1 else ""
    evidence = f"{metric} {ours:.4g} against {theirs:.4g} of {name}{others}. {_saved(comparison, 0.0)}"
    return Check(f"baseline({asked.against or metric})", has_passed, ours, theirs, evidence)


def _against_champion(asked: BeatsChampion | NotWorse, found: Tested) -> Check:
    """Look once at a fixed number of blocks: where does the 95 % Student-t interval of the saved loss begin?

    Here the looks are not repeated, so a fixed test is valid and needs fewer blocks than the e-process that guards a
    rollout, where one looks again after every block.
    """
    is_rival = isinstance(asked, BeatsChampion)
    name = f"{'beats_champion' if is_rival else 'not_worse'}({asked.metric})"
    metrics = found.evaluation.metrics
    if asked.metric not in metrics:
        raise NotFoundError("metric", asked.metric, metrics)
    ours = metrics[asked.metric].value
    if isinstance(found.rival, NoRival) or found.comparison is None:
        why = found.rival.because if isinstance(found.rival, NoRival) else ""
        return Check(name, isinstance(found.rival, NoRival) and found.rival.is_first, ours, None, why)
    theirs = values(found.task, found.evaluation.y, found.rival.predicted)[asked.metric]
    margin = 0.0 if isinstance(asked, BeatsChampion) else asked.margin * found.comparison.champion_loss
    low = found.comparison.low
    is_sure = low is not None and low > -margin and found.comparison.mean > 0
    has_passed = is_sure and gain(asked.metric, ours, theirs) > 0
    evidence = (
        f"{asked.metric} {ours:.4g} against {theirs:.4g} of {found.rival.name}. {_saved(found.comparison, margin)}"
    )
    return Check(name, has_passed, ours, theirs, evidence)


def _saved(comparison: Comparison, margin: float) -> str:
    low, high = comparison.low, comparison.high
    interval = "" if low is None or high is None else f" ({low:+.4g} to {high:+.4g})"
    asked = f"the interval must lie above {-margin:.4g}" if margin else "the interval must lie above zero"
    return (
        f"It saves {comparison.mean:+.4g}{interval} of a loss of {comparison.champion_loss:.4g} in {comparison.blocks}"
        f" blocks of {comparison.rows:,} rows; {asked}."
    )


def _slices(asked: Slices, found: Tested) -> Check:
    metric = asked.metric or PRIMARY[found.task]
    if asked.column not in found.rows.columns:
        raise NotFoundError("slice column", asked.column, found.rows.columns)
    each = by_slice(found.evaluation, found.rows[asked.column], found.task, metric, min_rows=asked.min_rows)
    name = f"slices({asked.column})"
    if not each:
        return Check(name, True, None, asked.worst, f"No value of {asked.column} has {asked.min_rows} test rows.")
    slice_, (value, rows) = min(each.items(), key=lambda item: gain(metric, item[1][0], 0.0))
    evidence = (
        f"The worst of {len(each)} slices is {asked.column}={slice_}: {metric} {value:.4g} on {rows:,} rows;"
        f" {asked.worst:g} is asked."
    )
    return Check(name, gain(metric, value, asked.worst) >= 0, value, asked.worst, evidence)


def _calibrated(asked: Calibrated, found: Tested) -> Check:
    assert found.assessment is not None
    assert found.assessment.calibration is not None
    seen = found.assessment.calibration
    evidence = (
        f"The calibration error of {seen.of} is {seen.error:.4g}, of which {seen.by_chance:.4g} would be chance, on"
        f" {found.evaluation.rows:,} test rows; {asked.error:g} beyond it is allowed. {seen.test}: statistic"
        f" {seen.statistic:.3g}, p {seen.p:.2g}."
    )
    return Check("calibrated", seen.excess <= asked.error, seen.excess, asked.error, evidence)


def _latency(asked: Latency, found: Tested) -> Check:
    assert found.assessment is not None
    assert found.assessment.serving is not None
    seen = found.assessment.serving
    evidence = (
        f"99 of 100 single rows are answered within {1000 * seen.p99_seconds:.3g} ms, half within"
        f" {1000 * seen.p50_seconds:.3g} ms, of {seen.rows} measured on one thread, without HTTP;"
        f" {1000 * asked.p99_seconds:g} ms is asked."
    )
    return Check("latency", seen.p99_seconds <= asked.p99_seconds, seen.p99_seconds, asked.p99_seconds, evidence)


def _size(asked: Size, found: Tested) -> Check:
    assert found.assessment is not None
    assert found.assessment.serving is not None
    size = found.assessment.serving.bundle_bytes
    evidence = f"The bundle is {size:,} bytes; {asked.limit_bytes:,} are allowed."
    return Check("size", size <= asked.limit_bytes, float(size), float(asked.limit_bytes), evidence)


def _facts(found: Tested) -> Facts:
    assert found.assessment is not None
    seen = found.assessment
    champion = found.rival.predicted if isinstance(found.rival, Champion) else None
    return Facts(
        task=found.task,
        target=seen.target,
        classes=seen.classes,
        metrics=found.evaluation.metrics,
        baselines=found.evaluation.baselines,
        y=found.evaluation.y,
        predicted=found.evaluation.predicted,
        rows=found.rows,
        champion=champion,
        assessment=seen,
    )
