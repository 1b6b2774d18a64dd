"""What is told about a table agrees with numpy, scipy and scikit-learn."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from kaizenml.core.metric import Task
from kaizenml.core.schema import ColumnKind, Role
from kaizenml.data.explore_columns import column_views, histogram
from kaizenml.data.explore_missing import missing_values
from kaizenml.data.explore_target import target_views

N = 5_000


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def views_of(frame, kinds):
    return {each.name: each for each in column_views(frame, kinds, dict.fromkeys(frame.columns, Role.FEATURE), ())}


def test_columns_are_described_as_numpy_describes_them(rng):
    numbers = rng.normal(3, 2, N)
    frame = pl.DataFrame({"x": numbers, "word": rng.choice(["a", "b", "c"], N)})
    frame = frame.with_columns(x=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("x"))
    kept = numbers[np.arange(N) % 10 != 0]

    views = views_of(frame, {"x": ColumnKind.NUMBER, "word": ColumnKind.CATEGORY})

    x, word = views["x"], views["word"]
    assert (x.rows, x.missing, x.missing_share) == (N, N // 10, 0.1)
    assert x.mean == pytest.approx(kept.mean(), abs=1e-12)
    assert x.deviation == pytest.approx(kept.std(ddof=1), abs=1e-12)
    assert x.quartiles == pytest.approx(np.quantile(kept, [0.25, 0.5, 0.75]))
    assert word.top == tuple(frame["word"].value_counts(sort=True).rows())


def test_a_histogram_counts_every_value_once(rng):
    for numbers in (rng.normal(0, 1, N), rng.integers(1, 32, N).astype(float), rng.pareto(1, N), np.full(9, 4.0)):
        found = histogram(numbers)

        counts, _ = np.histogram(numbers, bins=found.edges)
        assert found.counts == tuple(counts)
        assert sum(found.counts) + found.below + found.above == numbers.size
        assert (found.below, found.above) == ((numbers < found.edges[0]).sum(), (numbers > found.edges[-1]).sum())


def test_days_of_the_month_have_a_bar_each(rng):
    found = histogram(rng.integers(1, 32, N).astype(float))

    assert len(found.counts) == 31


def test_a_few_huge_values_do_not_squeeze_the_others(rng):
    found = histogram(np.concatenate([rng.normal(0, 1, N), [1e9]]))

    assert found.above > 0
    assert found.edges[-1] < 10


def test_the_target_by_category_is_the_mean_in_each(rng):
    frame = pl.DataFrame({"word": rng.choice(["a", "b", None], N).tolist(), "y": rng.random(N) < 0.3})

    (view,) = target_views(frame, ["word"], {"word": ColumnKind.CATEGORY}, "y", Task.BINARY).columns

    bins = {each.label: each for each in view.bins}
    assert list(bins)[-1] == "missing"
    for label, part in (("a", frame.filter(word="a")), ("missing", frame.filter(pl.col("word").is_null()))):
        assert bins[label].rows == len(part)
        assert bins[label].means[0] == pytest.approx(part["y"].mean())


def test_strength_of_groups_is_the_eta_squared_of_an_analysis_of_variance(rng):
    words = rng.choice(["a", "b", "c"], N)
    y = rng.normal(0, 1, N) + (words == "a")

    (view,) = target_views(pl.DataFrame({"w": words, "y": y}), ["w"], {"w": ColumnKind.CATEGORY}, "y", Task.REGRESSION).columns  # fmt: skip # noqa: E501

    f = stats.f_oneway(*(y[words == word] for word in "abc")).statistic
    assert view.strength == pytest.approx(f * 2 / (f * 2 + N - 3))


def test_strength_of_classes_is_goodman_and_kruskals_tau(rng):
    words, y = rng.choice(["a", "b", "c"], N), rng.choice(["x", "y", "z"], N)
    y = np.where(words == "a", "x", y)

    (view,) = target_views(pl.DataFrame({"w": words, "y": y}), ["w"], {"w": ColumnKind.CATEGORY}, "y", Task.MULTICLASS).columns  # fmt: skip # noqa: E501

    table = stats.contingency.crosstab(words, y).count
    p = table / table.sum()
    gini = 1 - (p.sum(axis=0) ** 2).sum()
    tau = ((p**2 / p.sum(axis=1, keepdims=True)).sum() - (p.sum(axis=0) ** 2).sum()) / gini
    assert view.strength == pytest.approx(tau)


def test_bins_of_a_number_hold_all_rows_and_equal_shares(rng):
    x = rng.normal(0, 1, N)
    frame = pl.DataFrame({"x": x, "y": x + rng.normal(0, 1, N)})

    (view,) = target_views(frame, ["x"], {"x": ColumnKind.NUMBER}, "y", Task.REGRESSION).columns

    cuts = np.quantile(x, np.arange(1, 10) / 10, method="inverted_cdf")
    means, _, _ = stats.binned_statistic(np.searchsorted(cuts, x), frame["y"].to_numpy(), "mean", bins=10)
    assert [each.rows for each in view.bins] == [N // 10] * 10
    assert [each.means[0] for each in view.bins] == pytest.approx(means)


def test_patterns_of_missing_values_count_every_row_once(rng):
    holes = rng.random((N, 3)) < [0.5, 0.1, 0.0]
    holes[:, 1] &= holes[:, 0]
    cells = np.where(holes, np.nan, 1.0)

    found = missing_values(pl.DataFrame(cells, schema=["a", "b", "c"], orient="row"))

    rows, counts = np.unique(holes, axis=0, return_counts=True)
    expected = {tuple(n for n, hole in zip("abc", row, strict=True) if hole): c for row, c in zip(rows, counts, strict=True)}  # fmt: skip # noqa: E501
    assert {each.columns: each.rows for each in found.patterns} == expected
    assert found.cells == holes.sum()
    assert found.complete_rows == (~holes.any(axis=1)).sum()


def test_columns_that_lack_values_in_the_same_rows_overlap_as_jaccard_says(rng):
    a = rng.random(N) < 0.3
    b = a & (rng.random(N) < 0.9)

    (pair,) = missing_values(pl.DataFrame({"a": np.where(a, np.nan, 1.0), "b": np.where(b, np.nan, 1.0)})).together

    assert pair.rows == (a & b).sum()
    assert pair.overlap == pytest.approx((a & b).sum() / (a | b).sum())


def test_a_column_with_the_name_of_a_pattern_is_a_column(rng):
    frame = pl.DataFrame({"^.*$": [1.0, None, 2.0, None] * 20, "rows": ["a", "b"] * 40, "y": [True, False] * 40})

    found = missing_values(frame)
    views = target_views(frame, ["^.*$", "rows"], {"^.*$": ColumnKind.NUMBER, "rows": ColumnKind.CATEGORY}, "y", Task.BINARY)  # fmt: skip # noqa: E501

    assert found.patterns[0].rows == 40
    assert {each.column for each in views.columns} == {"^.*$", "rows"}
    assert views.columns[0].strength == pytest.approx(1.0)
