"""Numbers beyond declared or learned bounds are brought within them, and counted."""

import math

import polars as pl
import pytest

from kaizenml import Project, files
from kaizenml.core.plan import Bounds
from kaizenml.core.preparation import Cleaning, Outliers
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.clipping import clipping
from kaizenml.data.learn import counted_repairs, held_to
from kaizenml.errors import NotFoundError, ProjectError

RAW = pl.DataFrame(
    {
        "price": [f"${number:,.2f}" for number in range(100, 1098)] + ["$9,000,000.00", ""],
        "visits": [str(number % 20) for number in range(998)] + ["-400", "x"],
        "city": ["Rome"] * 1000,
        "same": ["7"] * 1000,
    }
)


def clip(column: str, low: float | None = None, high: float | None = None) -> Cleaning:
    return Cleaning(column, Outliers.CLIP, low, high)


def test_declared_bounds_are_what_values_are_brought_within():
    plan = clipping(learn_plan(RAW), [clip("price", 150, 1000), clip("visits", 0.5)], RAW)

    clean = replay(plan, RAW).frame

    assert (clean["price"].min(), clean["price"].max(), clean["price"].null_count()) == (150.0, 1000.0, 1)
    assert (clean["visits"].min(), clean["visits"].max(), clean["visits"].dtype) == (1, 19, pl.Int64)
    assert plan["price"].repairs.clipped == 50 + 97 + 1
    assert plan["visits"].repairs.clipped == 50 + 1
    assert replay(plan, RAW).failures["value"].to_list() == ["x"]


def test_bounds_that_are_not_given_are_learned_from_the_rows():
    plan = clipping(learn_plan(RAW), [clip("price")], RAW)

    assert plan["price"].clip is not None
    assert plan["price"].clip.high is not None
    assert 1097 < plan["price"].clip.high < 9_000_000
    assert replay(plan, RAW).frame["price"].max() == plan["price"].clip.high
    assert plan["price"].repairs.clipped == 1
    assert plan["visits"].clip is None


def test_columns_that_have_a_type_are_clipped_and_counted_too():
    raw = pl.DataFrame({"x": [float(n) for n in range(100)] + [1e9, math.nan, None]})

    plan = clipping(learn_plan(raw), [clip("x", high=50)], raw)

    assert replay(plan, raw).frame["x"].max() == 50.0
    assert plan["x"].repairs.clipped == 50
    assert counted_repairs(plan["x"], raw["x"].head(52)).clipped == 1


def test_a_column_that_the_contract_reads_otherwise_keeps_its_bounds():
    plan = clipping(learn_plan(RAW), [clip("visits", 0, 10)], RAW)

    held = held_to({"visits": ColumnKind.NUMBER}, plan, RAW)

    assert held["visits"].clip == Bounds(0, 10)
    assert replay(held, RAW).frame["visits"].max() == 10.0


def test_what_is_flagged_stays():
    plan = clipping(learn_plan(RAW), [Cleaning("price", Outliers.FLAG)], RAW)

    assert replay(plan, RAW).frame["price"].max() == 9_000_000


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        (clip("prise"), NotFoundError, "Did you mean 'price'"),
        (clip("city"), ProjectError, "holds category values, not numbers"),
        (Cleaning("city", Outliers.FLAG), ProjectError, "not numbers"),
        (clip("same"), ProjectError, "too little spread"),
    ],
)
def test_what_cannot_be_clipped_is_refused_by_name(asked: Cleaning, error: type[Exception], says: str):
    with pytest.raises(error, match=says) as refused:
        clipping(learn_plan(RAW), [asked], RAW)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("column", "words", "says"),
    [
        ("a", {"outliers": "clip", "low": 3, "high": 1}, "cannot clip to 3 and 1"),
        ("a", {"outliers": "clip", "high": math.nan}, "cannot clip"),
        ("a", {"low": 1}, "clips nothing"),
        ("a", {"outliers": "klip"}, "klip"),
        ("y", {"outliers": "clip"}, "is the target"),
        ("b", {"outliers": "clip"}, "cleaned twice"),
    ],
)
def test_what_a_project_cannot_say_is_refused(column: str, words: dict, says: str):
    project = Project("shop", source=files("x.csv"), target="y")
    project.clean("b", outliers="clip")

    with pytest.raises((ProjectError, NotFoundError), match=says):
        project.clean(column, **words)
