"""What changed between two contracts is told line by line; what is looser here is looser by the law of the core."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.contract import ColumnRule, Contract, Severity, loosened
from kaizenml.core.schema import ColumnKind
from kaizenml.data.contract_diff import Change, differences

AGE = ColumnRule("age", ColumnKind.NUMBER, low=0.0, high=120.0, is_nullable=False, max_null_share=0.0)
CITY = ColumnRule("city", ColumnKind.CATEGORY, categories=frozenset({"Lyon", "Oslo"}), on_category=Severity.HARD)
OLD = Contract((AGE, CITY), unique="age", min_rows=100)

BOUNDS = st.one_of(st.none(), st.integers(-3, 3).map(float))
RULES = st.builds(
    ColumnRule,
    column=st.sampled_from("ab"),
    kind=st.sampled_from(ColumnKind),
    is_required=st.booleans(),
    is_nullable=st.booleans(),
    low=BOUNDS,
    high=BOUNDS,
    categories=st.one_of(st.none(), st.frozensets(st.sampled_from("xyz"))),
    max_null_share=st.sampled_from([0.0, 0.5, 1.0]),
    on_range=st.sampled_from(Severity),
    on_type=st.sampled_from(Severity),
    min_length=st.sampled_from([None, 1, 2]),
    max_age_seconds=st.sampled_from([None, 60.0, 120.0]),
    is_monotone=st.booleans(),
    on_length=st.sampled_from(Severity),
)
CONTRACTS = st.builds(
    Contract,
    columns=st.lists(RULES, max_size=2, unique_by=lambda rule: rule.column).map(tuple),
    unique=st.sampled_from([None, "a", "b"]),
    min_rows=st.integers(1, 3),
    max_rows=st.sampled_from([None, 5, 6]),
)


def with_age(**changes):
    return replace(OLD, columns=(replace(AGE, **changes), CITY))


def test_equal_contracts_differ_in_nothing():
    assert differences(OLD, OLD) == ()


def test_a_wider_bound_is_looser_and_a_narrower_one_is_not():
    assert differences(OLD, with_age(high=130.0)) == (Change("age", "high", "120", "130", is_looser=True),)
    assert differences(OLD, with_age(high=110.0)) == (Change("age", "high", "120", "110", is_looser=False),)


def test_only_the_words_that_came_or_went_are_shown():
    new = replace(OLD, columns=(AGE, replace(CITY, categories=frozenset({"Lyon", "Graz"}))))

    assert differences(OLD, new) == (Change("city", "categories", "also Oslo", "also Graz", is_looser=True),)


def test_an_age_is_shown_as_its_page_writes_it():
    old, new = with_age(max_age_seconds=7200.0), with_age(max_age_seconds=86_400.0)

    assert differences(old, new) == (Change("age", "max_age", "2h", "1d", is_looser=True),)


def test_a_rule_that_is_soft_now_is_looser():
    new = replace(OLD, columns=(AGE, replace(CITY, on_category=Severity.SOFT)))

    (change,) = differences(OLD, new)

    assert (change.line, change.is_looser) == ("hard", True)


def test_columns_that_go_are_looser_and_columns_that_come_are_not():
    gone, come = Contract((AGE,), "age", 100), replace(OLD, columns=(AGE, CITY, replace(CITY, column="town")))

    assert [(each.column, each.is_looser) for each in differences(OLD, gone)] == [("city", True)]
    assert [(each.column, each.is_looser) for each in differences(OLD, come)] == [("town", False)]


def test_what_is_asked_of_the_table_is_compared():
    lines = {each.line: each.is_looser for each in differences(OLD, replace(OLD, unique=None, min_rows=10))}

    assert lines == {"unique": True, "min_rows": True}


@given(CONTRACTS, CONTRACTS)
def test_something_is_looser_exactly_when_the_core_says_so(old, new):
    assert any(change.is_looser for change in differences(old, new)) == bool(loosened(old, new))


@given(CONTRACTS, CONTRACTS)
def test_contracts_differ_exactly_when_their_digests_do(old, new):
    same_order = Contract(
        tuple(sorted(old.columns, key=lambda rule: rule.column)), old.unique, old.min_rows, old.max_rows
    )
    other = Contract(tuple(sorted(new.columns, key=lambda rule: rule.column)), new.unique, new.min_rows, new.max_rows)

    assert (differences(same_order, other) == ()) == (same_order.digest == other.digest)
