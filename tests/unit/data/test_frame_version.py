"""Equal values have equal digests however they are held; any difference shows."""

from datetime import datetime

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.digest import is_digest
from kaizenml.core.schema import ColumnKind
from kaizenml.data.version import describe, frame_digest

FRAME = pl.DataFrame(
    {
        "i": [1, None, 3, 4],
        "f": [1.5, float("nan"), None, 0.0],
        "s": ["x", None, "", "a text that is longer than an inlined view"],
        "b": [True, None, False, True],
        "t": [datetime(2020, 1, day) for day in (1, 2, 3, 4)],
        "l": [[1], [], None, [2, 3]],
    }
)


def test_the_digest_is_pinned():
    assert frame_digest(pl.DataFrame({"a": [1, None], "b": ["x", "é"]})) == PINNED


def test_copies_slices_and_chunks_have_the_digest_of_the_whole():
    digest = frame_digest(FRAME)

    assert is_digest(digest)
    assert frame_digest(FRAME.clone()) == digest
    assert frame_digest(pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)) == digest
    assert frame_digest(pl.concat([FRAME, FRAME])[4:]) == digest
    assert frame_digest(pl.concat([FRAME, FRAME]).filter(pl.int_range(8) < 4)) == digest


def test_what_stands_under_a_null_does_not_count():
    first = pl.DataFrame({"x": [1, 2]}).select(pl.when(pl.col("x") > 1).then("x"))
    second = pl.DataFrame({"x": [7, 2]}).select(pl.when(pl.col("x") < 5).then("x"))

    assert frame_digest(first) == frame_digest(second)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.rename({"i": "j"}),
        lambda frame: frame.select("f", "i", "s", "b", "t", "l"),
        lambda frame: frame.reverse(),
        lambda frame: frame.with_columns(pl.col("i").cast(pl.Int32)),
        lambda frame: frame.with_columns(pl.col("i").fill_null(0)),
        lambda frame: frame.with_columns(pl.col("f").fill_nan(None)),
        lambda frame: frame.with_columns(pl.col("s").fill_null("")),
        lambda frame: frame.with_columns(pl.col("b").fill_null(False)),
        lambda frame: frame.with_columns(pl.col("t").cast(pl.Datetime("ms"))),
        lambda frame: frame.with_columns(pl.col("t").dt.replace_time_zone("UTC")),
        lambda frame: frame.with_columns(l=pl.Series([[1], [2], None, [3]])),
        lambda frame: frame.head(3),
        lambda frame: frame.drop("b"),
    ],
)
def test_any_difference_shows(change):
    assert frame_digest(change(FRAME)) != frame_digest(FRAME)


def test_texts_do_not_run_into_each_other():
    assert frame_digest(pl.DataFrame({"s": ["ab", "c"]})) != frame_digest(pl.DataFrame({"s": ["a", "bc"]}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=10), st.integers(0, 10))
def test_where_a_frame_was_cut_does_not_show(values, cut):
    frame = pl.DataFrame({"s": pl.Series(values, dtype=pl.String)})

    assert frame_digest(pl.concat([frame[:cut], frame[cut:]], rechunk=False)) == frame_digest(frame)


def test_a_frame_is_described_column_by_column():
    summary = {column.name: column for column in describe(FRAME.drop("l"))}

    assert summary["i"].kind is ColumnKind.INTEGER
    assert (summary["i"].rows, summary["i"].nulls, summary["i"].distinct) == (4, 1, 3)
    assert (summary["i"].low, summary["i"].high, summary["i"].mean) == (1, 4, pytest.approx(8 / 3))
    assert (summary["f"].nulls, summary["f"].high) == (2, 1.5)
    assert summary["t"].low == "2020-01-01T00:00:00"
    assert summary["b"].top[0] == ("true", 2)
    assert summary["s"].low is None


def test_a_description_is_json():
    assert b"a text that is longer" in msgspec.json.encode(describe(FRAME.drop("l")))


def test_empty_columns_are_described_too():
    summary = describe(pl.DataFrame({"x": pl.Series([], dtype=pl.Float64), "y": pl.Series([], dtype=pl.String)}))

    assert [(column.rows, column.low, column.mean, column.top) for column in summary] == [(0, None, None, ())] * 2


PINNED = "89b861a36cc2bb524cb75531c7446bb42db1661c57b5e7586a92bb3d93310236"
