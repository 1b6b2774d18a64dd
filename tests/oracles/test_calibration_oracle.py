"""Calibration against its definitions and against what its test and its chance level promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from kaizenml.core.metric import Task
from kaizenml.training.calibration import by_chance, calibration, calibration_test, spiegelhalter


def two(p):
    return np.column_stack([1 - p, p])


def test_the_table_is_scikit_learns_calibration_curve():
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    y = (rng.random(1000) < p**2).astype(float)

    found = calibration(Task.BINARY, y, two(p), of="yes", rng=rng)
    happened, said = calibration_curve(y, p, n_bins=10, strategy="quantile")

    assert [each.predicted for each in found.bins] == pytest.approx(said.tolist(), abs=1e-12)
    assert [each.happened.value for each in found.bins] == pytest.approx(happened.tolist(), abs=1e-12)
    assert sum(each.rows for each in found.bins) == 1000
    assert all(each.happened.low <= each.happened.value <= each.happened.high for each in found.bins)


def test_spiegelhalters_z_is_that_of_its_formula():
    p, y = np.array([0.1, 0.4, 0.8, 0.9]), np.array([0.0, 1.0, 1.0, 0.0])
    above = sum((b - a) * (1 - 2 * a) for a, b in zip(p, y, strict=True))
    below = sum((1 - 2 * a) ** 2 * a * (1 - a) for a in p)

    z, chance = spiegelhalter(p, y)

    assert z == pytest.approx(above / math.sqrt(below), abs=1e-12)
    assert chance == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-12)


@pytest.mark.parametrize("is_by_day", [False, True])
def test_the_test_cries_wolf_as_seldom_as_it_says(is_by_day):
    rng = np.random.default_rng(1)
    days = np.repeat(np.arange(30), 10) if is_by_day else None
    alarms = 0
    for _ in range(400):
        p = rng.beta(2, 3, 300)
        y = (rng.random(300) < p).astype(float)
        alarms += calibration_test(Task.BINARY, p, y, days)[2] < 0.05

    assert 0.02 <= alarms / 400 <= 0.085


def test_days_that_go_together_raise_no_alarm_by_themselves():
    rng = np.random.default_rng(2)
    by_day = by_row = 0
    for _ in range(200):
        days = np.repeat(np.arange(40), 25)
        p = np.clip(np.repeat(rng.normal(0.3, 0.1, 40), 25), 0.02, 0.98)
        shared = np.clip(p + np.repeat(rng.normal(0, 0.2, 40), 25), 0, 1)
        y = (rng.random(1000) < shared).astype(float)
        by_day += calibration_test(Task.BINARY, p, y, days)[2] < 0.05
        by_row += spiegelhalter(p, y)[1] < 0.05

    assert by_day / 200 <= 0.1
    assert by_row / 200 >= 0.25


def test_a_model_that_is_too_sure_is_found_out_and_one_that_is_not_has_no_excess():
    rng = np.random.default_rng(3)
    p = rng.beta(2, 2, 3000)
    y = (rng.random(3000) < p).astype(float)
    sure = np.clip(p + 0.25 * np.sign(p - 0.5), 0.01, 0.99)

    honest, boastful = (calibration(Task.BINARY, y, two(each), of="yes", rng=rng) for each in (p, sure))

    assert honest.excess < 0.01
    assert boastful.excess > 0.1
    assert boastful.p < 1e-6 < honest.p


def test_chance_alone_gives_a_calibrated_model_the_error_it_is_said_to():
    rng = np.random.default_rng(4)
    p = rng.random(200)
    told = by_chance(p, rng)
    found = [
        calibration(Task.BINARY, (rng.random(200) < p).astype(float), two(p), of="yes", rng=rng).error
        for _ in range(200)
    ]

    assert told == pytest.approx(float(np.mean(found)), rel=0.08)


def test_values_that_are_too_high_are_found_out():
    rng = np.random.default_rng(5)
    predicted = rng.normal(50, 10, 1000)
    y = predicted + rng.normal(0, 5, 1000)

    right = calibration(Task.REGRESSION, y, predicted, of="minutes", rng=rng)
    high = calibration(Task.REGRESSION, y - 2, predicted, of="minutes", rng=rng)

    assert high.error == pytest.approx(2, abs=0.5)
    assert high.p < 1e-6 < right.p
    assert right.excess < 0.3 < high.excess


def test_of_many_classes_the_most_probable_one_is_looked_at():
    rng = np.random.default_rng(6)
    p = rng.dirichlet(np.ones(4), 2000)
    y = (p.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1).astype(float)

    found = calibration(Task.MULTICLASS, y, p, of="the most probable class", rng=rng)

    assert found.bins[0].predicted < 0.5 < found.bins[-1].predicted
    assert found.excess < 0.02
    assert found.p > 0.001
