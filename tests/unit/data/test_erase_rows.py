"""Whose rows they are, however they are kept."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.data.erase import is_about, is_persons, is_persons_within
from kaizenml.errors import UsageError

names = st.one_of(
    st.none(), st.text(min_size=1, max_size=6), st.integers(-5, 20), st.sampled_from(["7", " 7 ", "Zoë", 'a"b\\'])
)


def expected(cell: object, value: str) -> bool:
    if cell is None or isinstance(cell, str):
        return cell is not None and cell.strip() == value.strip()
    try:
        return float(cell) == float(value)
    except ValueError:
        return False


@settings(max_examples=300, deadline=None)
@given(cells=st.lists(names, max_size=10), value=st.sampled_from(["7", "7.0", "Zoë", 'a"b\\', "x", " 1"]))
def test_rows_kept_as_json_are_found_by_their_column(cells, value):
    rows = pl.DataFrame({"row": [json.dumps({"who": cell, "other": value}, ensure_ascii=False) for cell in cells]},
                        schema={"row": pl.String})  # fmt: skip

    found = is_persons_within(rows, "who", value)

    assert found.to_list() == [
        expected(cell, value) if not isinstance(cell, str) else cell.strip() == value.strip() for cell in cells
    ]


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        (["C1", " C1 ", "c1", None, "C11"], "C1", [True, True, False, False, False]),
        ([7, 8, None], "7", [True, False, None]),
        ([7.0, 7.5], "7", [True, False]),
        ([7, 8], "C7", [False, False]),
    ],
)
def test_rows_are_found_by_their_cell(column, value, found):
    rows = pl.DataFrame({"who": column})

    assert is_persons(rows, "who", value).to_list() == [bool(each) for each in found]


def test_a_table_without_the_column_has_no_such_rows():
    assert is_persons(pl.DataFrame({"at": [1, 2]}), "who", "7").to_list() == [False, False]
    assert is_persons_within(pl.DataFrame({"row": [1, 2], "who": ["7", "7"]}), "who", "7").to_list() == [False, False]
    assert is_about(pl.DataFrame({"at": [1, 2]}), pl.Series(["a"])).to_list() == [False, False]
    assert is_about(pl.DataFrame({"id": ["a", None, "b"]}), pl.Series(["a"])).to_list() == [True, False, False]


def test_an_empty_value_names_nobody():
    with pytest.raises(UsageError, match="empty"):
        is_persons(pl.DataFrame({"who": [""]}), "who", "  ")
