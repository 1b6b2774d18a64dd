"""Shares of a score are those of the definition, of the `shap` package, and of LightGBM's trees walked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from shapley_functions import FUNCTIONS

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training.contributions import Shared, mixed, shared
from kaizenml.training.fit import Fitted, fit
from kaizenml.training.shapley import Worth, shapley

ANSWERS = json.loads((Path(__file__).with_name("shap_answers.json")).read_text("utf-8"))["answers"]


def worth_of(function: Any, row: np.ndarray, background: np.ndarray) -> Worth:
    return lambda masks: np.array([function(np.where(mask, row, background)).mean() for mask in masks])


def by_definition(worth: Worth, count: int) -> np.ndarray:
    """The mean over every order of the features of what each adds to those before it."""
    values = np.zeros(count)
    known: dict[bytes, float] = {}

    def asked(mask: np.ndarray) -> float:
        if mask.tobytes() not in known:
            known[mask.tobytes()] = worth(mask[None])[0]
        return known[mask.tobytes()]

    for order in permutations(range(count)):
        mask = np.zeros(count, dtype=bool)
        for feature in order:
            before = asked(mask)
            mask[feature] = True
            values[feature] += asked(mask) - before
    return values / math.factorial(count)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_shares_are_those_of_the_definition_and_of_shap(name: str) -> None:
    function, count = FUNCTIONS[name]
    told = ANSWERS[name]
    worth = worth_of(function, np.array(told["row"]), np.array(told["background"]))
    found = shapley(worth, count, np.random.default_rng(0))
    assert found.is_exact
    assert found.base == pytest.approx(told["base"], abs=1e-12)
    assert found.values == pytest.approx(told["values"], abs=1e-9)
    assert found.values == pytest.approx(by_definition(worth, count), abs=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sampled_shares_add_up_and_are_near_the_exact_ones(name: str) -> None:
    function, count = FUNCTIONS[name]
    row, background = np.array(ANSWERS[name]["row"]), np.array(ANSWERS[name]["background"])
    worth = worth_of(function, row, background)
    found = shapley(worth, count, np.random.default_rng(3), most_exact=0)
    assert found.base + found.values.sum() == pytest.approx(function(row[None])[0], abs=1e-12)
    exact = np.array(ANSWERS[name]["values"])
    assert np.all(np.abs(found.values - exact) <= 4 * found.errors + 1e-9)


COLUMNS = (
    Column("amount", ColumnKind.NUMBER), Column("visits", ColumnKind.INTEGER), Column("city", ColumnKind.CATEGORY),
    Column("shop", ColumnKind.CATEGORY),
)  # fmt: skip


def rows(count: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    amount = rng.normal(size=count)
    return pl.DataFrame({
        "amount": np.where(rng.random(count) < 0.1, np.nan, amount), "visits": rng.integers(0, 9, count).astype(float),
        "city": rng.choice(["Bern", "Chur", "Genf"], count), "shop": rng.choice([f"s{n}" for n in range(20)], count),
    })  # fmt: skip


def target(of: pl.DataFrame, task: Task) -> np.ndarray:
    said = np.nan_to_num(of["amount"].to_numpy()) + of["visits"].to_numpy() / 4 + (of["city"] == "Chur").to_numpy()
    if task is Task.REGRESSION:
        return said
    return np.digitize(said, [1.0, 2.0] if task is Task.MULTICLASS else [1.2]).astype(float)


def fitted(estimator: Any, task: Task) -> Fitted:
    count = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 0}[task]
    classes = tuple("abc"[:count])
    return fit(estimator, rows(), target(rows(), task), columns=COLUMNS, task=task, classes=classes, seed=0)


def explained(model: Fitted, number: int = 7, of: int = 1) -> Shared:
    frame = rows()
    return shared(model.pipeline, frame[[number]], frame[50:90], model.task, len(model.classes), of, seed=0)


def margin(model: Fitted, of: int) -> Any:
    """The score whose shares a linear model tells, as a function of rows."""

    def score(frame: pl.DataFrame) -> np.ndarray:
        encoded = model.pipeline.named_steps["prepare"].transform(frame)
        estimator = model.pipeline.named_steps["model"]
        found = estimator.predict(encoded) if model.task is Task.REGRESSION else estimator.decision_function(encoded)
        return found[:, of] if found.ndim > 1 else found

    return score


@pytest.mark.parametrize("task", list(Task))
def test_a_linear_model_tells_the_shapley_values_of_its_columns(task: Task) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge

    model = fitted(Ridge() if task is Task.REGRESSION else LogisticRegression(), task)
    found = explained(model)
    frame, score = rows(), margin(model, 1)
    row, background = frame[[7]], frame[50:90]
    exact = shapley(
        lambda masks: score(mixed(row, background, masks)).reshape(len(masks), -1).mean(axis=1), 4,
        np.random.default_rng(0),
    )  # fmt: skip
    assert found.method == "linear"
    assert found.scale == {Task.REGRESSION: "value", Task.BINARY: "log-odds", Task.MULTICLASS: "margin"}[task]
    assert found.base == pytest.approx(exact.base, abs=1e-9)
    assert found.values == pytest.approx(exact.values, abs=1e-9)
    assert found.base + found.values.sum() == pytest.approx(found.score, abs=1e-9)


def expected(tree: Mapping[str, Any], row: np.ndarray, known: set[int]) -> tuple[float, float]:
    """Return a tree's expectation where some features are known, and how many rows it saw: by counts on both ways."""
    if "leaf_value" in tree:
        return tree["leaf_value"], tree["leaf_count"]
    left, right = expected(tree["left_child"], row, known), expected(tree["right_child"], row, known)
    count = left[1] + right[1]
    feature = tree["split_feature"]
    if feature in known:
        value = row[feature]
        is_left = tree["default_left"] if math.isnan(value) else value <= tree["threshold"]
        return (left if is_left else right)[0], count
    return (left[0] * left[1] + right[0] * right[1]) / count, count


def test_lightgbm_tells_the_shapley_values_of_its_trees() -> None:
    import lightgbm

    estimator = lightgbm.LGBMRegressor(
        n_estimators=3, num_leaves=5, learning_rate=1, verbose=-1, boost_from_average=False
    )
    model = fitted(estimator, Task.REGRESSION)
    encoded = model.pipeline.named_steps["prepare"].transform(rows()[[7]])
    trees = [each["tree_structure"] for each in estimator.booster_.dump_model()["tree_info"]]
    used = range(encoded.shape[1])

    def worth(known: set[int]) -> float:
        return sum(expected(tree, encoded[0], known)[0] for tree in trees)

    exact = np.zeros(len(used))
    for feature in used:
        others = [each for each in used if each != feature]
        for size in range(len(used)):
            weight = 1 / (len(used) * math.comb(len(others), size))
            exact[feature] += weight * sum(
                worth({*some, feature}) - worth(set(some)) for some in combinations(others, size)
            )
    found = explained(model)
    assert found.method == "trees"
    assert found.base == pytest.approx(worth(set()), abs=1e-9)
    # amount, visits, three cities of one column, and the shop's mean of the target
    assert found.values == pytest.approx([exact[0], exact[1], exact[2:5].sum(), exact[5]], abs=1e-9)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosted_trees_account_for_their_score(library: str, task: Task) -> None:
    if library == "lightgbm":
        from lightgbm import LGBMClassifier as Classifier
        from lightgbm import LGBMRegressor as Regressor

        more = {"verbose": -1}
    else:
        pytest.importorskip("xgboost", reason="XGBoost is an extra")
        from xgboost import XGBClassifier as Classifier
        from xgboost import XGBRegressor as Regressor

        more = {}
    model = fitted((Regressor if task is Task.REGRESSION else Classifier)(n_estimators=20, **more), task)
    found = explained(model)
    assert found.method == "trees"
    assert found.base + found.values.sum() == pytest.approx(found.score, abs=1e-9)
    if task is Task.BINARY:
        assert found.scale == "log-odds"
        chance = model.predict(rows()[[7]])[0, 1]
        assert 1 / (1 + math.exp(-found.score)) == pytest.approx(chance, abs=1e-5)
        other = explained(model, of=0)
        assert other.values == pytest.approx(-found.values)
        assert other.score == pytest.approx(-found.score)


@pytest.mark.parametrize("task", list(Task))
def test_any_other_model_is_asked_about_every_coalition_of_its_columns(task: Task) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    model = fitted(kind(max_iter=10), task)
    frame = rows()
    row, background = frame[[7]], frame[50:90]

    def score(of: pl.DataFrame) -> np.ndarray:
        said = model.predict(of)
        return said if task is Task.REGRESSION else said[:, 1]

    def worth(masks: np.ndarray) -> np.ndarray:
        found = []
        for mask in masks:
            taken = [row[name][0] if mask[number] else None for number, name in enumerate(row.columns)]
            changed = [
                pl.lit(value).alias(name) for name, value in zip(row.columns, taken, strict=True) if value is not None
            ]
            found.append(score(background.with_columns(changed)).mean())
        return np.array(found)

    found = explained(model)
    assert (found.method, found.scale) == ("shapley", "value" if task is Task.REGRESSION else "probability")
    assert found.values == pytest.approx(by_definition(worth, 4), abs=1e-9)
    assert found.base + found.values.sum() == pytest.approx(found.score, abs=1e-9)
    assert found.base == pytest.approx(score(background).mean())


@pytest.mark.parametrize(
    "more",
    [{"linear_trees": True}, {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}],
    ids=["leaves", "forest"],
)
def test_boosted_trees_that_give_no_account_or_no_true_one_are_asked(more: dict[str, Any]) -> None:
    from lightgbm import LGBMRegressor

    model = fitted(LGBMRegressor(n_estimators=5, verbose=-1, **more), Task.REGRESSION)
    found = explained(model)
    assert found.method == "shapley"
    assert found.base + found.values.sum() == pytest.approx(model.predict(rows()[[7]])[0])


def test_linear_boosting_accounts_for_its_score_or_is_asked() -> None:
    pytest.importorskip("xgboost", reason="XGBoost is an extra")
    from xgboost import XGBRegressor

    model = fitted(XGBRegressor(booster="gblinear", n_estimators=5), Task.REGRESSION)
    found = explained(model)
    assert found.base + found.values.sum() == pytest.approx(model.predict(rows()[[7]])[0], abs=1e-4)


def test_an_account_that_does_not_add_up_is_not_believed() -> None:
    from sklearn.linear_model import PoissonRegressor

    y = np.exp(target(rows(), Task.REGRESSION))
    poisson = PoissonRegressor()  # its weights are those of the logarithm
    model = fit(poisson, rows(), y, columns=COLUMNS, task=Task.REGRESSION, classes=(), seed=0)
    found = explained(model)
    assert found.method == "shapley"
    assert found.base + found.values.sum() == pytest.approx(model.predict(rows()[[7]])[0])
