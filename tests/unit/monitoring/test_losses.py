"""Losses of single rows average to the metrics of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, mean_squared_error

from kaizenml.core.metric import Task
from kaizenml.monitoring.losses import block_means, row_log_losses, row_losses

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 200)
SHARES = RNG.dirichlet(np.ones(3), 200)


def test_losses_average_to_scikit_learns_metrics() -> None:
    y, p = CLASSES > 0, SHARES[:, 1]

    assert row_losses(y, p, Task.BINARY).mean() == pytest.approx(brier_score_loss(y, p))
    assert row_losses(y, p, Task.REGRESSION).mean() == pytest.approx(mean_squared_error(y, p))
    assert row_log_losses(y, p).mean() == pytest.approx(log_loss(y, p))
    assert row_log_losses(CLASSES, SHARES).mean() == pytest.approx(log_loss(CLASSES, SHARES))
    expected = brier_score_loss(CLASSES, SHARES, scale_by_half=True)
    assert row_losses(CLASSES, SHARES, Task.MULTICLASS).mean() == pytest.approx(expected)


def test_two_classes_lose_the_same_in_either_form() -> None:
    y, p = (CLASSES > 0).astype(float), SHARES[:, 1]
    both = np.column_stack([1 - p, p])

    np.testing.assert_allclose(row_losses(y, p, Task.BINARY), row_losses(y, both, Task.MULTICLASS))


def test_certain_mistakes_have_a_finite_log_loss() -> None:
    assert np.isfinite(row_log_losses([1, 0], [0.0, 1.0])).all()


def test_block_means_come_in_the_order_of_their_ids() -> None:
    assert block_means([1, 2, 3, 10], ["b", "a", "b", "a"]).tolist() == [6, 2]
