"""What is decided about a row is told from lines that are only added; repairs touch nothing but their row."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity
from kaizenml.core.plan import ColumnPlan, NumberStyle
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.contract import enforce, learn_contract
from kaizenml.data.quarantine import (
    Decision,
    RowState,
    amended,
    decided,
    folded,
    found_in,
    objections,
    others_with,
    row_id,
)
from kaizenml.data.quarantine_suggest import candidates, suggestions
from kaizenml.errors import StateError

START = datetime(2024, 1, 1, tzinfo=UTC)
ROW = {"key": "k1", "age": "4O"}
NAMES = st.text("abc", min_size=1, max_size=3)
CELLS = st.one_of(st.none(), st.text(max_size=5), st.integers(-9, 9), st.booleans())


def line(payload, *, row=0, batch="b1", at=START, rule=Rule.TYPE, column="age"):
    return {
        "row": row, "rule": str(rule), "column": column, "value": "4O", "reason": "age cannot be read as integer",
        "payload": msgspec.json.encode(payload).decode(), "id": row_id(payload), "file": "data/t.csv",
        "suggestion": "40", "batch": batch, "at": at,
    }  # fmt: skip


def entries(lines, decisions=(), batch="b1"):
    return folded(pl.DataFrame(lines), decisions, batch=batch)


def decision(state, *, hours=1, **more):
    return Decision(row_id(ROW), state, "person:ada", START + timedelta(hours=hours), **more)


@given(st.dictionaries(NAMES, CELLS, max_size=5), st.randoms())
def test_the_id_of_a_row_does_not_depend_on_the_order_of_its_columns_or_on_empty_ones(payload, random):
    shuffled = list(payload.items())
    random.shuffle(shuffled)

    assert row_id(dict(shuffled) | {"later": None}) == row_id(payload)


def test_a_row_is_new_until_something_is_decided():
    (entry,) = entries([line(ROW), line(ROW, rule=Rule.NULL, column="key")])

    assert entry.state is RowState.NEW
    assert [each.column for each in entry.broken] == ["age", "key"]
    assert entry.suggestion == {"age": "40", "key": "40"}
    assert entry.payload == ROW


@pytest.mark.parametrize("state", [RowState.RELEASED, RowState.REPAIRED, RowState.DROPPED])
def test_the_last_decision_counts(state):
    said = [decision(RowState.DROPPED), decision(state, hours=2)]

    assert entries([line(ROW)], said)[0].state is state


@pytest.mark.parametrize(
    ("state", "after"),
    [(RowState.RELEASED, RowState.NEW), (RowState.REPAIRED, RowState.NEW), (RowState.DROPPED, RowState.DROPPED)],
)
def test_a_row_that_breaks_a_rule_again_is_new_again_unless_it_was_dropped(state, after):
    lines = [line(ROW), line(ROW, batch="b2", at=START + timedelta(hours=2))]

    assert entries(lines, [decision(state)], batch="b2")[0].state is after


def test_rows_that_are_equal_are_one_entry_with_copies():
    (entry,) = entries([line(ROW, row=3), line(ROW, row=8)])

    assert entry.copies == 2


def test_a_row_that_the_newest_batch_does_not_have_is_held_no_more():
    (entry,) = entries([line(ROW)], batch="b2")

    assert not entry.is_held
    with pytest.raises(StateError, match="not in quarantine any more"):
        decided(entry, decision(RowState.RELEASED))


def test_a_dropped_row_can_come_back_but_not_be_dropped_twice():
    (entry,) = entries([line(ROW)], [decision(RowState.DROPPED)])

    assert decided(entry, decision(RowState.REPAIRED, changes={"age": "40"})).state is RowState.REPAIRED
    with pytest.raises(StateError, match="dropped already"):
        decided(entry, decision(RowState.DROPPED))


def test_lines_of_older_tables_have_ids_too():
    old = pl.DataFrame([line(ROW)]).select("row", "rule", "column", "value", "reason", "payload")

    (entry,) = folded(old, [], batch=None)

    assert entry.id == row_id(ROW)
    assert entry.is_held


RAW = pl.DataFrame(
    {
        "key": [f"k{at}" for at in range(60)],
        "age": ["4O" if at == 1 else str(20 + at) for at in range(60)],
        "rate": [at / 7 for at in range(60)],
        "day": [date(2024, 1, 1) + timedelta(days=at) for at in range(60)],
        "at": [START + timedelta(minutes=at) for at in range(60)],
        "ok": [at % 3 == 0 for at in range(60)],
        "count": [None if at == 9 else at for at in range(60)],
    }
)


def payload_of(row):
    return msgspec.json.decode(msgspec.json.encode(RAW.row(row, named=True)))


@pytest.mark.parametrize("row", [0, 1, 9, 59])
def test_a_row_is_found_by_its_payload_whatever_the_types(row):
    assert found_in(RAW, [payload_of(row)]).rows() == [(row, 0)]


@given(
    st.lists(st.integers(0, 59), unique=True, min_size=1, max_size=5),
    st.sampled_from(["age", "rate", "count", "key"]),
    st.integers(-5, 99),
)
def test_repairs_change_their_cells_and_no_other(rows, column, value):
    changed = amended(RAW, [(payload_of(row), {column: str(value)}) for row in rows])

    assert changed.schema == RAW.schema
    assert [changed[column][row] for row in rows] == [pl.Series([str(value)]).cast(RAW.schema[column])[0]] * len(rows)
    is_other = ~pl.int_range(pl.len()).is_in(rows)
    assert changed.filter(is_other).equals(RAW.filter(is_other))
    assert changed.drop(column).equals(RAW.drop(column))


def test_a_repair_can_set_times_truths_and_nothing():
    cells = {"day": "2023-05-06", "ok": "true", "count": None, "at": "2023-05-06T07:08:09Z"}

    changed = amended(RAW, [(payload_of(4), cells)]).row(4, named=True)

    assert changed["day"] == date(2023, 5, 6)
    assert changed["ok"] is True
    assert changed["count"] is None
    assert changed["at"] == datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_a_repaired_row_is_held_to_the_contract_again():
    plan = learn_plan(RAW, keep_text=("key",))
    contract = learn_contract(replay(plan, RAW).frame, plan, id="key", time=None)

    assert objections(plan, contract, payload_of(1)) == ["age cannot be read as integer: '4O'"]
    assert objections(plan, contract, payload_of(1) | {"age": "40"}) == []
    assert objections(plan, contract, payload_of(1) | {"age": "40", "key": None}) == ["key has no value"]
    assert others_with(plan, "key", RAW, {"key": "k5"}) == 1
    assert others_with(plan, "key", RAW, {"key": "k500"}) == 0


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("4O", ColumnKind.INTEGER, ["40"]),
        ("l2.5", ColumnKind.NUMBER, ["12.5"]),
        ("12.5 kg", ColumnKind.NUMBER, ["12.5"]),
        ("~ 3..5", ColumnKind.NUMBER, ["3.5"]),
        ("about ten", ColumnKind.NUMBER, []),
        ("3 to 5", ColumnKind.NUMBER, []),
        ("2024-31-12", ColumnKind.TIME, ["2024-12-31"]),
        ("31 Dec, 2024", ColumnKind.TIME, ["2024-12-31"]),
        ("25.12.2024", ColumnKind.TIME, ["2024-12-25"]),
        ("2024-02-31", ColumnKind.TIME, []),
    ],
)
def test_what_a_broken_cell_was_meant_to_say_is_offered(text, kind, wanted):
    assert candidates(Rule.TYPE, text, ColumnPlan("x", kind), ColumnRule("x", kind)) == wanted


def test_a_number_is_offered_as_the_column_writes_it():
    plan = ColumnPlan("x", ColumnKind.NUMBER, number=NumberStyle(decimal=",", thousands="."))

    assert "12,5" in candidates(Rule.TYPE, "12,5?", plan, ColumnRule("x", ColumnKind.NUMBER))


def test_only_one_known_word_that_is_near_is_offered():
    held = ColumnRule("x", ColumnKind.CATEGORY, categories=frozenset({"London", "Paris", "AA", "AB"}))
    plan = ColumnPlan("x", ColumnKind.CATEGORY)

    assert candidates(Rule.CATEGORY, "Lodnon", plan, held) == ["London"]
    assert candidates(Rule.CATEGORY, "AC", plan, held) == []
    assert candidates(Rule.CATEGORY, "Madrid", plan, held) == []


def test_every_suggestion_keeps_the_contract():
    raw = pl.DataFrame({"weight": ["70", "71.5", "72"] * 50 + ["70000", "-71", "99999999"]})
    plan = learn_plan(raw)
    contract = Contract((ColumnRule("weight", ColumnKind.NUMBER, low=40, high=150, on_range=Severity.HARD),))
    bad = enforce(contract, replay(plan, raw)).bad

    offers = suggestions(plan, contract, bad)

    assert offers == ["70", "71", None]
    mended = raw.with_row_index().with_columns(
        weight=pl.Series([*raw["weight"][:150], offers[0], offers[1], raw["weight"][152]])
    )
    assert enforce(contract, replay(plan, mended)).bad["row"].to_list() == [152]


def test_nothing_is_suggested_that_breaks_a_soft_rule():
    raw = pl.DataFrame({"rate": ["0.1", "0.5", "0.9"] * 50 + ["O.4", "4O.2"]})
    plan = learn_plan(raw)
    cleaned = replay(plan, raw)
    contract = learn_contract(cleaned.frame, plan, id=None, time=None)

    assert suggestions(plan, contract, enforce(contract, cleaned).bad) == ["0.4", None]
