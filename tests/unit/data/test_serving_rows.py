"""Rows of a request mean what the same cells of a CSV file mean."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import learn_plan, replay, rows_to_raw
from kaizenml.errors import RowError

TRAINING = pl.DataFrame(
    {
        "number": ["1.5", "2"] * 20,
        "integer": ["1", "2"] * 20,
        "euro": ["1.234,5", "1,25"] * 20,
        "flag": ["yes", "no"] * 20,
        "word": ["red", "5"] * 20,
        "when": ["03/04/2020", "25/12/2020"] * 20,
    }
)
PLAN = learn_plan(TRAINING)


def prepared(**row):
    return replay(PLAN, rows_to_raw([row], PLAN)).frame.row(0, named=True)


def test_native_values_and_their_texts_are_prepared_alike():
    native = prepared(number=1234.5, integer=7, euro=1234.5, flag=True, word=5)
    text = prepared(number="1234.5", integer="7", euro="1.234,5", flag="yes", word="5")

    assert native == text
    assert native == {"number": 1234.5, "integer": 7, "euro": 1234.5, "flag": True, "word": "5", "when": None}


def test_a_whole_float_is_an_integer():
    assert prepared(integer=7.0)["integer"] == 7


def test_one_and_zero_are_booleans_where_booleans_belong():
    assert prepared(flag=1)["flag"] is True
    assert prepared(flag="0")["flag"] is False


def test_times_come_as_iso_text_whatever_the_file_wrote():
    expected = datetime(2020, 4, 3, 10, tzinfo=UTC)

    assert prepared(when="2020-04-03T10:00:00Z")["when"] == expected
    assert prepared(when="2020-04-03T12:00:00+02:00")["when"] == expected
    assert prepared(when=expected)["when"] == expected
    assert prepared(when="03/04/2020")["when"] == expected.replace(hour=0)


def test_missing_keys_are_nulls_and_unknown_keys_are_dropped():
    frame = rows_to_raw([{"number": 1.0, "other": 2}], PLAN)

    assert frame.columns == list(PLAN.names)
    assert frame.row(0) == (1.0, None, None, None, None, None)


def test_no_rows_make_an_empty_frame():
    assert replay(PLAN, rows_to_raw([], PLAN)).frame.shape == (0, 6)


def test_what_cannot_be_read_is_a_failure_not_an_error():
    done = replay(PLAN, rows_to_raw([{"number": "much", "integer": 1.5, "flag": "perhaps", "when": 5}], PLAN))

    assert done.failures.rows() == [
        (0, "number", "much"),
        (0, "integer", "1.5"),
        (0, "flag", "perhaps"),
        (0, "when", "5"),
    ]


def test_a_list_in_place_of_a_value_is_refused_with_its_row():
    with pytest.raises(RowError, match="Row 1: word is a list"):
        rows_to_raw([{"word": "a"}, {"word": ["a"]}], PLAN)


def test_numbers_that_no_float_can_hold_are_failures():
    done = replay(PLAN, rows_to_raw([{"number": 10**400, "integer": 2**70}], PLAN))

    assert done.failures["column"].to_list() == ["number", "integer"]


def test_the_plan_of_some_columns_serves_those_alone():
    plan = PLAN.only(["flag", "number"])

    assert replay(plan, rows_to_raw([{"flag": "no", "number": 2}], plan)).frame.row(0) == (2.0, False)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 2000),
    st.floats(),
    st.sampled_from(["1.5", "1.234", "1.234,5", "", "NA", "yes", "2020-01-02", "03/04/2020", " red "]),
    st.text(max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(PLAN.names, VALUES)), min_size=1, max_size=6))
def test_a_batch_of_rows_gives_what_its_rows_give_one_by_one(rows):
    batch = replay(PLAN, rows_to_raw(rows, PLAN))

    alone = [replay(PLAN, rows_to_raw([row], PLAN)) for row in rows]

    assert pl.concat([done.frame for done in alone]).equals(batch.frame)
    assert [(at, row[1]) for at, done in enumerate(alone) for row in done.failures.rows()] == [
        (row, name) for row, name, _ in batch.failures.rows()
    ]


@settings(max_examples=60, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53))
def test_a_number_is_the_same_number_as_its_text(number, integer):
    native = prepared(number=number, integer=integer)
    text = prepared(number=repr(number), integer=str(integer))

    assert native == text
    assert PLAN["number"].kind is ColumnKind.NUMBER
