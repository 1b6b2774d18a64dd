"""Slices: the test against a second library, what the search finds, and how seldom it cries wolf."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from kaizenml.core.metric import Task
from kaizenml.errors import NotFoundError
from kaizenml.training.cells import cells_of
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.slices import against_rest, holm, slices


def table(rng, n):
    return pl.DataFrame(
        {
            "city": rng.choice(["Ulm", "Bonn", "Kiel", "Jena"], n),
            "shop": rng.choice(list("abcdefgh"), n),
            "age": rng.normal(40, 12, n),
            "weight": rng.exponential(3, n),
            "hour": rng.integers(0, 24, n),
        }
    )


def evaluated(y, p, blocks=None):
    return Evaluation({}, {}, y, np.column_stack([1 - p, p]), blocks)


def test_without_blocks_the_test_is_welchs():
    rng = np.random.default_rng(0)
    loss, city = rng.exponential(1, 500), pl.Series("city", rng.choice(["a", "b", "c"], 500))

    found = against_rest(cells_of(city), loss, None)

    for number, name in enumerate(["a", "b", "c"]):
        is_in = (city == name).to_numpy()
        theirs = stats.ttest_ind(loss[is_in], loss[~is_in], equal_var=False, alternative="greater")
        assert found.worse_by[number] / found.error[number] == pytest.approx(theirs.statistic, abs=1e-9)
        assert found.p[number] == pytest.approx(stats.t.sf(theirs.statistic, is_in.sum() - 1), abs=1e-9)


def test_by_blocks_the_error_is_that_of_drawing_blocks():
    """The sandwich against a bootstrap of whole days, where days differ much and slices hang on days."""
    rng = np.random.default_rng(1)
    days = np.repeat(np.arange(60), 20)
    loss = rng.exponential(1, 1200) + np.repeat(rng.normal(0, 1, 60), 20)
    is_in = rng.random(1200) < np.repeat(rng.uniform(0.1, 0.9, 60), 20)
    found = against_rest(cells_of(pl.Series("x", is_in)), loss, days)
    at = [label for (label,) in found.cells.labels].index("true")

    drawn = []
    for _ in range(2000):
        often = rng.multinomial(60, np.full(60, 1 / 60))[days]
        drawn.append(np.average(loss[is_in], weights=often[is_in]) - np.average(loss[~is_in], weights=often[~is_in]))

    assert found.error[at] == pytest.approx(np.std(drawn), rel=0.1)


def test_holm_is_that_of_the_published_example():
    """Holm's steps by hand: .01 × 4, .02 × 3, .03 × 2 and .04 × 1, never falling."""
    assert holm(np.array([0.04, 0.01, 0.03, 0.02])) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm(np.array([0.5, 0.9])) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("is_by_day", [False, True])
def test_where_no_slice_is_bad_one_is_found_in_at_most_one_of_twenty_searches(is_by_day):
    rng = np.random.default_rng(2)
    false, times = 0, 200
    for _ in range(times):
        rows = table(rng, 1500)
        days = np.repeat(np.arange(30), 50) if is_by_day else None
        shift = np.repeat(rng.normal(0, 0.1, 30), 50) if is_by_day else 0.0
        p = np.clip(rng.beta(2, 5, 1500) + shift, 0.01, 0.99)
        y = (rng.random(1500) < p).astype(float)
        found = slices(evaluated(y, p, days), rows, Task.BINARY, columns=rows.columns)
        assert found.searched > 200
        false += bool(found.found)

    assert false / times <= 0.05


def test_squared_errors_with_heavy_tails_cry_no_wolf_either():
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(100):
        rows = table(rng, 1500)
        y = rng.standard_t(4, 1500)
        nothing = Evaluation({}, {}, y, np.zeros(1500), None)
        false += bool(slices(nothing, rows, Task.REGRESSION, columns=rows.columns).found)

    assert false / 100 <= 0.05


@pytest.mark.parametrize("is_by_day", [False, True])
def test_a_bad_slice_of_two_columns_is_found_and_named(is_by_day):
    rng = np.random.default_rng(4)
    rows = table(rng, 6000)
    days = np.repeat(np.arange(60), 100) if is_by_day else None
    p = rng.beta(2, 6, 6000)
    bad = ((rows["city"] == "Ulm") & (rows["age"] > rows["age"].quantile(0.75))).to_numpy()
    y = (rng.random(6000) < np.where(bad, 0.8, p)).astype(float)

    found = slices(evaluated(y, p, days), rows, Task.BINARY, columns=rows.columns)

    worst = found.found[0]
    assert {column for column, _ in worst.where} == {"city", "age"}
    assert dict(worst.where)["city"] == "Ulm"
    assert dict(worst.where)["age"].startswith("above")
    assert worst.p_adjusted < 0.001
    assert worst.happened - worst.predicted > 0.3
    assert worst.worse_by.low > 0


def test_declared_slices_have_a_line_each_good_or_bad():
    rng = np.random.default_rng(5)
    rows = table(rng, 2000).with_columns(
        pl.when(pl.col("city") == "Ulm").then(None).otherwise(pl.col("city")).alias("city")
    )
    p = rng.beta(2, 5, 2000)
    y = (rng.random(2000) < p).astype(float)

    found = slices(evaluated(y, p), rows, Task.BINARY, declared=["city", "age"], columns=[])

    assert [each.name for each in found.declared][:2] == ["city = (missing)", "city = Bonn"]
    assert sum(each.rows for each in found.declared if each.where[0][0] == "age") == 2000
    assert found.found == ()
    with pytest.raises(NotFoundError, match="no slice column 'citi'"):
        slices(evaluated(y, p), rows, Task.BINARY, declared=["citi"], columns=[])
