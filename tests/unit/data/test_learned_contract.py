"""A contract learned from rows lets those rows through, and quarantines or counts what is unlike them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.contract import enforce, from_yaml, learn_contract, to_yaml
from kaizenml.errors import UsageError

START = datetime(2020, 1, 1, tzinfo=UTC)
ROWS = 100
RAW = pl.DataFrame(
    {
        "key": [f"k{at}" for at in range(ROWS)],
        "at": [(START + timedelta(days=at)).isoformat() for at in range(ROWS)],
        "age": [str(at) for at in range(ROWS)],
        "delay": [str(at / 2 - 10) for at in range(ROWS)],
        "carrier": ["AA", "UA", "DL", ""] * 25,
        "note": [f"free text number {at}" for at in range(ROWS)],
    }
)
PLAN = learn_plan(RAW, keep_text=("key",))
CONTRACT = learn_contract(replay(PLAN, RAW).frame, PLAN, id="key", time="at")


def held(raw, **options):
    return enforce(CONTRACT, replay(PLAN, raw), **options)


def with_cell(column, row, value):
    return RAW.with_columns(pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(column).alias(column))


def test_the_rows_that_it_was_learned_from_keep_it():
    done = held(RAW)

    assert done.findings == ()
    assert done.bad.is_empty()
    assert done.good.height == ROWS
    assert done.is_passed


def test_ranges_have_slack_and_do_not_fall_below_zero_where_nothing_did():
    age, delay = CONTRACT["age"], CONTRACT["delay"]

    assert (age.low, age.high) == pytest.approx((0, 108.9))
    assert (delay.low, delay.high) == pytest.approx((-10 - 4.95, 39.5 + 4.95))


def test_categories_and_null_shares_are_learned():
    carrier = CONTRACT["carrier"]

    assert carrier.categories == {"AA", "UA", "DL"}
    assert carrier.is_nullable
    assert carrier.max_null_share == pytest.approx(0.395)
    assert CONTRACT["note"].categories is None


def test_a_cell_that_is_not_of_its_kind_keeps_its_row_out():
    done = held(with_cell("age", 7, "old"))

    assert done.bad.rows() == [(7, "type", "age", "old", "age cannot be read as integer")]
    assert done.good["key"].to_list() == [f"k{at}" for at in range(ROWS) if at != 7]
    assert [(found.rule, found.severity, found.count) for found in done.findings] == [(Rule.TYPE, Severity.HARD, 1)]


def test_all_but_the_first_of_equal_ids_are_kept_out():
    done = held(with_cell("key", 9, "k3"))

    assert done.bad.select("row", "rule", "value").rows() == [(9, "unique", "k3")]


@pytest.mark.parametrize("column", ["key", "at"])
def test_rows_without_id_or_time_are_kept_out(column):
    assert held(with_cell(column, 5, "")).bad.select("row", "rule", "column").rows() == [(5, "null", column)]


@pytest.mark.parametrize(
    ("column", "value", "rule"), [("age", "500", Rule.RANGE), ("carrier", "ZZ", Rule.CATEGORY), ("age", "", Rule.NULL)]
)
def test_surprises_are_counted_and_let_through(column, value, rule):
    done = held(with_cell(column, 5, value))

    assert done.bad.is_empty()
    assert [(found.column, found.rule, found.severity, found.count, found.share) for found in done.findings] == [
        (column, rule, Severity.SOFT, 1, 0.01)
    ]
    assert value in done.findings[0].reason


def test_a_row_that_breaks_two_hard_rules_has_two_lines():
    raw = with_cell("age", 7, "old").with_columns(
        at=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("soon")).otherwise("at")
    )

    assert held(raw).bad.select("row", "column").rows() == [(7, "at"), (7, "age")]


def test_too_many_nulls_too_few_rows_and_a_missing_column_are_findings_of_the_table():
    few = held(RAW.head(5))
    empty = held(RAW.with_columns(carrier=pl.lit("")))
    missing = enforce(CONTRACT, replay(PLAN.only([name for name in PLAN.names if name != "age"]), RAW))

    assert [(found.rule, found.severity) for found in few.findings] == [(Rule.ROWS, Severity.HARD)]
    assert [(found.rule, found.severity) for found in empty.findings] == [(Rule.NULL_SHARE, Severity.SOFT)]
    assert [(found.column, found.rule) for found in missing.findings] == [("age", Rule.MISSING)]
    assert not few.is_passed
    assert empty.is_passed
    assert not missing.is_passed


def test_columns_may_be_left_out():
    assert held(with_cell("age", 7, "old"), without={"age"}).findings == ()


def test_a_column_of_another_type_breaks_its_type_rule():
    cleaned = replay(PLAN, RAW)
    other = type(cleaned)(cleaned.frame.with_columns(pl.col("age").cast(pl.String)), cleaned.failures)

    assert [(found.rule, found.count) for found in enforce(CONTRACT, other).findings] == [(Rule.TYPE, ROWS)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["1", "2.5", "-7", "", "x", "1e9"]), min_size=1, max_size=30))
def test_every_row_is_good_or_bad(cells):
    raw = RAW.head(len(cells)).with_columns(age=pl.Series(cells))

    done = held(raw)

    assert done.good.height + done.bad["row"].n_unique() == len(cells)


def test_the_page_gives_back_the_contract():
    page = to_yaml(CONTRACT)

    assert page.startswith("# The data contract")
    assert from_yaml(page) == CONTRACT


names = st.text(min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, st.frozensets(names, max_size=4), min_size=1, max_size=4))
def test_any_names_and_categories_survive_the_page(categories):
    rules = [ColumnRule(name, ColumnKind.CATEGORY, categories=values) for name, values in categories.items()]
    contract = Contract(tuple(rules), unique=next(iter(categories)))

    assert from_yaml(to_yaml(contract)) == contract


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: integer", "kind: interger", r"line \d+: kind of age is 'interger'.\nDid you mean 'integer'"),
        ("unique: key", "unique: kee", r"line 16: unique is 'kee', which is no column.\nDid you mean 'key'"),
        ("low: 0.0", "lowest: 0.0", r"column age has no key 'lowest'"),
        ("high: 108.9", "high: plenty", r"high of age is 'plenty', no int or float"),
        ("high: 108.9", "high: -1", "low of age is 0.0, above high -1"),
        ("min_rows: 10", "min_rows: many", r"line 17: min_rows is 'many'"),
        ("min_rows: 10", "min_rows: 2000", r"max_rows is 1000.\nWrite a whole number, 2000 \(min_rows\) or more"),
        ("min_length: ", "min_length: -", r"min_length of note is -\d+.\nWrite a number of characters"),
        ("max_length: ", "max_length: 0 #", r"min_length of note is \d+, above max_length 0.\nSwap them"),
        ("monotone: true", "max_age: soon", r"max_age of at is 'soon'.\nWrite a number and a unit"),
        ("high: 108.9", "max_length: 3", "max_length of age, which is a integer.\nIt is asked of columns of kind text"),
        ("max_null_share: 0.02", "max_null_share: 2", "Write a share from 0 to 1"),
        ("hard: [missing, type]", "hard: [missing, typo]", r"'typo' in hard of age is no rule.\nDid you mean 'type'"),
        ("[AA, DL, UA]", "[AA, NO, UA]", "False in categories of carrier is no text.\nPut it in quotes"),
        ("  age:", "  5:", "5 in columns is no text.\nPut it in quotes: '5'"),
        ("  age:", "  at:", "'at' is given twice in columns"),
        ("columns:", "columns: [", "Mind blanks, colons and quotes"),
        ("kind: integer", "required: true", "given twice"),
    ],
)
def test_a_wrong_edit_is_refused_with_its_line(old, new, message):
    page = to_yaml(CONTRACT)
    assert old in page

    with pytest.raises(UsageError, match=message) as caught:
        from_yaml(page.replace(old, new, 1))

    assert "line" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("page", ["", "[]", "just words", "columns:\n  a: 5\n", "columns:\n  a: {low: 1}\n"])
def test_a_page_that_is_no_contract_is_refused(page):
    with pytest.raises(UsageError, match="Contract, line"):
        from_yaml(page)


def test_a_null_rule_may_be_written_without_quotes():
    page = "columns:\n  a: {kind: text, hard: [type, null]}\n"

    assert from_yaml(page)["a"].on_null is Severity.HARD


@pytest.mark.parametrize(
    ("cells", "bounds"), [(["2013"] * 50, (1992.87, 2033.13)), (["0"] * 50, (0, 1)), (["-0.5"] * 50, (-0.6, -0.4))]
)
def test_a_constant_has_little_slack(cells, bounds):
    raw = pl.DataFrame({"x": cells})
    plan = learn_plan(raw)

    rule = learn_contract(replay(plan, raw).frame, plan, id=None, time=None)["x"]

    assert (rule.low, rule.high) == pytest.approx(bounds)
