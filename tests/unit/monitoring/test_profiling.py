"""Cells: learned once, counted often, merged by addition, and no column ever vanishes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.profile import ColumnProfile, Profile, Reference, ReferenceColumn, merged
from kaizenml.core.schema import ColumnKind
from kaizenml.monitoring.profile import learn_reference, profile

NUMBER, CATEGORY = ColumnKind.NUMBER, ColumnKind.CATEGORY
KINDS = {"x": NUMBER, "c": CATEGORY}
AT = datetime(2026, 1, 1, tzinfo=UTC)

frames = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-50, 50).map(float), st.just(float("nan")), st.just(float("inf"))),
        st.one_of(st.none(), st.sampled_from("abcdef")),
    ),
    max_size=30,
).map(lambda rows: pl.DataFrame(rows, schema={"x": pl.Float64, "c": pl.String}, orient="row"))


def reference() -> Reference:
    rng = np.random.default_rng(0)
    rows = {"x": rng.normal(0, 20, 500), "c": rng.choice(list("abc"), 500)}
    return learn_reference(pl.DataFrame(rows), KINDS, cells=8)


@settings(deadline=None)
@given(frames, frames)
def test_merging_two_windows_is_profiling_their_rows_together(a: pl.DataFrame, b: pl.DataFrame) -> None:
    cells = reference()

    assert merged(profile(cells, a), profile(cells, b)) == profile(cells, pl.concat([a, b]))


@settings(deadline=None)
@given(frames, frames, frames)
def test_the_order_of_merging_does_not_matter(a: pl.DataFrame, b: pl.DataFrame, c: pl.DataFrame) -> None:
    one, two, three = (profile(reference(), frame) for frame in (a, b, c))

    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))


@settings(deadline=None)
@given(frames)
def test_every_row_is_counted_exactly_once(frame: pl.DataFrame) -> None:
    for column in profile(reference(), frame).columns:
        assert sum(column.counts) + column.other + column.nulls + column.invalid == column.n == frame.height


@settings(deadline=None)
@given(frames)
def test_the_reference_counts_its_own_rows_as_a_window_does(frame: pl.DataFrame) -> None:
    learned = learn_reference(frame, KINDS, cells=4)
    window = profile(learned, frame)

    for before, now in zip(learned.columns, window.columns, strict=True):
        assert (before.counts, before.sums, before.nulls, before.invalid) == (
            now.counts,
            now.sums,
            now.nulls,
            now.invalid,
        )


STRANGE = {
    "unsigned": (pl.Series([1, 2, 3], dtype=pl.UInt32), NUMBER, 3),
    "nullable": (pl.Series([1, None, 3], dtype=pl.Int64), ColumnKind.INTEGER, 2),
    "duration": (pl.Series([timedelta(hours=1)] * 3), NUMBER, 3),
    "all_null": (pl.Series([None] * 3), NUMBER, 0),
    "all_null_words": (pl.Series([None] * 3), CATEGORY, 0),
    "boolean": (pl.Series([True, False, None]), ColumnKind.BOOLEAN, 2),
    "boolean_as_number": (pl.Series([True, False, True]), NUMBER, 3),
    "moment": (pl.Series([AT] * 3), ColumnKind.TIME, 3),
    "moment_as_number": (pl.Series([AT] * 3), NUMBER, 3),
    "moment_as_text": (pl.Series(["2026-01-01 00:00:00", "soon", None]), ColumnKind.TIME, 1),
    "date": (pl.Series([date(2026, 1, 1)] * 3), ColumnKind.TIME, 3),
    "time_of_day": (pl.Series([time(1, 2)] * 3), NUMBER, 3),
    "text": (pl.Series(["a", "bb", "é"]), ColumnKind.TEXT, 3),
    "categorical": (pl.Series(["p", "q", "p"], dtype=pl.Categorical), CATEGORY, 3),
    "categorical_number": (pl.Series(["1", "q", "2"], dtype=pl.Categorical), NUMBER, 2),
    "number_as_category": (pl.Series([1, 2, 2]), CATEGORY, 3),
    "decimal": (pl.Series(["1.5", "2", "3"]).cast(pl.Decimal(10, 2)), NUMBER, 3),
    "number_as_text": (pl.Series(["1", "two", None]), NUMBER, 1),
    "list": (pl.Series([[1], [2], [3]]), CATEGORY, 0),
    "struct": (pl.Series([{"a": 1}] * 3), NUMBER, 0),
    "infinite": (pl.Series([1.0, float("inf"), float("nan")]), NUMBER, 1),
    "absurd": (pl.Series([1.0, 1e200, -1.7e308]), NUMBER, 1),
    "constant": (pl.Series([5, 5, 5]), NUMBER, 3),
}


@pytest.mark.parametrize("name", STRANGE)
def test_no_column_vanishes_whatever_it_holds(name: str) -> None:
    values, kind, filled = STRANGE[name]
    frame = pl.DataFrame({name: values})

    learned = learn_reference(frame, {name: kind})
    window = profile(learned, frame)

    assert learned.columns[0].filled == window.columns[0].filled == filled
    assert learned.columns[0].n == window.columns[0].n == 3


def test_a_column_that_does_not_arrive_is_all_null_and_a_stranger_is_named() -> None:
    window = profile(reference(), pl.DataFrame({"c": ["a"], "z": [1], "b": [2]}))

    assert window.columns[0].nulls == 1
    assert window.strangers == ("b", "z")


def test_a_value_outside_the_training_range_falls_into_a_cell_that_was_empty() -> None:
    cells = learn_reference(pl.DataFrame({"x": [5.0] * 10}), {"x": NUMBER})

    assert profile(cells, pl.DataFrame({"x": [4.0, 5.0, 6.0]})).columns[0].counts == (1, 1, 1)
    assert cells.columns[0].counts == (0, 10, 0)


def test_few_values_get_a_cell_each() -> None:
    cells = learn_reference(pl.DataFrame({"x": [1, 2, 2, 3]}), {"x": ColumnKind.INTEGER}).columns[0]

    assert cells.counts == (0, 1, 2, 1, 0)
    assert cells.sums == (0, 1, 4, 3, 0)


def test_many_values_get_cells_of_equal_share() -> None:
    values = np.random.default_rng(0).permutation(6400).astype(float)

    counts = learn_reference(pl.DataFrame({"x": values}), {"x": NUMBER}).columns[0].counts

    assert counts == (0, 13, 37, 50, *[100] * 62, 50, 38, 12, 0)


def test_an_unseen_category_is_counted_as_other() -> None:
    assert profile(reference(), pl.DataFrame({"c": ["a", "new", None]})).columns[1].other == 1


def test_mean_and_deviation_are_those_of_the_rows() -> None:
    values = np.random.default_rng(1).lognormal(3, 1, 1000)

    column = learn_reference(pl.DataFrame({"x": values}), {"x": NUMBER}).columns[0]

    assert column.mean == pytest.approx(values.mean())
    assert column.deviation == pytest.approx(values.std())


def test_no_rows_make_an_empty_profile() -> None:
    assert profile(reference(), pl.DataFrame()).n == 0
    assert learn_reference(pl.DataFrame(), KINDS).n == 0


@pytest.mark.parametrize("kind", [Reference, Profile, ReferenceColumn, ColumnProfile])
def test_profiles_survive_json(kind: type) -> None:
    learned = reference()
    window = profile(learned, pl.DataFrame({"x": [1.0], "c": ["a"]}))
    value = {
        Reference: learned,
        Profile: window,
        ReferenceColumn: learned.columns[1],
        ColumnProfile: window.columns[0],
    }[kind]

    assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value


@pytest.mark.parametrize("draw", ["normal", "lognormal", "pareto", "rounded", "huge", "tiny"])
def test_the_fast_way_to_find_cells_finds_the_same_cells(draw: str) -> None:
    rng = np.random.default_rng(0)
    size = 30_000
    values = {
        "normal": rng.normal(size=size),
        "lognormal": rng.lognormal(3, 2, size),
        "pareto": rng.pareto(0.5, size),
        "rounded": rng.normal(0, 40, size).round(),
        "huge": rng.uniform(-1e139, 1e139, size),
        "tiny": rng.uniform(0, 5e-322, size),
    }[draw]
    column = learn_reference(pl.DataFrame({"x": values}), {"x": NUMBER}).columns[0]

    cells = np.searchsorted(column.cuts, values, side="left")

    assert column.counts == tuple(np.bincount(cells, minlength=len(column.cuts) + 1))
