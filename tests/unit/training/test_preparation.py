"""Columns are prepared by their kind, or as the project says; quick and slow preparation agree bit for bit."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import skew
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from kaizenml.core.metric import Task
from kaizenml.core.preparation import Encode, Missing, Preparation, Scale
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import NotFoundError, ProjectError
from kaizenml.loop.steps import declared_by, steps_beside, steps_of
from kaizenml.packaging.formats import load_model, save_model
from kaizenml.project import Project, files, inputs_of
from kaizenml.project.preparing import preparation
from kaizenml.training.design import matrix
from kaizenml.training.fit import baselines, fit
from kaizenml.training.lowered import lowered
from kaizenml.training.preparation import skewness

COLUMNS = (
    Column("price", ColumnKind.NUMBER),
    Column("age", ColumnKind.NUMBER),
    Column("size", ColumnKind.NUMBER),
    Column("colour", ColumnKind.CATEGORY),
    Column("town", ColumnKind.CATEGORY),
)


def table(seed=3, rows=400, towns=30):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "price": rng.lognormal(0, 1.5, rows),
            "age": [None if at % 20 == 0 else float(rng.normal(40, 9)) for at in range(rows)],
            "size": [None if at == 7 else float(rng.normal()) for at in range(rows)],
            "colour": [[None, "red", "blue"][rng.integers(3)] for _ in range(rows)],
            "town": [f"town {rng.integers(towns)}" for _ in range(rows)],
        }
    )


def fitted(*said, estimator=None):
    rows = table()
    y = np.log(rows["price"].to_numpy())
    return fit(estimator or Ridge(), rows, y, columns=COLUMNS, task=Task.REGRESSION, classes=(), seed=0, said=said)


def parts(model):
    prepare = model.pipeline.named_steps["prepare"]
    return {
        tuple(names): list(getattr(step, "named_steps", {}))
        for name, step, names in prepare.transformers_
        if name != "remainder"
    }


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal"])
def test_skewness_is_that_of_scipy(draw):
    values = getattr(np.random.default_rng(1), draw)(size=500)

    assert skewness(np.append(values, np.nan)) == pytest.approx(skew(values, bias=True), rel=1e-9)


@pytest.mark.parametrize("values", [[], [np.nan], [5.0] * 9, [1e300, 1e300]])
def test_what_has_no_shape_is_not_skewed(values):
    assert skewness(np.array(values, dtype=float)) == 0.0


def test_the_skewness_of_one_in_n_has_a_closed_form():
    assert skewness(np.array([1e200] + [0.0] * 9)) == pytest.approx((1 - 2 * 0.1) / np.sqrt(0.1 * 0.9))


def test_skewed_positive_numbers_are_put_on_a_log_scale_where_scale_counts():
    assert parts(fitted())["price",] == ["impute", "log", "scale"]
    assert parts(fitted(estimator=HistGradientBoostingRegressor(max_iter=2)))["price", "age", "size"] == []


def test_a_gap_becomes_a_column_of_its_own_from_one_percent_on():
    names = list(fitted().pipeline.named_steps["prepare"].get_feature_names_out())

    assert "missingindicator_age" in names
    assert "missingindicator_size" not in names


SAID = [
    Preparation("price", scale=Scale.LOG, missing=Missing.ZERO),
    Preparation("price", scale=Scale.POWER),
    Preparation("age", scale=Scale.NONE, missing=Missing.MEDIAN),
    Preparation("age", scale=Scale.STANDARD, missing=Missing.FLAG),
    Preparation("town", encode=Encode.ONE_HOT),
    Preparation("town", encode=Encode.ORDINAL),
    Preparation("colour", encode=Encode.TARGET),
    Preparation("colour", encode=Encode.DROP),
    Preparation("age", encode=Encode.DROP),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.column} {said.text}")
@pytest.mark.parametrize("estimator", [Ridge(), HistGradientBoostingRegressor(max_iter=2)], ids=["linear", "trees"])
def test_the_quick_preparation_equals_that_of_scikit_learn(said, estimator):
    prepare = fitted(said, estimator=estimator).pipeline.named_steps["prepare"]
    new = matrix(table(9, 300, towns=60), COLUMNS).with_columns(price=pl.lit(-2.0))

    quick, expected = lowered(prepare), prepare.transform(new)

    assert quick is not None
    assert np.array_equal(quick(new), expected, equal_nan=True)
    assert np.array_equal(quick(new[:1]), expected[:1], equal_nan=True)


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.column} {said.text}")
def test_what_is_used_may_be_kept_in_a_model_file(said):
    model = fitted(said)

    again = load_model(*save_model(model.pipeline))

    new = matrix(table(9, 50), COLUMNS)
    assert np.array_equal(again.predict(new), model.pipeline.predict(new))


def test_zero_stands_where_a_number_is_missing():
    prepare = fitted(Preparation("age", scale=Scale.NONE, missing=Missing.ZERO)).pipeline.named_steps["prepare"]
    column = list(prepare.get_feature_names_out()).index("age")

    assert prepare.transform(matrix(table(), COLUMNS))[0, column] == 0.0


def test_a_dropped_column_is_unseen_by_the_model_and_by_the_baselines():
    said = (Preparation("price", encode=Encode.DROP), Preparation("age", missing=Missing.NONE))
    rows = table()
    y = rows["size"].fill_null(0).to_numpy()
    simple = baselines(rows, y, columns=COLUMNS, task=Task.REGRESSION, classes=(), seed=0, said=said)

    assert all("price" not in names for names in parts(simple["linear"]))
    assert all("price" not in names for names in parts(fitted(said[0])))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Preparation("age", missing=Missing.NONE), "the model copes with no gaps"),
        (Preparation("age", encode=Encode.ONE_HOT), "encode='one_hot' of age, which is a number"),
        (Preparation("town", scale=Scale.LOG), "scale=log of town, which is a category"),
    ],
)
def test_what_cannot_be_is_refused(said, message):
    with pytest.raises(ProjectError, match=message):
        fitted(said)


def test_not_all_features_can_be_dropped():
    with pytest.raises(ProjectError, match="Every feature is dropped"):
        fitted(*(Preparation(column.name, encode=Encode.DROP) for column in COLUMNS))


@pytest.mark.parametrize(
    ("words", "message"),
    [({}, "says nothing"), ({"scale": "log", "encode": "drop"}, "a number and how a category")],
)
def test_a_line_that_says_nothing_or_too_much_is_refused(words, message):
    with pytest.raises(ProjectError, match=message):
        preparation("price", **({"scale": None, "missing": None, "encode": None} | words))


def test_an_unknown_word_is_refused_with_the_close_one():
    with pytest.raises(NotFoundError, match="powr") as caught:
        preparation("price", scale="powr", missing=None, encode=None)

    assert "power" in str(caught.value)


def test_what_is_said_reaches_the_steps_that_train():
    project = Project("shop", source=files("data/*.csv"), target="late")
    before = declared_by(project)
    project.prepare("price", scale="log", missing="zero")

    assert declared_by(project) != before
    assert declared_by(project).said == (Preparation("price", scale=Scale.LOG, missing=Missing.ZERO),)
    assert "declared" in inputs_of(steps_of(project)["train"])
    assert "declared" in inputs_of(steps_beside()["fold_score"])
    with pytest.raises(ProjectError, match="prepared twice"):
        project.prepare("price", scale="log")
