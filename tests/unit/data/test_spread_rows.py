"""Rows that are spread over a table show it as it is."""

import polars as pl
import pytest

from kaizenml.data.spread_rows import spread


def parts(rows, size):
    whole = pl.DataFrame({"at": range(rows)})
    return whole.iter_slices(size)


def test_all_rows_are_taken_when_they_may_be():
    assert spread(parts(1_000, 300), 1_000, 1_000)["at"].to_list() == list(range(1_000))


@pytest.mark.parametrize("most", [1, 10, 333, 999])
def test_never_more_rows_than_asked_for_come_and_hardly_fewer(most):
    found = spread(parts(10_000, 700), 10_000, most)

    assert most / 2 - 1 <= len(found) <= most
    assert found["at"].is_sorted()


def test_the_same_rows_come_however_the_table_is_parted():
    assert spread(parts(10_000, 700), 10_000, 500).equals(spread(parts(10_000, 9_999), 10_000, 500))


@pytest.mark.parametrize("period", [2, 3, 7, 24, 50, 168])
def test_a_table_that_repeats_itself_is_seen_at_every_place(period):
    found = spread(parts(120_000, 7_000), 120_000, 20_000)["at"]

    shares = (found % period).value_counts(normalize=True)["proportion"]
    assert len(shares) == period
    assert shares.min() > 0.5 / period
    assert shares.max() < 1.5 / period
