"""The statistics behind suspicion agree with other libraries and with numbers worked by hand."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import f_oneway, spearmanr
from sklearn.metrics import roc_auc_score

from kaizenml.data.leakage import _auc, _eta2, _lambda, _rank_r2

RNG = np.random.default_rng(7)
ROWS = 500
LABELS = RNG.integers(0, 2, ROWS)
NUMBERS = (LABELS + RNG.normal(size=ROWS)).round(1)  # rounded, so that there are ties


@pytest.mark.parametrize("sign", [1, -1])
def test_the_area_is_that_of_scikit_learn_whichever_way_the_column_runs(sign):
    pairs = pl.DataFrame({"x": sign * NUMBERS, "y": LABELS})

    assert _auc(pairs) == pytest.approx(roc_auc_score(LABELS, NUMBERS), abs=1e-12)


def test_the_area_of_words_and_booleans_takes_the_greater_as_positive():
    words = pl.DataFrame({"x": NUMBERS, "y": np.where(LABELS, "yes", "no")})

    assert _auc(words) == pytest.approx(roc_auc_score(LABELS, NUMBERS), abs=1e-12)
    assert _auc(words.with_columns(y=pl.col("y") == "yes")) == _auc(words)


def test_the_rank_correlation_is_that_of_scipy():
    other = NUMBERS**3 + RNG.normal(size=ROWS)

    assert _rank_r2(pl.DataFrame({"x": NUMBERS, "y": other})) == pytest.approx(spearmanr(NUMBERS, other).statistic ** 2)


def test_the_correlation_ratio_follows_from_the_f_of_scipy():
    groups = RNG.integers(0, 4, ROWS)
    values = groups + RNG.normal(size=ROWS)

    f = f_oneway(*(values[groups == group] for group in range(4))).statistic

    expected = f * 3 / (f * 3 + ROWS - 4)  # F = (eta2 / 3) / ((1 - eta2) / (n - 4))
    assert _eta2(pl.DataFrame({"x": groups, "y": values})) == pytest.approx(expected)


def test_lambda_is_the_share_of_wrong_guesses_avoided():
    pairs = pl.DataFrame({"x": ["a"] * 50 + ["b"] * 50, "y": [1] * 40 + [0] * 10 + [1] * 20 + [0] * 30})

    # blind: 60 right, 40 wrong; knowing x: 40 + 30 right, 30 wrong
    assert _lambda(pairs) == pytest.approx((40 - 30) / 40)


def test_nothing_is_explained_where_there_is_one_class_or_one_value():
    assert _lambda(pl.DataFrame({"x": ["a", "b"], "y": [1, 1]})) == 0
    assert _auc(pl.DataFrame({"x": [1.0, 2.0], "y": [1, 1]})) == 0
    assert _rank_r2(pl.DataFrame({"x": [1.0, 1.0], "y": [1, 2]})) == 0
    assert _eta2(pl.DataFrame({"x": ["a", "b"], "y": [1.0, 1.0]})) == 0
