"""What training anew tells: which columns earn their place, whether more rows help, how fast a model ages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from kaizenml.core.metric import Task
from kaizenml.training.fit import fit
from kaizenml.training.importance import importance
from kaizenml.training.learning_curve import learning_curve
from kaizenml.training.problem import Problem, model_inputs, target_of
from kaizenml.training.stale import decay, staleness

START = datetime(2025, 1, 1, tzinfo=UTC)


def problem(task: Task = Task.BINARY, time: str | None = None, seed: int = 0) -> Problem:
    return Problem(task, "y", (), ("no", "yes") if task is Task.BINARY else (), None, time, seed, 0.2)


def rows(seed: int, n: int, noise: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    strong, weak, city = rng.normal(0, 1, n), rng.normal(0, 1, n), rng.choice(["Ulm", "Bonn"], n)
    odds = 2 * strong + 0.7 * weak + 0.8 * (city == "Ulm")
    y = rng.random(n) < 1 / (1 + np.exp(-odds))
    noises = {f"noise{at}": rng.normal(0, 1, n) for at in range(noise)}
    return pl.DataFrame({"strong": strong, "weak": weak, "city": city, **noises, "y": np.where(y, "yes", "no")})


def fitted(estimator, table, of):
    same = {"columns": model_inputs(table, of), "task": of.task, "classes": of.classes, "seed": of.seed}
    return fit(estimator, table, target_of(of, table), **same)


def test_what_teaches_earns_and_what_does_not_beat_its_shadow_earns_nothing():
    table, later, of = rows(0, 3000), rows(1, 1500), problem()
    model = fitted(HistGradientBoostingClassifier(max_iter=20, random_state=0), table, of)

    found = importance(model, table, later, of)

    assert [each.column for each in found.columns[:3]] == ["strong", "weak", "city"]
    assert all(each.earned > 0 for each in found.columns[:3])
    assert [each.earned for each in found.columns[3:]] == [0.0] * 4
    assert (found.rows, found.tested, found.repeats) == (3000, 1500, 10)


def test_where_no_column_teaches_one_earns_in_at_most_one_of_twenty_studies():
    false = 0
    for seed in range(40):
        table, later, of = rows(seed, 200, noise=5), rows(seed + 500, 200, noise=5), problem(seed=seed)
        table = table.drop("strong", "weak", "city")
        model = fitted(LogisticRegression(), table, of)
        found = importance(model, table, later.select(table.columns), of)
        false += any(each.earned > 0 for each in found.columns)

    assert false <= 4  # 40 × 5 % = 2; 4 or fewer in 95 of 100 cases


def test_importance_keeps_to_its_budget():
    table, later, of = rows(0, 400), rows(1, 200), problem()
    model = fitted(LogisticRegression(), table, of)
    ticks = count()

    some = importance(model, table, later, of, seconds=4, clock=lambda: next(ticks))
    least = importance(model, table, later, of, seconds=0, clock=lambda: 0)

    assert some.repeats == 4
    assert least.repeats == 1


def test_more_rows_help_while_there_is_more_to_learn():
    table, later, of = rows(0, 1600, noise=30), rows(1, 3000, noise=30), problem()
    flat, steep = LogisticRegression(C=1.0), LogisticRegression(C=100)

    curve = learning_curve(fitted(steep, table, of), table, later, of)

    assert [each.rows for each in curve.points] == [100, 200, 400, 800, 1600]
    values = [each.estimate.value for each in curve.points]
    assert values == sorted(values)
    assert curve.gain.low > 0
    assert "more rows would probably help" in curve.sentence
    learned = learning_curve(fitted(flat, rows(2, 20_000, 0), of), rows(2, 20_000, 0), rows(3, 1000, 0), of)
    assert "no gain is sure" in learned.sentence
    assert learning_curve(fitted(flat, table, of), table.head(40), later, of) is None


def drifting(days: int, half_life: float, seed: int = 0) -> pl.DataFrame:
    """Return rows whose slope turns, so that what was learned long ago is worth less."""
    rng = np.random.default_rng(seed)
    n = days * 40
    day = np.repeat(np.arange(days), 40)
    angle = day / half_life
    a, b = rng.normal(0, 1, n), rng.normal(0, 1, n)
    y = np.cos(angle) * a + np.sin(angle) * b + rng.normal(0, 0.3, n)
    at = [START + timedelta(days=int(each)) for each in day]
    return pl.DataFrame({"at": pl.Series(at, dtype=pl.Datetime("us", "UTC")), "a": a, "b": b, "y": y})


def test_the_half_life_is_that_of_skill_that_decays_at_a_known_rate():
    rng = np.random.default_rng(0)
    ages, n = np.array([0.0, 20, 40, 60, 80, 100]), 4000
    idle = np.full(n, 1.0) + rng.normal(0, 0.01, n)
    skill = 0.6 * 2.0 ** (-ages / 50)
    losses = (1 - skill)[:, None] + rng.normal(0, 0.3, (6, n))

    found = decay(ages, losses, idle, [100] * 6, np.repeat(np.arange(100), 40), rng)

    assert found.half_life_days.low <= 50 <= found.half_life_days.high
    assert found.half_life_days.high - found.half_life_days.low < 12
    assert [each.estimate.value for each in found.points] == pytest.approx(skill, abs=0.03)


def test_a_model_of_a_world_that_turns_ages_and_of_one_that_stands_does_not():
    of = problem(Task.REGRESSION, "at")
    turning, still = drifting(200, 220), drifting(200, 1e9)

    ages, stays = (
        staleness(fitted(LinearRegression(), table[:6400], of), table[:6400], table[6400:], of)
        for table in (turning, still)
    )

    values = [each.estimate.value for each in ages.points]
    assert values == sorted(values, reverse=True)
    assert ages.half_life_days is not None
    assert "Half of the skill is gone" in ages.sentence
    assert stays.half_life_days is None
    assert "No decay is sure" in stays.sentence


def test_without_a_time_nothing_ages():
    table, of = rows(0, 400), problem()

    assert staleness(fitted(LogisticRegression(), table, of), table, table, of) is None
