"""No group is on both sides of a split, and nothing to learn from is later than what judges."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kaizenml.data.extract import Split, split
from kaizenml.data.groups import split_groups
from kaizenml.errors import NotFoundError, TargetError, UsageError

START = datetime(2026, 1, 1)
rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 30), st.sampled_from(["yes", "no", None])), min_size=1, max_size=60
)
shares = st.floats(0.05, 0.95)


def visits(of: list[tuple[int, int, str | None]]) -> pl.DataFrame:
    columns = {
        "row": range(len(of)), "who": [f"c{who}" for who, _, _ in of],
        "at": [START + timedelta(hours=hour) for _, hour, _ in of], "left": [left for _, _, left in of],
    }  # fmt: skip
    return pl.DataFrame(columns, schema_overrides={"left": pl.String})


def sides(of: Split) -> tuple[set[int], set[int]]:
    return set(of.train["row"]), set(of.holdout["row"])


def made(frame: pl.DataFrame, **asked: object) -> Split:
    try:
        return split_groups(frame, group="who", **asked)
    except UsageError:
        assume(False)
        raise


@settings(max_examples=300, deadline=None)
@given(rows=rows, share=shares, seed=st.integers(0, 9), time=st.sampled_from([None, "at"]), stratify=st.booleans())
def test_no_group_is_on_both_sides(rows, share, seed, time, stratify):
    frame = visits(rows)
    parted = made(frame, time=time, target="left", holdout=share, seed=seed, stratify=stratify)

    assert not set(parted.train["who"]) & set(parted.holdout["who"])
    train, holdout = sides(parted)
    assert train
    assert holdout
    assert not train & holdout
    assert parted.train.equals(frame.filter(pl.col("row").is_in(list(train))))
    if time:
        assert parted.train["at"].max() < parted.holdout["at"].min()
    else:
        assert train | holdout == set(frame["row"])


@settings(max_examples=100, deadline=None)
@given(rows=rows, share=shares, stratify=st.booleans())
def test_times_and_classes_do_not_leak_without_groups_either(rows, share, stratify):
    frame = visits(rows)
    assume(frame.height > 1 and frame["at"].n_unique() > 1)

    timely = split(frame, time="at", target="left", holdout=share, stratify=stratify)
    drawn = split(frame, time=None, target="left", holdout=share, stratify=stratify)

    assert timely.train["at"].max() < timely.holdout["at"].min()
    for parted in (timely, drawn):
        train, holdout = sides(parted)
        assert not train & holdout
        assert train | holdout == set(frame["row"])


@settings(max_examples=50, deadline=None)
@given(rows=rows, time=st.sampled_from([None, "at"]), seed=st.integers(0, 9))
def test_the_same_seed_gives_the_same_split(rows, time, seed):
    frame = visits(rows)
    first, second = (made(frame, time=time, seed=seed) for _ in range(2))

    assert first.train.equals(second.train)
    assert first.holdout.equals(second.holdout)


def test_groups_of_one_kind_give_the_share_that_was_asked():
    frame = visits([(n % 500, n % 31, "yes" if n % 5 == 0 else "no") for n in range(5_000)])

    plain = split_groups(frame, group="who", time=None, holdout=0.3)
    classes = split_groups(frame, group="who", time=None, target="left", holdout=0.3, stratify=True)

    assert len(plain.holdout) == 1_500
    assert len(classes.holdout) == 1_500
    assert classes.holdout["left"].eq("yes").mean() == pytest.approx(0.2, abs=0.001)


def test_groups_that_end_before_the_cut_teach_and_those_that_begin_after_it_judge():
    frame = visits([(n // 10, n, None) for n in range(100)])

    parted = split_groups(frame, group="who", time="at", holdout=0.2)

    assert (len(parted.train), len(parted.holdout)) == (80, 20)


def test_groups_that_are_always_there_are_drawn_to_one_side():
    frame = visits([(n % 10, n, None) for n in range(1_000)])

    parted = split_groups(frame, group="who", time="at", holdout=0.2)

    assert (parted.train["who"].n_unique(), parted.holdout["who"].n_unique()) == (8, 2)
    assert (len(parted.train), len(parted.holdout)) == (640, 40)


@pytest.mark.parametrize(
    ("frame", "asked", "error", "says"),
    [
        (visits([(1, 1, None)] * 3), {}, UsageError, "All rows are of one who"),
        (visits([(1, 1, None), (2, 1, None)]), {"time": "at"}, UsageError, "same at"),
        (visits([(1, 1, None), (2, 1, None)]), {"holdout": 1.0}, UsageError, "holdout is 1.0"),
        (visits([(1, 1, None), (2, 1, None)]), {"stratify": True}, TargetError, "class by class"),
        (visits([(1, 1, None), (2, 1, None)]), {"time": "att"}, NotFoundError, "'att'.*\n.*'at'"),
        (visits([(1, 1, None), (2, 1, None)]).with_columns(who=pl.lit(None)), {}, UsageError, "2 rows have no who"),
    ],
)
def test_what_cannot_be_parted_is_told(frame, asked, error, says):
    with pytest.raises(error, match=says):
        split_groups(frame, group="who", **{"time": None} | asked)
