"""The law of incremental loads: in any order of arrival within the overlap, no row is lost and none comes twice."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.source import Increment, overlap_of
from kaizenml.data.incremental import (
    as_json,
    begin,
    check_vanished,
    cursor_in,
    fresh,
    highest,
    key_of,
    newest,
    plain_cursor,
    retyped,
    stored,
)
from kaizenml.errors import ProjectError, SourceError

OVERLAP = 10
SCHEMA = {"at": pl.Int64, "id": pl.Int64, "value": pl.Int64}


@st.composite
def arrivals(draw):
    """Rows (cursor, key, value) in an order of arrival where each is at most the overlap behind the greatest before."""
    top, rows = 0, []
    for number in range(draw(st.integers(1, 40))):
        at = draw(st.integers(max(top - OVERLAP, 0), top + 5))
        top = max(top, at)
        rows.append((at, number, draw(st.integers(0, 2))))
    return rows


def loads(rows, stops, rule, *, low=begin):
    """Load a source that grows, each time it has grown to one of the stops; return all rows that were loaded."""
    loaded, high = pl.DataFrame(schema=SCHEMA), None
    for stop in [*stops, len(rows)]:
        there = pl.DataFrame(rows[:stop], schema=SCHEMA, orient="row")
        start = low(high, rule.overlap)
        window = there if start is None else there.filter(pl.col("at") >= start)
        new = fresh(window, loaded, rule, high)
        loaded, high = pl.concat([loaded, new.rows]), new.high
    return loaded


@given(arrivals(), st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_any_order_within_the_overlap_loses_and_doubles_nothing(rows, stops):
    assert Counter(loads(rows, stops, Increment("at", OVERLAP)).rows()) == Counter(rows)
    assert Counter(loads(rows, stops, Increment("at", OVERLAP, ("id",))).rows()) == Counter(rows)


@given(arrivals(), st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_equal_rows_are_counted_not_merged(rows, stops):
    rows = [(at, 0, 0) for at, _, _ in rows]

    assert Counter(loads(rows, stops, Increment("at", OVERLAP)).rows()) == Counter(rows)


@given(arrivals(), st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_of_a_key_the_newest_version_counts(rows, stops):
    rows = [(at, number % 5, value) for at, number, value in rows]

    found = newest(loads(rows, stops, Increment("at", OVERLAP, ("id",))), ["id"], "at")

    tops = {key: max(at for at, each, _ in rows if each == key) for _, key, _ in rows}
    assert {row[1]: row[0] for row in found.rows()} == tops


def test_a_plain_high_water_mark_loses_what_is_late_and_the_overlap_does_not():
    early = [(at, at, 0) for at in range(100)]
    late = [(99 - lag % 10, 1000 + lag, 1) for lag in range(50)]

    def mark(high, _overlap):
        return None if high is None else high + 1

    assert len(loads(early + late, [100], Increment("at", OVERLAP), low=mark)) == 100
    assert len(loads(early + late, [100], Increment("at", OVERLAP))) == 150


def test_late_rows_and_rows_seen_before_are_counted():
    known = pl.DataFrame({"at": [1, 5, 9], "id": [1, 2, 3], "value": [0, 0, 0]})
    found = pl.DataFrame({"at": [5, 7, 9, 12, None], "id": [2, 4, 3, 5, 6], "value": [0, 0, 0, 0, 0]})

    new = fresh(found, known, Increment("at", OVERLAP), 9)

    assert (sorted(new.rows["id"].to_list()), new.seen, new.late, new.high) == ([4, 5, 6], 2, 1, 12)


def test_a_row_without_cursor_is_loaded_once():
    rows = pl.DataFrame({"at": [None, 3], "id": [1, 2], "value": [0, 0]})
    rule = Increment("at", OVERLAP)

    once = fresh(rows, None, rule, None)

    assert len(once.rows) == 2
    assert fresh(rows, once.rows, rule, once.high).rows.is_empty()


def test_a_value_that_comes_back_to_what_it_was_is_a_new_version():
    def one(value):
        return pl.DataFrame([(1, 7, value)], schema=SCHEMA, orient="row")

    rule, loaded = Increment("at", OVERLAP, ("id",)), one(0)
    for value in (1, 0):
        loaded = pl.concat([loaded, fresh(one(value), loaded, rule, 1).rows])

    assert newest(loaded, ["id"], "at").rows() == [(1, 7, 0)]


def test_rows_without_a_key_are_no_versions_of_each_other():
    rows = pl.DataFrame({"id": [None, None, 1, 1], "at": [1, 2, 1, 2]})

    assert sorted(newest(rows, ["id"], "at").rows(), key=str) == [(1, 2), (None, 1), (None, 2)]


@pytest.mark.parametrize(
    ("high", "overlap", "low"),
    [
        (None, 5, None), (9, None, 9), (9, 5, 4), (9, 2.5, 6), (9.0, 2.5, 6.5),
        (datetime(2026, 1, 3, tzinfo=UTC), timedelta(hours=36), datetime(2026, 1, 1, 12, tzinfo=UTC)),
        (date(2026, 1, 3), timedelta(hours=36), date(2026, 1, 1)),
        ("2026-01-03 10:00:00", timedelta(hours=1), "2026-01-03"),
    ],
)  # fmt: skip
def test_a_window_begins_the_overlap_behind_the_greatest_cursor(high, overlap, low):
    assert begin(high, overlap) == low


@pytest.mark.parametrize(("high", "overlap"), [(9, timedelta(1)), ("x", timedelta(1)), ("x", 3), (date.today(), 1)])
def test_an_overlap_that_does_not_suit_the_cursor_is_refused(high, overlap):
    with pytest.raises(SourceError):
        begin(high, overlap)


@pytest.mark.parametrize(("text", "meant"), [("90m", timedelta(minutes=90)), ("1.5d", timedelta(hours=36)), (3, 3)])
def test_an_overlap_says_its_unit(text, meant):
    assert overlap_of(text) == meant


@pytest.mark.parametrize("text", ["soon", "-1h", -3, ""])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ProjectError):
        overlap_of(text)


@pytest.mark.parametrize(
    "cursor",
    [None, 3, 2.5, "a:b", date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 6), datetime(2026, 1, 2, tzinfo=UTC)],
)
def test_a_key_carries_its_cursor(cursor):
    key = key_of("sql-1", as_json(cursor), "d" * 64)

    assert plain_cursor(cursor_in(key, "sql-1")) == cursor
    assert highest([key, "sql-2:99:x"], "sql-1") == cursor


def test_a_column_that_vanished_is_named_with_what_it_may_be_called_now():
    with pytest.raises(SourceError, match=r"b\.csv lacks price, .*\n.*renamed to 'prices'"):
        check_vanished(pl.DataFrame({"prices": [1]}), ["price"], "b.csv")


def test_a_column_may_change_its_type_when_no_value_does():
    had = {"a": pl.Int64(), "b": pl.String(), "c": pl.Float64()}

    found = retyped(pl.DataFrame({"a": ["1", None], "b": [1, 2], "c": [3, 4]}), had, "b.csv")

    assert found.rows() == [(1, "1", 3.0), (None, "2", 4.0)]


@pytest.mark.parametrize(("values", "row"), [(["1", "x"], 2), ([1.0, 2.0, 2.5], 3)])
def test_a_value_that_does_not_fit_is_named_by_file_row_and_column(values, row):
    with pytest.raises(SourceError, match=rf"b\.csv, row {row}: column a holds"):
        retyped(pl.DataFrame({"a": values}), {"a": pl.Int64()}, "b.csv")


def test_lists_and_bytes_are_no_values():
    for values in ([[1]], [b"x"]):
        with pytest.raises(SourceError, match="column a holds"):
            stored(pl.DataFrame({"a": values}), "b")
