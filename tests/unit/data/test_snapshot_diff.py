"""What differs between two versions of the data."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kaizenml.data.snapshot_diff import difference, shift
from kaizenml.errors import UsageError

cells = st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([0.0, 1.5, float("nan"), None]))
keyed = st.dictionaries(st.integers(0, 12), cells, max_size=10)


def table(of: dict[int, tuple[str | None, float | None]]) -> pl.DataFrame:
    columns = {"id": list(of), "word": [word for word, _ in of.values()], "number": [n for _, n in of.values()]}
    return pl.DataFrame(columns, schema={"id": pl.Int64, "word": pl.String, "number": pl.Float64})


def said(cell: tuple[str | None, float | None]) -> str:
    return repr(cell)


@settings(max_examples=300, deadline=None)
@given(before=keyed, after=keyed)
def test_rows_are_compared_by_id(before, after):
    found = difference(table(before), table(after), id="id")

    both = before.keys() & after.keys()
    assert found.rows.added == len(after.keys() - before.keys())
    assert found.rows.removed == len(before.keys() - after.keys())
    assert found.rows.changed == sum(said(before[key]) != said(after[key]) for key in both)
    assert sum(each.changed_cells for each in found.columns) == len(found.cells)
    assert found.is_empty == (Counter(map(said, before.items())) == Counter(map(said, after.items())))


@settings(max_examples=300, deadline=None)
@given(before=st.lists(cells, max_size=12), after=st.lists(cells, max_size=12))
def test_without_an_id_rows_are_compared_by_their_values_and_how_often_they_are_there(before, after):
    frames = [table(dict(enumerate(each))).drop("id") for each in (before, after)]

    found = difference(*frames, id=None)

    was, now = (Counter(map(said, each)) for each in (before, after))
    assert found.rows.added == (now - was).total()
    assert found.rows.removed == (was - now).total()
    assert found.rows.changed == 0


def test_the_order_of_rows_does_not_matter():
    frame = table({n: ("a", float(n)) for n in range(50)})

    assert difference(frame, frame.reverse(), id="id").is_empty
    assert difference(frame, frame.reverse(), id=None).is_empty


def test_columns_that_come_and_go_and_change_their_type_are_named():
    before = pl.DataFrame({"id": [1, 2], "gone": [1, 1], "price": [1, 2]})
    after = pl.DataFrame({"id": [1, 2], "price": ["1", "2.5"], "new": [True, False]})

    found = difference(before, after, id="id")

    assert found.added_columns == ("new",)
    assert found.removed_columns == ("gone",)
    assert found.retyped == {"price": ("Int64", "String")}
    assert [(cell.id, cell.column, cell.before, cell.after) for cell in found.cells] == [("2", "price", "2", "2.5")]
    assert not found.is_empty


def test_an_id_that_tells_no_row_from_another_is_refused():
    with pytest.raises(UsageError, match="1 rows have a id that another has, such as '7'"):
        difference(pl.DataFrame({"id": [7, 7]}), pl.DataFrame({"id": [7]}), id="id")
    with pytest.raises(UsageError, match="1 rows have no id"):
        difference(pl.DataFrame({"id": [7, None]}), pl.DataFrame({"id": [7]}), id="id")


@pytest.mark.parametrize("seed", range(5))
def test_the_shift_of_numbers_is_scipys_kolmogorov_smirnov_statistic(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=300).round(1), rng.normal(0.3 * seed, 1, size=200).round(1)

    found = shift(pl.Series(before), pl.Series(after))

    assert found == pytest.approx(stats.ks_2samp(before, after).statistic, abs=1e-12)


def test_the_shift_of_words_is_half_the_sum_of_what_their_shares_differ_by():
    assert shift(pl.Series(["a", "a", "b", None]), pl.Series(["a", "b", "b", "c"])) == pytest.approx(0.5)


def test_equal_distributions_are_not_apart_and_those_that_share_nothing_are_fully():
    times = pl.Series([datetime(2026, 1, 1), None])

    assert shift(times, times) == 0
    assert shift(pl.Series([1.0, float("nan")]), pl.Series([float("nan"), 1.0])) == 0
    assert shift(pl.Series([1, 2]), pl.Series([3])) == pytest.approx(1)
    assert shift(pl.Series([1]), pl.Series([], dtype=pl.Int64)) == 1
    assert shift(pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.Int64)) == 0


def test_what_is_shown_is_bounded():
    before = pl.DataFrame({"id": range(1000), "text": ["x" * 500] * 1000})
    after = pl.DataFrame({"id": range(1000, 2000), "text": ["y" * 500] * 1000})

    found = difference(before, after, id="id")
    changed = difference(before, before.with_columns(text=pl.lit("z" * 500)), id="id")

    assert (found.rows.added, found.rows.removed) == (1000, 1000)
    assert len(found.rows.added_ids) == 20
    assert changed.rows.changed == 1000
    assert len(changed.cells) == 20
    assert len(changed.cells[0].after) == 80
