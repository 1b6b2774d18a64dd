"""No row is lost, none is on both sides, and nothing later teaches what is judged earlier."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.data.extract import split
from kaizenml.errors import TargetError, UsageError

START = datetime(2020, 1, 1, tzinfo=UTC)


def timed(days):
    return pl.DataFrame({"at": [START + timedelta(days=day) for day in days], "row": range(len(days))})


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=60).filter(lambda days: len(set(days)) > 1), st.floats(0.05, 0.9)
)
def test_by_time_nothing_is_lost_and_nothing_leaks(days, share):
    frame = timed(days)

    parts = split(frame, time="at", target=None, holdout=share, stratify=False)

    assert sorted(parts.train["row"].to_list() + parts.holdout["row"].to_list()) == list(range(len(days)))
    assert parts.train["at"].max() < parts.holdout["at"].min()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from("abc"), min_size=2, max_size=60), st.floats(0.05, 0.9), st.integers(0, 99), st.booleans()
)
def test_by_draw_nothing_is_lost_and_the_seed_decides(labels, share, seed, is_by_class):
    frame = pl.DataFrame({"y": labels, "row": range(len(labels))})

    parts = split(frame, time=None, target="y", holdout=share, seed=seed, stratify=is_by_class)
    again = split(frame, time=None, target="y", holdout=share, seed=seed, stratify=is_by_class)

    assert sorted(parts.train["row"].to_list() + parts.holdout["row"].to_list()) == list(range(len(labels)))
    assert parts.train["row"].is_sorted()
    assert parts.train.equals(again.train)
    assert not parts.train.is_empty()
    assert not parts.holdout.is_empty()


def test_every_class_is_held_out_by_its_share():
    frame = pl.DataFrame({"y": ["a"] * 800 + ["b"] * 195 + ["c"] * 5})

    held = split(frame, time=None, target="y", stratify=True).holdout

    assert dict(held["y"].value_counts().iter_rows()) == {"a": 160, "b": 39, "c": 1}


def test_another_seed_draws_other_rows():
    frame = pl.DataFrame({"row": range(100)})

    first, second = (split(frame, time=None, target=None, seed=seed, stratify=False).holdout for seed in (0, 1))

    assert not first.equals(second)
    assert first.height == 20


def test_rows_of_the_first_time_alone_still_leave_something_to_learn_from():
    parts = split(timed([0, 0, 0, 0, 1]), time="at", target=None, holdout=0.5, stratify=False)

    assert (parts.train.height, parts.holdout.height) == (4, 1)


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(UsageError, match="not between 0 and 1"):
        split(timed([1, 2]), time="at", target=None, holdout=share, stratify=False)


def test_rows_that_cannot_be_split_are_refused():
    with pytest.raises(UsageError, match="same at"):
        split(timed([1, 1, 1]), time="at", target=None, stratify=False)
    with pytest.raises(UsageError, match="1 rows have no at"):
        split(
            pl.concat([timed([1, 2]), pl.DataFrame({"row": [2]})], how="diagonal"),
            time="at",
            target=None,
            stratify=False,
        )
    with pytest.raises(UsageError, match="1 rows cannot be split"):
        split(timed([1]), time="at", target=None, stratify=False)
    with pytest.raises(TargetError, match="class by class"):
        split(timed([1, 2]), time=None, target=None, stratify=True)
