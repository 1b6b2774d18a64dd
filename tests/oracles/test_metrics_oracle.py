"""Our metrics against scikit-learn's functions, and our intervals against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from kaizenml.core.metric import Task, is_loss
from kaizenml.training.measures import measures
from kaizenml.training.metrics import row_losses, scores, values

SEEDS = st.integers(0, 2**32 - 1)


def binary(seed: int, n: int = 60, steps: int = 5):
    """Return classes and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0.0, 1.0], rng.integers(0, 2, n - 2).astype(float)])
    p = rng.integers(0, steps + 1, n) / steps
    return y, np.column_stack([1 - p, p])


def multiclass(seed: int, n: int = 60, k: int = 4):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)]).astype(float)
    return y, rng.dirichlet(np.ones(k), n)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_binary_metrics_are_those_of_scikit_learn_ties_included(seed):
    y, p = binary(seed)
    found, said = values(Task.BINARY, y, p), p.argmax(axis=1)

    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, p[:, 1]), abs=1e-12)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, said), abs=1e-12)
    assert found["f1"] == pytest.approx(sk.f1_score(y, said, zero_division=0), abs=1e-12)
    assert found["brier_score_loss"] == pytest.approx(sk.brier_score_loss(y, p[:, 1]), abs=1e-12)
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(y, p[:, 1]), abs=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, said), abs=1e-12)
    assert found["matthews_corrcoef"] == pytest.approx(sk.matthews_corrcoef(y, said), abs=1e-12)
    assert found["precision"] == pytest.approx(sk.precision_score(y, said, zero_division=0), abs=1e-12)
    assert found["recall"] == pytest.approx(sk.recall_score(y, said, zero_division=0), abs=1e-12)
    inside = np.clip(p, 1e-6, 1 - 1e-6)
    assert values(Task.BINARY, y, inside)["log_loss"] == pytest.approx(sk.log_loss(y, inside), abs=1e-12)


@given(SEEDS, st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_multiclass_metrics_are_those_of_scikit_learn(seed, k):
    y, p = multiclass(seed, k=k)
    found, said = values(Task.MULTICLASS, y, p), p.argmax(axis=1)

    assert found["log_loss"] == pytest.approx(sk.log_loss(y, p), abs=1e-12)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, said), abs=1e-12)
    assert found["f1_macro"] == pytest.approx(sk.f1_score(y, said, average="macro", zero_division=0), abs=1e-12)
    for name, theirs in (("precision_macro", sk.precision_score), ("recall_macro", sk.recall_score)):
        assert found[name] == pytest.approx(theirs(y, said, average="macro", zero_division=0), abs=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, said), abs=1e-12)
    assert found["matthews_corrcoef"] == pytest.approx(sk.matthews_corrcoef(y, said), abs=1e-12)
    if k > 2:
        theirs = sk.top_k_accuracy_score(y, p, k=2, labels=range(k))
        assert found["top_k_accuracy"] == pytest.approx(theirs, abs=1e-12)
    one_hot = np.eye(k)[y.astype(int)]
    assert found["brier_score_loss"] == pytest.approx(((p - one_hot) ** 2).sum(axis=1).mean() / 2, abs=1e-12)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_regression_metrics_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 10, 50)
    p = y + rng.normal(0, 5, 50)
    found = values(Task.REGRESSION, y, p)

    assert found["r2"] == pytest.approx(sk.r2_score(y, p), abs=1e-9)
    assert found["root_mean_squared_error"] == pytest.approx(sk.root_mean_squared_error(y, p), abs=1e-9)
    assert found["mean_absolute_error"] == pytest.approx(sk.mean_absolute_error(y, p), abs=1e-9)
    assert found["median_absolute_error"] == pytest.approx(sk.median_absolute_error(y, p), abs=1e-9)
    theirs = sk.mean_absolute_percentage_error(y, p)
    assert found["mean_absolute_percentage_error"] == pytest.approx(theirs, abs=1e-9)
    assert "mean_absolute_percentage_error" not in values(Task.REGRESSION, np.array([0.0, 1.0]), np.ones(2))


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_metrics_of_drawn_rows_are_scikit_learns_with_weights(seed):
    rng = np.random.default_rng(seed)
    y, p = binary(seed)
    weights = rng.integers(0, 4, len(y)).astype(float)
    weights[:2] = 1
    found = {name: metric(weights[None])[0] for name, metric in measures(Task.BINARY, y, p).items()}
    said = p.argmax(axis=1)

    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, p[:, 1], sample_weight=weights), abs=1e-12)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, said, sample_weight=weights), abs=1e-12)
    expected = sk.f1_score(y, said, sample_weight=weights, zero_division=0)
    assert found["f1"] == pytest.approx(expected, abs=1e-12)
    for name, theirs in {
        "average_precision": sk.average_precision_score(y, p[:, 1], sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(y, said, sample_weight=weights),
        "matthews_corrcoef": sk.matthews_corrcoef(y, said, sample_weight=weights),
        "precision": sk.precision_score(y, said, sample_weight=weights, zero_division=0),
        "recall": sk.recall_score(y, said, sample_weight=weights, zero_division=0),
    }.items():
        assert found[name] == pytest.approx(theirs, abs=1e-12), name
    target, guess = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    middle = measures(Task.REGRESSION, target, guess)["median_absolute_error"](weights[None])[0]
    assert middle == pytest.approx(np.median(np.repeat(np.abs(target - guess), weights.astype(int))), abs=1e-12)
    r2 = measures(Task.REGRESSION, target, guess)["r2"](weights[None])[0]
    assert r2 == pytest.approx(sk.r2_score(target, guess, sample_weight=weights), abs=1e-9)


def by_hand(confidence, happened, weights, bins=15):
    """Return the calibration error row by row, as Guo et al. (2017) write it."""
    total = 0.0
    for at in range(bins):
        inside = [
            i for i, c in enumerate(confidence)
            if at / bins <= c and (c < (at + 1) / bins or (at == bins - 1 and c == 1.0))
        ]  # fmt: skip
        rows = sum(weights[i] for i in inside)
        if rows:
            accuracy = sum(weights[i] * happened[i] for i in inside) / rows
            said = sum(weights[i] * confidence[i] for i in inside) / rows
            total += rows * abs(accuracy - said)
    return total / sum(weights)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_calibration_error_is_that_of_its_definition(seed):
    rng = np.random.default_rng(seed)
    y, p = multiclass(seed)
    weights = rng.integers(1, 4, len(y)).astype(float)
    two = np.column_stack([1 - p[:, 0], p[:, 0]])
    happened = (y == 1).astype(float)

    many = measures(Task.MULTICLASS, y, p)["expected_calibration_error"](weights[None])[0]
    of_two = measures(Task.BINARY, happened, two)["expected_calibration_error"](weights[None])[0]

    assert many == pytest.approx(by_hand(p.max(axis=1), p.argmax(axis=1) == y, weights), abs=1e-12)
    assert of_two == pytest.approx(by_hand(two[:, 1], happened, weights), abs=1e-12)


def test_every_measure_knows_whether_less_is_better():
    y, p = multiclass(3)
    for task, names in (
        (Task.BINARY, measures(Task.BINARY, (y > 1).astype(float), np.column_stack([1 - p[:, 0], p[:, 0]]))),
        (Task.MULTICLASS, measures(Task.MULTICLASS, y, p)),
        (Task.REGRESSION, measures(Task.REGRESSION, y + 1, y + 1.1)),
    ):
        losses = {name for name in names if is_loss(name)}
        assert losses == {name for name in names if "loss" in name or "error" in name}, task


def test_r2_keeps_its_digits_far_from_zero():
    rng = np.random.default_rng(0)
    y = 1e9 + rng.normal(0, 1, 500)
    p = y + rng.normal(0, 0.3, 500)

    assert values(Task.REGRESSION, y, p)["r2"] == pytest.approx(sk.r2_score(y, p), abs=1e-6)
    assert values(Task.REGRESSION, y - 1e9, p - 1e9)["r2"] == pytest.approx(sk.r2_score(y, p), abs=1e-6)


def test_a_class_that_never_comes_makes_no_number_up():
    y, p = np.ones(20), np.tile([0.3, 0.7], (20, 1))

    found = scores(Task.BINARY, y, p, rng=np.random.default_rng(0))

    assert np.isnan(found["roc_auc"].value)
    assert found["accuracy"].value == 1.0


def test_losses_of_rows_add_up_to_the_metric():
    y, p = multiclass(1)

    assert row_losses(Task.MULTICLASS, y, p).mean() == pytest.approx(values(Task.MULTICLASS, y, p)["brier_score_loss"])
    assert row_losses(Task.BINARY, *binary(2)).max() <= 1


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        y = (rng.random(300) < 0.5).astype(float)
        score = np.clip(rng.normal(0.5 + 0.1 * (2 * y - 1), 0.15), 0.001, 0.999)
        said = scores(Task.BINARY, y, np.column_stack([1 - score, score]), rng=rng)["accuracy"]
        hits += said.low <= 0.7475 <= said.high  # the normal distribution function at 2/3

    assert 0.91 <= hits / 300 <= 0.985


def test_intervals_by_blocks_hold_where_rows_of_a_day_go_together():
    """Rows of one day share an error; drawing rows would promise far too much, drawing days does not."""
    rng = np.random.default_rng(4)
    by_block = by_row = 0
    for _ in range(200):
        days = np.repeat(np.arange(40), 25)
        error = np.repeat(rng.normal(0, 1, 40), 25) + rng.normal(0, 0.5, 1000)
        y = np.zeros(1000)
        truth = np.sqrt(1.25)
        blocked = scores(Task.REGRESSION, y, error, blocks=days, rng=rng)["root_mean_squared_error"]
        plain = scores(Task.REGRESSION, y, error, rng=rng)["root_mean_squared_error"]
        by_block += blocked.low <= truth <= blocked.high
        by_row += plain.low <= truth <= plain.high

    assert by_block / 200 >= 0.85
    assert by_row / 200 <= 0.6


def test_an_interval_always_holds_its_own_value():
    for seed in range(30):
        y, p = binary(seed, n=12)
        for each in scores(Task.BINARY, y, p, rng=np.random.default_rng(seed)).values():
            assert each.low <= each.value <= each.high
