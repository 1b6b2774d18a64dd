"""From prepared rows to what an estimator learns from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError, TargetError
from kaizenml.training.design import classes_of, codes_of, matrix, takes_missing
from kaizenml.training.fit import baselines, fit

COLUMNS = (
    Column("n", ColumnKind.NUMBER),
    Column("i", ColumnKind.INTEGER),
    Column("b", ColumnKind.BOOLEAN),
    Column("few", ColumnKind.CATEGORY),
    Column("many", ColumnKind.CATEGORY),
)


def rows(count: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "n": [None if i % 11 == 0 else v for i, v in enumerate(rng.normal(size=count))],
            "i": [None if i % 13 == 0 else int(v) for i, v in enumerate(rng.integers(0, 9, count))],
            "b": [None if i % 17 == 0 else bool(v) for i, v in enumerate(rng.integers(0, 2, count))],
            "few": [None if i % 19 == 0 else "abc"[v] for i, v in enumerate(rng.integers(0, 3, count))],
            "many": [f"k{v}" for v in rng.integers(0, 40, count)],
        }
    )


def fitted(estimator, task=Task.BINARY, classes=("no", "yes")):
    table = rows()
    y = (table["n"].fill_null(0).to_numpy() > 0).astype(float)
    return fit(estimator, table, y, columns=COLUMNS, task=task, classes=classes, seed=0)


def test_numbers_become_floats_with_nan_and_texts_have_a_word_for_missing():
    found = matrix(rows(), COLUMNS)

    assert found.schema == {"n": pl.Float64, "i": pl.Float64, "b": pl.Float64, "few": pl.String, "many": pl.String}
    assert np.isnan(found["n"][0])
    assert np.isnan(found["b"][0])
    assert found["few"][0] == "(missing)"
    assert found.null_count().sum_horizontal().item() == 0


def test_a_column_that_features_lost_is_named():
    with pytest.raises(ProjectError, match="no column 'few'"):
        matrix(rows().drop("few"), COLUMNS)


@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=500), HistGradientBoostingClassifier()])
def test_missing_and_unseen_values_are_answered_with_probabilities(estimator):
    model = fitted(estimator)
    strange = pl.DataFrame(
        {"n": [None, 1e12], "i": [None, -5], "b": [None, True], "few": ["never seen", None], "many": ["new", "k1"]},
        schema_overrides={"n": pl.Float64},
    )

    said = model.predict(strange)

    assert said.shape == (2, 2)
    assert np.isfinite(said).all()
    np.testing.assert_allclose(said.sum(axis=1), 1)


def test_a_row_gets_the_same_alone_and_among_others():
    model, table = fitted(LogisticRegression(max_iter=500)), rows()[:50]

    together = model.predict(table)
    alone = np.vstack([model.predict(table[i : i + 1]) for i in range(len(table))])

    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_what_is_learned_of_numbers_is_learned_from_training_rows_only():
    model = fitted(LogisticRegression(max_iter=500))
    numbers = model.pipeline.named_steps["prepare"].named_transformers_["numbers"]

    medians = numbers.named_steps["impute"].statistics_

    assert medians[0] == pytest.approx(rows()["n"].median())


def test_only_estimators_that_take_missing_numbers_get_them():
    assert takes_missing(HistGradientBoostingClassifier())
    assert not takes_missing(LogisticRegression())
    assert not takes_missing(Ridge())


def test_classes_stand_in_their_natural_order():
    assert classes_of(pl.Series([10, 2, None, 2])) == ("2", "10")
    assert classes_of(pl.Series([True, False])) == ("false", "true")
    assert classes_of(pl.Series(["b", "a"])) == ("a", "b")


def test_an_unknown_class_has_no_code():
    codes = codes_of(pl.Series(["b", "z", None, "a"]), ("a", "b"))

    np.testing.assert_array_equal(codes, [1, np.nan, np.nan, 0])


def test_a_class_that_training_never_saw_gets_no_probability():
    table = rows()[:60]
    model = fit(LogisticRegression(), table, np.array([0.0, 2.0] * 30), columns=COLUMNS, task=Task.MULTICLASS,
                classes=("a", "b", "c"), seed=0)  # fmt: skip

    said = model.predict(table)

    assert said.shape == (60, 3)
    assert (said[:, 1] == 0).all()


def test_training_rows_of_one_class_are_refused_by_its_name():
    with pytest.raises(TargetError, match="All 400 training rows are of one class, 'yes'"):
        fit(
            LogisticRegression(), rows(), np.ones(400), columns=COLUMNS, task=Task.BINARY, classes=("no", "yes"), seed=0
        )


def test_the_dummy_knows_the_frequencies_and_nothing_else():
    table = rows()
    y = np.array([1.0] * 100 + [0.0] * 300)

    found = baselines(table, y, columns=COLUMNS, task=Task.BINARY, classes=("no", "yes"), seed=0)

    assert set(found) == {"dummy", "linear", "tree"}
    np.testing.assert_allclose(found["dummy"].predict(table), [[0.75, 0.25]] * 400)


def test_training_twice_gives_the_same_model():
    first, second = (fitted(HistGradientBoostingClassifier(random_state=0)).predict(rows()) for _ in range(2))

    np.testing.assert_array_equal(first, second)
