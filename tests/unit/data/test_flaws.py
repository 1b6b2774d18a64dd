"""What a person should look at before a model sees the data is told with numbers, and without crying wolf."""

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import FlawKind, learn_plan, replay
from kaizenml.data.duplicates import duplicate_flaws
from kaizenml.data.infer import infer_table
from kaizenml.data.outliers import fences, outlier_flaws
from kaizenml.data.personal import is_card, is_email, is_iban, is_phone, personal_flaws

ROWS = 200
RNG = random.Random(3)


def luhn_digit(digits):
    """Return the check digit, computed from left to right, as ISO/IEC 7812-1 shows it."""
    total = 0
    for at, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit
    return str(-total % 10)


def iban_of(country, account):
    """Return an IBAN with the check digits that ISO 13616-1 asks for."""
    numbers = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    return f"{country}{98 - int(numbers) % 97:02d}{account}"


@pytest.mark.parametrize("card", ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009", "6011000000000004"])
def test_published_test_numbers_are_cards(card):
    assert is_card(card)


@given(st.from_regex("[2-6][0-9]{14}", fullmatch=True), st.integers(1, 9))
def test_a_card_has_one_check_digit_and_no_other(digits, away):
    check = luhn_digit(digits)

    assert is_card(digits + check)
    assert not is_card(digits + str((int(check) + away) % 10))


@pytest.mark.parametrize(
    "iban", ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606"]
)
def test_published_ibans_are_ibans(iban):
    assert is_iban(iban)


@given(st.sampled_from(["DE", "AT", "FR"]), st.from_regex("[0-9]{16}", fullmatch=True), st.integers(0, 15))
def test_an_iban_with_one_other_digit_is_none(country, account, at):
    iban = iban_of(country, account)
    wrong = iban[: 4 + at] + str((int(iban[4 + at]) + 1) % 10) + iban[5 + at :]

    assert is_iban(iban)
    assert not is_iban(wrong)


@pytest.mark.parametrize(("text", "is_one"), [("a.b+c@x.example", True), ("a@b", False), ("x@y.org, z@y.org", False)])
def test_e_mail_addresses_are_told(text, is_one):
    assert is_email(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"), [("+49 30 1234567", True), ("(555) 123-4567", True), ("123", False), ("1.5", False)]
)
def test_telephone_numbers_are_told(text, is_one):
    assert is_phone(text) is is_one


def column(write):
    return [write(at) for at in range(ROWS)]


PERSONAL = {
    "mail": column(lambda at: f"user{at}@mail.example"),
    "reach": column(lambda at: f"+33 1 {10_000_000 + 17 * at}"),
    "paid_with": column(lambda at: f"411111{at:09d}" + luhn_digit(f"411111{at:09d}")),
    "account": column(lambda at: iban_of("DE", f"{at:018d}")),
    "first_name": column(lambda _: RNG.choice(["Ada", "José", "Anne-Marie", "O'Neill"])),
    "mobile": column(lambda at: f"0170{1_000_000 + at}"),
    "note": column(lambda at: f"note {at}" + (" see me@x.example" if at % 50 == 0 else "")),
    "passport": column(lambda at: f"C{at:07d}X"),
}
HARMLESS = {
    "order": column(lambda at: 1_000_000_000_000_000 + 7919 * at),
    "zip": column(lambda at: f"{10_000 + at}-{1000 + at}"),
    "day": column(lambda at: f"2024-01-{1 + at % 28:02d}"),
    "price": column(lambda at: f"{at}.50"),
    "carrier_name": column(lambda _: RNG.choice(["United Air Lines", "Delta Air Lines"])),
    "isbn": column(lambda at: f"978{at:010d}"),
    "flight": column(lambda at: f"UA{at:04d}"),
    "ip": column(lambda at: f"10.0.{at % 250}.7"),
}


@pytest.mark.parametrize("name", PERSONAL)
def test_personal_data_are_flagged(name):
    raw = pl.DataFrame({name: PERSONAL[name]})

    (flaw,) = personal_flaws(raw, learn_plan(raw, keep_text=(name,)))

    assert (flaw.kind, flaw.column) == (FlawKind.PERSONAL, name)
    assert "ignore" in flaw.advice


def test_harmless_columns_are_not_flagged():
    raw = pl.DataFrame(HARMLESS)

    assert personal_flaws(raw, learn_plan(raw)) == ()


def test_personal_data_are_left_out_of_a_new_project():
    raw = pl.DataFrame(
        {
            "mail": PERSONAL["mail"],
            "age": column(lambda at: 20 + at % 40),
            "gone": column(lambda at: "x" if at < 2 else None),
            "left": column(lambda at: "yes" if at % 3 else "no"),
        }
    )

    found = infer_table(raw, target="left")

    assert [each.column for each in found.ignored] == ["mail"]
    assert {(flaw.kind, flaw.column) for flaw in found.flaws} >= {
        (FlawKind.PERSONAL, "mail"),
        (FlawKind.EMPTY, "gone"),
    }


def frame(**columns):
    return pl.DataFrame(columns)


def outliers(values):
    raw = frame(x=values)
    plan = learn_plan(raw)
    assert plan["x"].kind in (ColumnKind.NUMBER, ColumnKind.INTEGER)
    return outlier_flaws(replay(plan, raw).frame, plan)


def test_a_value_far_from_the_others_is_flagged():
    (flaw,) = outliers([*(RNG.gauss(50, 5) for _ in range(500)), 5_000.0])

    assert flaw.count == 1
    assert "5000" in flaw.sentence


def test_a_long_tail_is_no_outlier():
    assert outliers([RNG.lognormvariate(0, 2) for _ in range(2_000)]) == ()
    assert outliers([RNG.gauss(0, 1) for _ in range(2_000)]) == ()


@given(st.lists(st.integers(-50, 50), min_size=40, max_size=80), st.integers(-100, 100))
def test_fences_move_with_the_values(values, shift):
    here = fences(pl.Series(values, dtype=pl.Float64) - 1000)
    there = fences(pl.Series(values, dtype=pl.Float64) - 1000 + shift)

    assert (here is None) == (there is None)
    if here is not None and there is not None:
        assert there == pytest.approx((here[0] + shift, here[1] + shift))


def test_rows_that_are_equal_but_for_their_id_are_counted():
    rows = frame(id=[1, 2, 3, 4], a=[1, 1, 2, 2], b=["x", "x", "y", "z"], c=[0.5] * 4, y=[0, 0, 1, 1])

    (flaw,) = duplicate_flaws(rows, target="y", id="id")

    assert (flaw.kind, flaw.count) == (FlawKind.DUPLICATE, 1)


def test_twins_with_another_target_contradict_each_other():
    rows = frame(a=[1, 1, 2], b=["x", "x", "y"], c=[0.5] * 3, y=[0, 1, 1])

    (flaw,) = duplicate_flaws(rows, target="y")

    assert (flaw.kind, flaw.count, flaw.column) == (FlawKind.CONTRADICTION, 2, "y")
