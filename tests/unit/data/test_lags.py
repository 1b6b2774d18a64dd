"""Lags are taken by the calendar, and never from days that are not known yet."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaizenml as kz
from kaizenml.errors import NotFoundError, UsageError

START = date(2026, 1, 1)
CELLS = st.tuples(st.integers(0, 40), st.sampled_from(["a", "b", None]))


def frame_of(cells):
    return pl.DataFrame(
        {
            "day": [START + timedelta(days=day) for (day, _), _ in cells],
            "shop": [shop for (_, shop), _ in cells],
            "sold": [sold for _, sold in cells],
        },
        schema={"day": pl.Date, "shop": pl.String, "sold": pl.Int64},
    )


@given(
    st.lists(st.tuples(CELLS, st.none() | st.integers(0, 9)), unique_by=lambda cell: cell[0], max_size=40),
    st.sets(st.integers(1, 20), min_size=1, max_size=3),
    st.data(),
)
def test_a_lag_is_the_value_so_many_days_earlier_of_the_same_series(cells, distances, data):
    horizon = data.draw(st.integers(1, min(distances)))
    known = dict(cells)

    found = kz.lags(frame_of(cells), time="day", value="sold", by="shop", lags=sorted(distances), horizon=horizon)

    for lag in distances:
        plain = [known.get((day - lag, shop)) for (day, shop), _ in cells]
        assert found[f"sold_{lag}_day{'s' if lag > 1 else ''}_before"].to_list() == plain
    assert found.select("day", "shop", "sold").equals(frame_of(cells))


def test_a_lag_shorter_than_the_horizon_is_refused():
    with pytest.raises(UsageError, match="lag of 6 days is shorter than the horizon of 7"):
        kz.lags(frame_of([]), time="day", value="sold", by="shop", lags=(7, 6), horizon=7)


def test_a_day_of_the_future_gets_its_lags():
    rows = frame_of([((0, "a"), 3), ((7, "a"), None)])

    assert kz.lags(rows, time="day", value="sold", by="shop", lags=(7,))["sold_7_days_before"].to_list() == [None, 3]


def test_the_hour_stays_the_same_when_the_clock_changes():
    zone = ZoneInfo("Europe/Vienna")
    times = [datetime(2026, 3, 28, 9, tzinfo=zone), datetime(2026, 3, 29, 9, tzinfo=zone)]
    rows = pl.DataFrame(
        {"at": times, "sold": [4, 5]}, schema={"at": pl.Datetime("us", "Europe/Vienna"), "sold": pl.Int64}
    )

    assert kz.lags(rows, time="at", value="sold", lags=(1,), horizon=1)["sold_1_day_before"].to_list() == [None, 4]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"lags": ()}, "names no lag"),
        ({"lags": (7, 7)}, "one twice"),
        ({"lags": (7.5,)}, "no whole number"),
        ({"horizon": 0}, "horizon of 0"),
        ({"time": "shop"}, "not of dates"),
        ({"by": ()}, "more than one row of 2026-01-01"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value(more, says):
    rows = frame_of([((0, "a"), 1), ((0, "b"), 2)])

    with pytest.raises(UsageError, match=says):
        kz.lags(rows, **{"time": "day", "value": "sold", "by": "shop", **more})


def test_a_column_that_is_not_there_or_is_there_already_is_named():
    rows = frame_of([((0, "a"), 1)])

    with pytest.raises(NotFoundError, match="sol"):
        kz.lags(rows, time="day", value="sol", by="shop")
    with pytest.raises(UsageError, match="sold_7_days_before"):
        kz.lags(rows.with_columns(sold_7_days_before=1), time="day", value="sold", by="shop")
    with pytest.raises(UsageError, match="1 rows have no day"):
        kz.lags(rows.with_columns(day=pl.lit(None, pl.Date)), time="day", value="sold", by="shop")
