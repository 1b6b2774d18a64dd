from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity, loosened, row_problems
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import NotFoundError

AGE = ColumnRule("age", ColumnKind.NUMBER, is_nullable=False, low=0.0, high=120.0, max_null_share=0.1)
CARRIER = ColumnRule("carrier", ColumnKind.CATEGORY, categories=frozenset({"AA", "UA"}))
WHEN = ColumnRule("when", ColumnKind.TIME, is_nullable=False, on_null=Severity.HARD)
CONTRACT = Contract((AGE, CARRIER, WHEN), unique="when", min_rows=10)
PINNED = "2b93e2719ded065fbd2ddaff40cb760440ccbc3c2b08c804d5ce81ced193418d"
ROW = {"age": 40.0, "carrier": "AA", "when": datetime(2020, 1, 1, tzinfo=UTC)}


def broken(**changes):
    return [(problem.column, problem.rule, problem.severity) for problem in row_problems(CONTRACT, ROW | changes)]


def test_a_good_row_has_no_problems():
    assert broken() == []


def test_a_new_category_is_answered_and_counted():
    assert broken(carrier="DL") == [("carrier", Rule.CATEGORY, Severity.SOFT)]


def test_a_null_where_none_was_seen_is_soft_and_a_row_without_time_is_hard():
    assert broken(age=None) == [("age", Rule.NULL, Severity.SOFT)]
    assert broken(when=None) == [("when", Rule.NULL, Severity.HARD)]


@pytest.mark.parametrize("value", ["40", True, float("nan"), float("inf")])
def test_a_value_of_another_kind_is_hard(value):
    assert broken(age=value) == [("age", Rule.TYPE, Severity.HARD)]


@pytest.mark.parametrize("value", [-0.1, 120.1, 10**9])
def test_a_value_out_of_range_is_soft(value):
    assert broken(age=value) == [("age", Rule.RANGE, Severity.SOFT)]


@pytest.mark.parametrize("value", [0, 0.0, 120, 120.0])
def test_bounds_belong_to_the_range(value):
    assert broken(age=value) == []


def test_a_column_that_must_be_there_is_missed():
    problems = row_problems(CONTRACT, {"carrier": "AA", "when": ROW["when"]})

    assert [(problem.rule, problem.severity) for problem in problems] == [(Rule.MISSING, Severity.HARD)]


def test_the_reason_names_column_value_and_bounds():
    assert row_problems(CONTRACT, ROW | {"age": 130.0})[0].reason == "age is 130.0, outside 0 to 120"


def test_a_contract_survives_json_and_its_digest_does_not_depend_on_the_order_of_categories():
    again = msgspec.json.decode(msgspec.json.encode(CONTRACT), type=Contract)

    assert again == CONTRACT
    assert again.digest == CONTRACT.digest
    assert replace(CONTRACT, min_rows=11).digest != CONTRACT.digest


def test_the_contract_of_some_columns_asks_only_those():
    serving = CONTRACT.only({"age", "carrier"})

    assert serving.names == ("age", "carrier")
    assert serving.unique is None
    with pytest.raises(NotFoundError):
        serving["when"]


def test_a_contract_is_no_looser_than_itself():
    assert loosened(CONTRACT, CONTRACT) == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"high": 130.0}, Rule.RANGE),
        ({"low": None}, Rule.RANGE),
        ({"is_nullable": True}, Rule.NULL),
        ({"is_required": False}, Rule.MISSING),
        ({"max_null_share": 0.2}, Rule.NULL_SHARE),
        ({"on_type": Severity.SOFT}, Rule.TYPE),
        ({"kind": ColumnKind.INTEGER}, Rule.TYPE),
    ],
)
def test_each_rule_that_lets_more_through_is_named(change, rule):
    new = replace(CONTRACT, columns=(replace(AGE, **change), CARRIER, WHEN))

    assert [(found.column, found.rule) for found in loosened(CONTRACT, new)] == [("age", rule)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"min_length": 1}, Rule.LENGTH),
        ({"max_length": None}, Rule.LENGTH),
        ({"max_age_seconds": 120.0}, Rule.FRESHNESS),
        ({"is_monotone": False}, Rule.MONOTONE),
        ({"on_monotone": Severity.SOFT}, Rule.MONOTONE),
        ({"on_length": Severity.SOFT}, Rule.LENGTH),
    ],
)
def test_looser_lengths_ages_and_orders_are_named(change, rule):
    old = ColumnRule(
        "x", ColumnKind.TIME, min_length=2, max_length=5, max_age_seconds=60.0, is_monotone=True,
        on_monotone=Severity.HARD, on_length=Severity.HARD,
    )  # fmt: skip

    found = loosened(Contract((old,)), Contract((replace(old, **change),)))

    assert [each.rule for each in found] == [rule]
    assert loosened(Contract((replace(old, **change),)), Contract((old,))) == ()


def test_more_rows_are_looser_than_fewer():
    few, many = replace(CONTRACT, max_rows=20), replace(CONTRACT, max_rows=30)

    assert [found.rule for found in loosened(few, many)] == [Rule.ROWS]
    assert [found.rule for found in loosened(few, CONTRACT)] == [Rule.ROWS]
    assert loosened(many, few) == loosened(CONTRACT, few) == ()


def test_a_contract_that_says_nothing_new_keeps_its_digest():
    bare = Contract((ColumnRule("x", ColumnKind.NUMBER),))

    assert bare.digest == PINNED
    assert replace(bare, max_rows=5).digest != bare.digest
    assert replace(bare, columns=(replace(bare["x"], is_monotone=True),)).digest != bare.digest


def test_tighter_rules_are_not_looser():
    tighter = replace(CONTRACT, columns=(replace(AGE, low=5.0, high=100.0), CARRIER, WHEN), min_rows=20)

    assert loosened(CONTRACT, tighter) == ()


def test_more_categories_a_dropped_column_and_lost_uniqueness_are_looser():
    more = replace(CARRIER, categories=frozenset({"AA", "UA", "DL"}))
    new = Contract((AGE, more), unique=None, min_rows=1)

    assert {found.rule for found in loosened(CONTRACT, new)} == {Rule.CATEGORY, Rule.MISSING, Rule.UNIQUE, Rule.ROWS}
