from dataclasses import replace

import msgspec
import pytest

from kaizenml.core.digest import is_digest
from kaizenml.core.plan import CleaningPlan, ColumnPlan, Correction, NumberStyle, TimeStyle
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import NotFoundError

PLAN = CleaningPlan(
    (
        ColumnPlan("price", ColumnKind.NUMBER, number=NumberStyle(",", ".", ("€",), ("€",), has_parentheses=True)),
        ColumnPlan("city", ColumnKind.CATEGORY, spelling=(Correction("Pariss", "Paris", 2, 900, 1),)),
        ColumnPlan("when", ColumnKind.TIME, time=TimeStyle(("%d/%m/%Y",), "Europe/Paris")),
    )
)


def test_a_plan_survives_json():
    assert msgspec.json.decode(msgspec.json.encode(PLAN), type=CleaningPlan) == PLAN


def test_equal_plans_have_equal_digests_and_others_do_not():
    other = CleaningPlan((replace(PLAN["price"], note="reviewed"), *PLAN.columns[1:]))

    assert is_digest(PLAN.digest)
    assert CleaningPlan(PLAN.columns).digest == PLAN.digest
    assert other.digest != PLAN.digest


def test_equal_columns_have_equal_hashes():
    assert hash(replace(PLAN["city"])) == hash(PLAN["city"])


def test_the_plan_of_some_columns_keeps_their_order():
    assert PLAN.only(["when", "price"]).names == ("price", "when")


def test_an_unknown_column_is_refused_with_the_closest_one():
    with pytest.raises(NotFoundError, match="price"):
        PLAN.only(["prize"])


def test_a_plain_style_says_so():
    assert NumberStyle().is_plain
    assert not PLAN["price"].number.is_plain
