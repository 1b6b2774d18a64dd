"""The lowered preparation gives what scikit-learn gives, bit for bit."""

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training.design import matrix
from kaizenml.training.fit import fit
from kaizenml.training.lowered import lowered

COLUMNS = (
    Column("size", ColumnKind.NUMBER),
    Column("count", ColumnKind.INTEGER),
    Column("is_new", ColumnKind.BOOLEAN),
    Column("colour", ColumnKind.CATEGORY),
    Column("town", ColumnKind.CATEGORY),
)


def table(rng, rows, towns=40):
    return pl.DataFrame(
        {
            "size": [None if rng.random() < 0.1 else float(rng.normal()) for _ in range(rows)],
            "count": [None if rng.random() < 0.1 else int(rng.integers(9)) for _ in range(rows)],
            "is_new": [None if rng.random() < 0.1 else bool(rng.random() < 0.5) for _ in range(rows)],
            "colour": [[None, "red", "blue", "grün"][rng.integers(4)] for _ in range(rows)],
            "town": [f"town {rng.integers(towns)}" for _ in range(rows)],
        },
        schema_overrides={"size": pl.Float64, "count": pl.Int64, "is_new": pl.Boolean},
    )


@pytest.mark.parametrize(
    ("task", "estimator"),
    [
        (Task.BINARY, HistGradientBoostingClassifier(max_iter=5)),
        (Task.BINARY, LogisticRegression()),
        (Task.MULTICLASS, HistGradientBoostingClassifier(max_iter=5)),
        (Task.REGRESSION, HistGradientBoostingRegressor(max_iter=5)),
        (Task.REGRESSION, Ridge()),
    ],
)
def test_it_equals_the_original_on_seen_and_unseen_and_missing_values(task, estimator):
    rng = np.random.default_rng(5)
    rows = table(rng, 400)
    y = rng.normal(size=400) if task is Task.REGRESSION else rng.integers(2 + (task is Task.MULTICLASS), size=400)
    classes = () if task is Task.REGRESSION else ("a", "b", "c")[: int(y.max()) + 1]
    fitted = fit(estimator, rows, y.astype(float), columns=COLUMNS, task=task, classes=classes, seed=0)
    preparation = fitted.pipeline.named_steps["prepare"]
    new = matrix(table(rng, 300, towns=60), COLUMNS)

    quick = lowered(preparation)

    assert quick is not None
    expected = preparation.transform(new)
    assert np.array_equal(quick(new), expected, equal_nan=True)
    assert np.array_equal(quick(new[:1]), expected[:1], equal_nan=True)


def test_a_preparation_with_an_unknown_part_is_left_to_scikit_learn():
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    rows = pl.DataFrame({"colour": ["red", "blue"] * 5})
    preparation = ColumnTransformer([("other", OrdinalEncoder(), ["colour"])]).fit(rows)

    assert lowered(preparation) is None
