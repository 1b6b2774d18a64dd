"""The fairness table against sums by hand, and its intervals against groups that do not differ."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import confusion_matrix

from kaizenml.core.metric import Task
from kaizenml.errors import NotFoundError
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.fairness import fairness


def evaluated(y, said, k=2):
    return Evaluation({}, {}, y.astype(float), np.eye(k)[said] * 0.8 + 0.2 / k, None)


def test_rates_and_differences_are_those_of_the_confusion_matrix_of_each_group():
    rng = np.random.default_rng(0)
    group = rng.choice(["a", "b", "c"], 900, p=[0.5, 0.3, 0.2])
    y = (rng.random(900) < np.where(group == "a", 0.3, 0.5)).astype(int)
    said = np.where(rng.random(900) < 0.75, y, 1 - y)
    rates = {}
    for name in "abc":
        (tn, fp), (fn, tp) = confusion_matrix(y[group == name], said[group == name])
        rates[name] = ((tp + fp) / (tn + fp + fn + tp), tp / (tp + fn), fp / (fp + tn))

    (found,) = fairness(
        evaluated(y, said), pl.DataFrame({"g": group}), Task.BINARY, "g", classes=["no", "yes"], rng=rng
    )

    for each in found.groups:
        shown = (each.rates["selection_rate"], each.rates["true_positive_rate"], each.rates["false_positive_rate"])
        assert shown == pytest.approx(rates[each.group], abs=1e-12)
    spread = [max(r[at] for r in rates.values()) - min(r[at] for r in rates.values()) for at in range(3)]
    assert found.differences["demographic_parity"].value == pytest.approx(spread[0], abs=1e-12)
    assert found.differences["equal_opportunity"].value == pytest.approx(spread[1], abs=1e-12)
    assert found.differences["equalised_odds"].value == pytest.approx(max(spread[1:]), abs=1e-12)
    assert found.of == "yes"


def test_a_model_that_favours_a_group_has_a_difference_that_is_surely_not_zero():
    rng = np.random.default_rng(1)
    group = rng.choice(["a", "b"], 2000)
    y = (rng.random(2000) < 0.4).astype(int)
    said = np.where(rng.random(2000) < np.where(group == "a", 0.95, 0.6), y, 0)

    (found,) = fairness(evaluated(y, said), pl.DataFrame({"g": group}), Task.BINARY, "g", classes=["n", "y"], rng=rng)

    assert found.differences["equal_opportunity"].low > 0.25
    assert found.differences["demographic_parity"].low > 0.05


def test_intervals_of_the_difference_of_two_groups_hold_the_truth():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        group = np.repeat(["a", "b"], 400)
        y = np.ones(800, dtype=int)
        said = (rng.random(800) < np.where(group == "a", 0.7, 0.5)).astype(int)
        table = pl.DataFrame({"g": group})
        (found,) = fairness(evaluated(y, said), table, Task.BINARY, "g", classes=["n", "y"], rng=rng)
        each = found.differences["equal_opportunity"]
        hits += each.low <= 0.2 <= each.high

    assert 0.9 <= hits / 200 <= 0.99


def test_each_of_many_classes_has_its_table_and_values_have_their_errors():
    rng = np.random.default_rng(3)
    group = pl.DataFrame({"g": rng.choice(["a", "b"], 300)})
    y = rng.integers(0, 3, 300)

    many = fairness(evaluated(y, y, 3), group, Task.MULTICLASS, "g", classes=["x", "y", "z"], rng=rng)
    error = np.where(group["g"] == "a", 2.0, 0.0)
    (values,) = fairness(
        Evaluation({}, {}, np.zeros(300), error, None), group, Task.REGRESSION, "g", classes=[], rng=rng
    )

    assert [each.of for each in many] == ["x", "y", "z"]
    assert all(each.differences["equalised_odds"].value == 0 for each in many)
    assert values.differences["mean_error"].value == pytest.approx(2.0)


def test_a_group_too_small_to_judge_by_is_shown_and_not_compared():
    rng = np.random.default_rng(4)
    group = pl.DataFrame({"g": ["a"] * 200 + ["b"] * 5})
    y = rng.integers(0, 2, 205)

    (found,) = fairness(evaluated(y, y), group, Task.BINARY, "g", classes=["n", "y"], rng=rng)

    assert [each.rows for each in found.groups] == [200, 5]
    assert found.differences == {}
    with pytest.raises(NotFoundError, match="no group column 'h'"):
        fairness(evaluated(y, y), group, Task.BINARY, "h", classes=["n", "y"], rng=rng)
