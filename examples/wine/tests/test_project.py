"""A step is a plain function, so its test is a plain test."""

import polars as pl
from project import features


def test_the_share_is_of_the_phenols_of_the_same_row():
    rows = pl.DataFrame({"flavanoids": [1.0, 3.0], "total_phenols": [2.0, 3.0]})

    assert features(rows)["flavanoid_share"].to_list() == [0.5, 1.0]
