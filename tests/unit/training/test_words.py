"""Which columns are prose, and what becomes of it."""

import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from kaizenml.core.metric import Task
from kaizenml.core.preparation import Encode, Preparation
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.training.fit import baselines, fit
from kaizenml.training.problem import Problem, kind_of, model_inputs
from kaizenml.training.words import MOST_TERMS, prose

RNG = np.random.default_rng(4)
GOOD, BAD, OTHER = ("great", "lovely", "warm"), ("broken", "late", "rude"), tuple(f"w{number}" for number in range(300))


def texts(count: int, words: int = 12) -> tuple[list[str | None], np.ndarray]:
    y = RNG.integers(0, 2, count).astype(float)
    found: list[str | None] = []
    for label in y:
        drawn = [*RNG.choice(OTHER, words), *RNG.choice(GOOD if label else BAD, 2)]
        found.append(" ".join(RNG.permutation(drawn)))
    return found, y


def table(count: int = 600) -> tuple[pl.DataFrame, np.ndarray]:
    found, y = texts(count)
    found[3], found[5] = None, ""
    return pl.DataFrame({"review": found, "price": RNG.random(count)}), y


COLUMNS = (Column("review", ColumnKind.TEXT), Column("price", ColumnKind.NUMBER))


def fitted(estimator, rows, y, *, columns=COLUMNS, said=(), task=Task.BINARY):
    classes = () if task is Task.REGRESSION else ("no", "yes")
    return fit(estimator, rows, y, columns=columns, task=task, classes=classes, seed=0, said=said)


@pytest.mark.parametrize(
    ("values", "is_prose"),
    [
        (texts(200)[0], True),
        ([*texts(200)[0], *[None] * 300], True),
        ([f"ada.{number}@example.org" for number in range(200)], False),
        ([f"Main Street {number % 40}" for number in range(2000)], False),
        ([f"N{number}AA" for number in range(200)], False),
        ([f"first last{number}" for number in range(200)], False),
        ([""] * 200, False),
        ([None] * 200, False),
    ],
)
def test_prose_has_many_values_of_several_words(values, is_prose):
    assert prose(pl.Series("x", values, pl.String)) is is_prose
    assert (kind_of(pl.Series("x", values, pl.String)) is ColumnKind.TEXT) is is_prose


def test_prose_is_learned_from_though_every_row_has_its_own():
    rows, y = table()
    featured = rows.with_columns(code=pl.Series([f"N{number}" for number in range(len(rows))]), y=y)
    problem = Problem(Task.BINARY, "y", (), ("0", "1"), None, None, 0, 0.2)

    assert [column.name for column in model_inputs(featured, problem)] == ["review", "price"]
    assert "code" in [column.name for column in model_inputs(featured, problem, read={"code"})]


@pytest.mark.parametrize("estimator", [LogisticRegression(), HistGradientBoostingClassifier(random_state=0)])
def test_a_model_tells_texts_apart_by_their_words(estimator):
    rows, y = table()
    model = fitted(estimator, rows, y)
    new, truth = table(300)

    chance = model.predict(new)[:, 1]

    assert ((chance > 0.5) == truth).mean() > 0.9
    one_by_one = np.vstack([model.predict(new[at]) for at in range(20)])
    assert np.abs(one_by_one - model.predict(new[:20])).max() < 1e-9


def test_words_are_columns_for_linear_models_and_directions_for_others():
    rows, y = table()

    linear = fitted(LogisticRegression(), rows, y).pipeline.named_steps["prepare"].transform(rows.with_columns(
        pl.col("review").fill_null("")))  # fmt: skip
    trees = fitted(HistGradientBoostingClassifier(), rows, y).pipeline.named_steps["prepare"].transform(
        rows.with_columns(pl.col("review").fill_null("")))  # fmt: skip

    assert linear.shape == (600, 1 + len(OTHER) + len(GOOD) + len(BAD))
    assert trees.shape == (600, 1 + 100)


def test_few_words_and_few_rows_give_few_directions():
    rows = pl.DataFrame({"review": ["good and cheap", "good but late", "cheap and late", "late and late"] * 10})
    y = np.array([1.0, 1, 0, 0] * 10)

    model = fitted(HistGradientBoostingClassifier(), rows, y, columns=COLUMNS[:1])

    assert model.pipeline.named_steps["prepare"].transform(rows).shape[1] == 5
    assert np.isfinite(model.predict(rows)).all()


def test_a_column_without_a_word_in_common_is_no_column():
    rows = pl.DataFrame({"review": [f"a{n} b{n} c{n}" for n in range(60)], "price": RNG.random(60)})

    model = fitted(LogisticRegression(), rows, (rows["price"] > 0.5).to_numpy().astype(float))

    assert model.pipeline.named_steps["prepare"].transform(rows).shape == (60, 1)


def test_rows_of_nothing_but_empty_texts_can_be_learned_from():
    rows, y = table(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fitted(LogisticRegression(), rows, y)
        empty = rows.with_columns(review=pl.lit(None, pl.String))
        assert np.isfinite(model.predict(empty)).all()


def test_numbers_are_learned_from_prose_too():
    rows, y = table()

    model = fitted(Ridge(), rows, y * 10, task=Task.REGRESSION)

    assert np.corrcoef(model.predict(rows), y)[0, 1] > 0.9


def test_the_project_s_word_counts_more_than_what_a_column_looks_like():
    rows, y = table(200)
    short = rows.with_columns(review=pl.Series([f"{'good' if each else 'bad'} x{n % 70}" for n, each in enumerate(y)]))
    columns = (Column("review", ColumnKind.CATEGORY), COLUMNS[1])

    read = fitted(LogisticRegression(), short, y, columns=columns, said=(Preparation("review", encode=Encode.TEXT),))
    dropped = fitted(LogisticRegression(), rows, y, said=(Preparation("review", encode=Encode.DROP),))

    assert "words-review" in dict(read.pipeline.named_steps["prepare"].named_transformers_)
    assert ((read.predict(short)[:, 1] > 0.5) == y).mean() == 1
    assert list(dict(dropped.pipeline.named_steps["prepare"].named_transformers_)) == ["numbers", "remainder"]


def test_the_same_rows_and_seed_give_the_same_model_and_the_words_are_bounded():
    rows, y = table(300)

    one, other = (fitted(HistGradientBoostingClassifier(random_state=0), rows, y).predict(rows) for _ in range(2))

    assert np.array_equal(one, other)
    many = pl.DataFrame({"review": [" ".join(f"t{(n * 37 + k) % 9000}" for k in range(60)) for n in range(400)]})
    model = fitted(LogisticRegression(), many, np.arange(400.0) % 2, columns=COLUMNS[:1])
    assert model.pipeline.named_steps["prepare"].transform(many).shape[1] == MOST_TERMS


def test_baselines_read_too():
    rows, y = table()

    found = baselines(rows, y, columns=COLUMNS, task=Task.BINARY, classes=("no", "yes"), seed=0)

    assert set(found) == {"dummy", "linear", "tree"}
    assert ((found["linear"].predict(rows)[:, 1] > 0.5) == y).mean() > 0.9
