"""Point-in-time joins: what was known at the time, and nothing else."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kaizenml as kz
from kaizenml.data import join as module
from kaizenml.errors import NotFoundError, UsageError

START = datetime(2026, 1, 1)
TIME = pl.Datetime("us")
minutes = st.one_of(st.none(), st.integers(0, 12))
keys = st.one_of(st.none(), st.sampled_from("ab"))


def at(minute: int | None) -> datetime | None:
    return None if minute is None else START + timedelta(minutes=minute)


def asking(rows: list[tuple[str | None, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"key": [k for k, _ in rows], "at": [at(m) for _, m in rows]}, schema={"key": pl.String, "at": TIME}
    )


def telling(rows: list[tuple[str | None, int | None, int | None]]) -> pl.DataFrame:
    columns = {
        "key": [k for k, _, _ in rows], "of": [at(m) for _, m, _ in rows], "heard": [at(h) for _, _, h in rows],
        "value": range(len(rows)),
    }  # fmt: skip
    return pl.DataFrame(columns, schema={"key": pl.String, "of": TIME, "heard": TIME, "value": pl.Int64})


def known_by_hand(key, minute, rows, oldest):
    """Return the place of the row that answers, by looking at every one."""
    if key is None or minute is None:
        return None
    may = [
        (of, heard, place)
        for place, (k, of, heard) in enumerate(rows)
        if k == key and of is not None and heard is not None and of <= minute and heard <= minute
    ]
    if not may or (oldest is not None and minute - max(may)[0] > oldest):
        return None
    return max(may)[2]


@settings(max_examples=300, deadline=None)
@given(
    left=st.lists(st.tuples(keys, minutes), max_size=12),
    right=st.lists(st.tuples(keys, minutes, minutes), max_size=12),
    oldest=st.one_of(st.none(), st.integers(0, 12)),
)
def test_each_row_gets_the_latest_that_was_known_and_never_one_of_the_future(left, right, oldest):
    tolerance = None if oldest is None else timedelta(minutes=oldest)

    joined = kz.join(asking(left), telling(right), on="key", as_of=("at", "of"), known="heard", tolerance=tolerance)

    assert joined["value"].to_list() == [known_by_hand(k, m, right, oldest) for k, m in left]
    assert joined.select("key", "at").equals(asking(left))
    assert joined.filter((pl.col("of") > pl.col("at")) | (pl.col("heard") > pl.col("at"))).is_empty()


@settings(max_examples=200, deadline=None)
@given(left=st.lists(st.tuples(keys, minutes), max_size=12), right=st.lists(st.tuples(keys, minutes), max_size=12))
def test_without_a_time_of_knowledge_a_row_is_known_at_its_own_time(left, right):
    told = [(key, minute, minute) for key, minute in right]

    joined = kz.join(asking(left), telling(told), on="key", as_of=("at", "of"))

    assert joined["value"].to_list() == [known_by_hand(k, m, told, None) for k, m in left]


@settings(max_examples=100, deadline=None)
@given(left=st.lists(minutes, max_size=8), right=st.lists(st.tuples(minutes, minutes), max_size=8))
def test_one_series_goes_for_all_rows(left, right):
    rows = [("a", of, heard) for of, heard in right]

    joined = kz.join(
        asking([("b", m) for m in left]), telling(rows).drop("key"), on=[], as_of=("at", "of"), known="heard"
    )

    assert joined["value"].to_list() == [known_by_hand("a", m, rows, None) for m in left]


@settings(max_examples=100, deadline=None)
@given(
    left=st.lists(st.tuples(keys, minutes), max_size=8),
    past=st.lists(st.tuples(keys, st.integers(0, 6), st.integers(0, 6)), max_size=8),
    future=st.lists(st.tuples(keys, st.integers(0, 12), st.integers(7, 12)), max_size=8),
)
def test_what_becomes_known_later_changes_nothing_before(left, past, future):
    early = [(key, minute) for key, minute in left if minute is None or minute < 7]

    before = kz.join(asking(early), telling(past), on="key", as_of=("at", "of"), known="heard")
    after = kz.join(asking(early), telling(past + future), on="key", as_of=("at", "of"), known="heard")

    assert after.equals(before)


def test_a_correction_holds_from_when_it_is_known():
    prices = telling([("a", 1, 1), ("a", 1, 5), ("a", 0, 6)])  # the second corrects the first; the third is late news

    joined = kz.join(asking([("a", 4), ("a", 5), ("a", 9)]), prices, on="key", as_of=("at", "of"), known="heard")

    assert joined["value"].to_list() == [0, 1, 1]


def test_units_are_compared_exactly():
    left = pl.DataFrame({"at": [START]}, schema={"at": pl.Datetime("ms")})
    later = pl.Series("at", [START], dtype=pl.Datetime("ns")) + timedelta(microseconds=1)
    right = later.to_frame().with_columns(value=1)

    assert kz.join(left, right, on=[], as_of="at")["value"].to_list() == [None]


def test_zones_are_compared_as_moments_and_stay_as_they_were():
    left = pl.DataFrame({"at": [datetime(2026, 1, 1, 12, tzinfo=UTC)]}).with_columns(
        pl.col("at").dt.convert_time_zone("Europe/Paris")
    )
    right = pl.DataFrame({"at": [datetime(2026, 1, 1, 12, 30, tzinfo=UTC)], "value": [1]})

    joined = kz.join(left, right, on=[], as_of="at")

    assert joined["value"].to_list() == [None]
    assert joined.schema["at"] == left.schema["at"]


def test_names_that_both_have_get_a_suffix():
    left = pl.DataFrame({"k": [1], "day": [date(2026, 1, 2)], "v": ["l"]})
    right = pl.DataFrame({"k": pl.Series([1], dtype=pl.Int8), "day": [date(2026, 1, 1)], "v": ["r"]})

    joined = kz.join(left, right, on="k", as_of="day")

    assert joined.rows() == [(1, date(2026, 1, 2), "l", date(2026, 1, 1), "r")]
    assert joined.columns == ["k", "day", "v", "day_right", "v_right"]
    with pytest.raises(UsageError, match="two columns 'v_right'"):
        kz.join(left, right.with_columns(v_right=1), on="k", as_of="day")


DAY = pl.DataFrame({"k": ["a"], "at": [START]})


@pytest.mark.parametrize(
    ("right", "error", "says"),
    [
        (DAY.rename({"at": "att"}), NotFoundError, "column in the right frame 'at'.*\n.*'att'"),
        (DAY.drop("k"), NotFoundError, "right frame 'k'"),
        (DAY.with_columns(pl.col("at").cast(pl.String)), UsageError, "'at' holds String, no times"),
        (DAY.with_columns(pl.col("at").cast(pl.Date)), UsageError, "does not say when in the day"),
        (DAY.with_columns(pl.col("at").dt.replace_time_zone("UTC")), UsageError, "one has a time zone"),
        (DAY.with_columns(k=pl.lit(1)), UsageError, r"key 'k' is String in one frame and Int32 in the other"),
        (DAY.with_columns(k=pl.lit(1.0)), UsageError, "key 'k'"),
        (DAY.lazy(), UsageError, "LazyFrame.*\n.*collect"),
    ],
)
def test_what_cannot_be_joined_is_told_by_name(right, error, says):
    with pytest.raises(error, match=says):
        kz.join(DAY, right, on="k", as_of="at")


def test_a_tolerance_is_not_negative():
    with pytest.raises(UsageError, match="in the past"):
        kz.join(DAY, DAY, on="k", as_of="at", tolerance=timedelta(-1))


def test_the_example_runs():
    assert doctest.testmod(module).failed == 0
