"""Live quality: metrics with honest intervals, bias, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from kaizenml.core.metric import Estimate
from kaizenml.core.monitor import Bias, Performance
from kaizenml.monitoring.quality import (
    LiveQuality,
    bias_finding,
    coverage,
    drop_finding,
    live_quality,
    prediction_bias,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)


def scores(y: np.ndarray, predicted: np.ndarray) -> Mapping[str, float]:
    if len(np.unique(y)) < 2:
        raise ValueError("one class only")
    return {"roc_auc": roc_auc_score(y, predicted), "brier_score_loss": brier_score_loss(y, predicted)}


def mean_of_truth(y: np.ndarray, predicted: np.ndarray) -> Mapping[str, float]:
    return {"mean": y.mean()}


def labelled(seed: int, days: int = 20, rows: int = 50, day_effect: float = 0.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(days), rows)
    p = rng.uniform(0.05, 0.95, days * rows)
    y = rng.uniform(size=p.size) < np.clip(p + rng.normal(0, day_effect, days)[blocks], 0, 1)
    return y.astype(float), p, blocks


def test_the_value_is_the_metric_and_lies_in_its_interval() -> None:
    y, p, blocks = labelled(0)

    live = live_quality(y, p, blocks, scores, np.random.default_rng(0))
    auc = live["roc_auc"]

    assert auc is not None
    assert auc.value == roc_auc_score(y, p)
    assert auc.low < auc.value < auc.high
    assert (live.rows, live.blocks, live.unit) == (1000, 20, "blocks")


def test_days_that_differ_make_the_interval_wider() -> None:
    y, p, blocks = labelled(1, day_effect=0.25)

    by_day = live_quality(y, p, blocks, mean_of_truth, np.random.default_rng(0))["mean"]
    by_row = live_quality(y, p, np.zeros(len(y)), mean_of_truth, np.random.default_rng(0))["mean"]

    assert by_day is not None
    assert by_row is not None
    assert by_day.high - by_day.low > 1.3 * (by_row.high - by_row.low)


def test_few_blocks_fall_back_on_rows_and_say_so() -> None:
    y, p, blocks = labelled(2, days=3)

    assert live_quality(y, p, blocks, scores, np.random.default_rng(0)).unit == "rows"


def test_one_class_or_no_row_has_no_metrics_and_no_error() -> None:
    ones, nothing, rng = np.ones(10), np.empty(0), np.random.default_rng(0)

    assert live_quality(ones, ones, ones, scores, rng).metrics == ()
    assert live_quality(nothing, nothing, nothing, scores, rng) == LiveQuality((), 0, 0, "rows")


def test_the_bias_interval_holds_the_truth_as_often_as_it_says_though_days_differ() -> None:
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        blocks = np.repeat(np.arange(20), 30)
        observed = 0.1 + rng.normal(0, 0.1, 20)[blocks] + rng.normal(0, 0.3, 600)
        bias = prediction_bias(np.zeros(600), observed, blocks)
        assert bias is not None
        held += bias.low <= -0.1 <= bias.high

    assert 0.92 <= held / 300 <= 0.98


def test_with_one_block_rows_count_as_independent() -> None:
    bias = prediction_bias(np.array([0.5, 0.5, 0.5]), np.array([0.0, 1.0, 0.0]), np.zeros(3))

    assert bias is not None
    assert bias.value == pytest.approx(1 / 6)
    assert np.isfinite(bias.low)


def test_one_row_has_a_bias_that_could_be_anything_and_no_row_has_none() -> None:
    bias = prediction_bias(np.ones(1), np.zeros(1), np.zeros(1))

    assert bias == Estimate(1.0, float("-inf"), float("inf"))
    assert prediction_bias(np.empty(0), np.empty(0), np.empty(0)) is None


@pytest.mark.parametrize(
    ("bias", "is_breach"),
    [
        (Estimate(0.08, 0.06, 0.1), True),
        (Estimate(-0.08, -0.1, -0.06), True),
        (Estimate(0.08, -0.01, 0.17), False),
        (Estimate(0.02, 0.01, 0.03), False),
        (None, False),
    ],
)
def test_bias_is_a_breach_when_it_is_both_sure_and_too_large(bias: Estimate | None, is_breach: bool) -> None:
    finding = bias_finding(bias, Bias(0.05), rows=10, start=AT, end=AT)

    assert finding.is_breach == is_breach
    assert finding.is_empty == (bias is None)


@pytest.mark.parametrize(("labels", "is_provisional"), [(0, True), (79, True), (80, False), (100, False)])
def test_a_window_is_provisional_until_most_labels_are_there(labels: int, is_provisional: bool) -> None:
    assert coverage(100, labels).is_provisional == is_provisional


def test_an_empty_window_is_provisional() -> None:
    assert coverage(0, 0).is_provisional


@pytest.mark.parametrize(
    ("metric", "low", "high", "labels", "is_breach"),
    [
        ("roc_auc", 0.60, 0.66, 100, True),
        ("roc_auc", 0.60, 0.66, 10, False),
        ("roc_auc", 0.60, 0.72, 100, False),
        ("log_loss", 0.74, 0.80, 100, True),
        ("log_loss", 0.70, 0.80, 100, False),
    ],
)
def test_a_drop_is_a_breach_when_the_whole_interval_is_beyond_the_limit(
    metric: str, low: float, high: float, labels: int, is_breach: bool
) -> None:
    live = LiveQuality(((metric, Estimate((low + high) / 2, low, high)),), 100, 10, "blocks")
    found = drop_finding(live, 0.70, Performance(metric, 0.03), covered=coverage(100, labels), start=AT, end=AT)

    assert found.is_breach == is_breach
    assert "0.700 was promised" in found.sentence


def test_a_metric_nobody_could_compute_is_no_breach() -> None:
    live = LiveQuality((), 0, 0, "rows")

    assert drop_finding(live, 0.7, Performance("f1"), covered=coverage(9, 0), start=AT, end=AT).is_empty
