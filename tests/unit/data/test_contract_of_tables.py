"""How long texts are, how many rows come, how fresh and how ordered times are: learned with slack, and held to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity, row_problems
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import FAILURES, Cleaned, learn_plan, replay
from kaizenml.data.contract import enforce, from_yaml, learn_contract, to_yaml
from kaizenml.data.enforce import enforce_part
from kaizenml.data.enforce_parts import Tally

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 100
RAW = pl.DataFrame(
    {
        "at": [(START + timedelta(hours=6 * at)).isoformat() for at in range(ROWS)],
        "note": [f"free text number {at}" for at in range(ROWS)],
        "kind": ["a", "b"] * 50,
    }
)
PLAN = learn_plan(RAW)
NEWEST = START + timedelta(hours=6 * (ROWS - 1))
NOW = NEWEST + timedelta(hours=20)


def learned(raw=RAW, now=NOW):
    return learn_contract(replay(PLAN, raw).frame, PLAN, id=None, time="at", now=now)


CONTRACT = learned()


def found(raw=RAW, now=NOW, contract=CONTRACT):
    done = enforce(contract, replay(PLAN, raw), now=now)
    return [(each.column, each.rule, each.severity, each.count) for each in done.findings]


def frame(times, notes=None):
    at = pl.Series("at", times, dtype=pl.Datetime("us", "UTC"))
    return Cleaned(pl.DataFrame([at, *([pl.Series("note", notes)] if notes else [])]), pl.DataFrame(schema=FAILURES))


def clock(**changes):
    return ColumnRule("at", ColumnKind.TIME, **changes)


def test_the_rows_that_it_was_learned_from_keep_it():
    assert found() == []


def test_free_texts_may_be_half_as_short_and_twice_as_long():
    assert (CONTRACT["note"].min_length, CONTRACT["note"].max_length) == (9, 38)
    assert CONTRACT["kind"].max_length is None


def test_a_text_that_is_too_long_is_counted_in_tables_and_in_rows():
    long = RAW.with_columns(note=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("x" * 39)).otherwise("note"))
    row = {"at": START, "note": "x" * 39, "kind": "a"}

    assert found(long) == [("note", Rule.LENGTH, Severity.SOFT, 1)]
    (problem,) = row_problems(CONTRACT, row)
    assert (problem.rule, problem.reason) == (Rule.LENGTH, "note has 39 characters, not 9 to 38")


@pytest.mark.parametrize(("text", "is_broken"), [("é" * 3, False), ("éé", True), ("é" * 6, True), ("", True)])
def test_rows_and_tables_count_the_same_characters(text, is_broken):
    rule = ColumnRule("note", ColumnKind.TEXT, min_length=3, max_length=5, on_length=Severity.HARD)
    cleaned = Cleaned(pl.DataFrame({"note": [text]}), pl.DataFrame(schema=FAILURES))

    assert bool(row_problems(Contract((rule,)), {"note": text})) is is_broken
    assert enforce(Contract((rule,)), cleaned).bad["rule"].to_list() == ["length"] * is_broken


@pytest.mark.parametrize(("bounds", "words"), [({"min_length": 3}, "fewer than 3"), ({"max_length": 1}, "more than 1")])
def test_one_bound_is_enough(bounds, words):
    rule = ColumnRule("note", ColumnKind.TEXT, **bounds)
    cleaned = Cleaned(pl.DataFrame({"note": ["ab"]}), pl.DataFrame(schema=FAILURES))

    assert row_problems(Contract((rule,)), {"note": "ab"})[0].reason == f"note has 2 characters, {words}"
    assert [each.rule for each in enforce(Contract((rule,)), cleaned).findings] == [Rule.LENGTH]


def test_ten_times_the_rows_may_come_and_more_are_counted():
    assert CONTRACT.max_rows == 1000
    few = replace(CONTRACT, max_rows=99)

    assert found(contract=few) == [("", Rule.ROWS, Severity.SOFT, 100)]
    assert enforce(few, replay(PLAN, RAW)).is_passed


def test_live_data_may_grow_twice_as_old_as_they_are():
    assert CONTRACT["at"].max_age_seconds == 2 * 86_400
    assert found(now=NEWEST + timedelta(days=2)) == []
    assert found(now=NEWEST + timedelta(days=2, seconds=1)) == [("at", Rule.FRESHNESS, Severity.SOFT, 100)]


@pytest.mark.parametrize("now", [None, NEWEST + timedelta(days=300), NEWEST - timedelta(days=1)])
def test_the_age_of_an_archive_and_of_times_to_come_is_not_asked(now):
    assert learned(now=now)["at"].max_age_seconds is None


def test_rows_of_the_past_are_not_asked_how_old_they_are():
    assert found(now=None) == []


def test_times_that_go_back_are_counted():
    assert CONTRACT["at"].is_monotone

    assert found(RAW.reverse()) == [("at", Rule.MONOTONE, Severity.SOFT, 99)]
    assert not learned(RAW.reverse())["at"].is_monotone


def test_equal_times_and_nulls_keep_the_order():
    rule = clock(is_monotone=True)
    times = [START, START, None, START + timedelta(1), None, START]

    assert enforce(Contract((rule,)), frame(times[:5])).findings == ()
    assert [each.count for each in enforce(Contract((rule,)), frame(times)).findings] == [1]


@pytest.mark.parametrize("rule", [clock(is_monotone=True, on_monotone=Severity.HARD),
                                  clock(max_age_seconds=60.0, on_freshness=Severity.HARD)])  # fmt: skip
def test_a_hard_rule_of_times_refuses_the_whole_table(rule):
    done = enforce(Contract((rule,)), frame([START, START - timedelta(1)]), now=NOW)

    assert done.good.height == 2
    assert not done.is_passed


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_parts_find_what_the_whole_finds(cut):
    contract = Contract((clock(is_monotone=True, max_age_seconds=60.0),), max_rows=3)
    days = [3, None, 2, 5, 1, None]
    whole = frame([None if day is None else START + timedelta(day) for day in days])
    tally = Tally(contract, NOW)
    for at in range(0, len(days), cut):
        part = Cleaned(whole.frame.slice(at, cut), whole.failures)
        tally.add(part, enforce_part(contract, part, None))

    assert tally.findings() == enforce(contract, whole, now=NOW).findings
    assert {each.rule for each in tally.findings()} == {Rule.ROWS, Rule.FRESHNESS, Rule.MONOTONE}


@pytest.mark.parametrize("seconds", [0.1, 90.0, 5400.0, 7200.0, 86_400.0, 1 / 3])
def test_any_age_survives_the_page(seconds):
    contract = replace(CONTRACT, columns=(clock(max_age_seconds=seconds, on_freshness=Severity.HARD),))

    assert from_yaml(to_yaml(contract)) == contract


def test_the_page_gives_back_the_contract():
    page = to_yaml(CONTRACT)

    assert "max_age: 2d" in page
    assert from_yaml(page) == CONTRACT
