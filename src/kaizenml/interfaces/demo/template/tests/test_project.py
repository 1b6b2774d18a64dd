"""The project's own tests: a step is a plain function."""

from datetime import datetime

import polars as pl
from project import features, select


def test_cancelled_flights_are_left_out_and_lateness_begins_after_a_quarter_of_an_hour():
    raw = pl.DataFrame({"arr_delay": [None, 15.0, 16.0]})

    assert select(raw)["late"].to_list() == [False, True]


def test_features_look_at_one_row_at_a_time():
    rows = pl.DataFrame(
        {"scheduled": [datetime(2013, 2, 1, 6, 30), datetime(2013, 2, 2, 21, 0)], "sched_arr_time": [845, 2330]}
    )

    one_by_one = pl.concat([features(rows[i : i + 1]) for i in range(len(rows))])

    assert one_by_one.equals(features(rows))
