"""Rows of one group are learned from or judged by, never both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kaizenml as kz
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError, UsageError
from kaizenml.loop.steps import split_rows, table
from kaizenml.training.problem import ROW, Problem, blocks_of, model_inputs

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60), st.booleans()), min_size=8, max_size=120)


def problem(*, has_time: bool, holdout: float | str = 0.25) -> Problem:
    inputs = (Column("size", ColumnKind.NUMBER),)
    time = "at" if has_time else None
    return Problem(Task.BINARY, "y", inputs, ("false", "true"), None, time, 3, holdout, "customer")


def frame(rows: list[tuple[int, int, bool]]) -> pl.DataFrame:
    customers, days, labels = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "customer": [f"C{number}" for number in customers],
            "at": [START + timedelta(days=day) for day in days],
            "size": [float(number) for number in customers],
            "y": list(labels),
        }
    )


@given(ROWS, st.booleans(), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
@settings(max_examples=150, deadline=None)
def test_no_group_is_on_both_sides_and_none_that_judges_is_older(
    rows: list[tuple[int, int, bool]], has_time: bool, holdout: float
) -> None:
    told, of = frame(rows), problem(has_time=has_time, holdout=holdout)
    try:
        found = split_rows(table(told, told.select("size"), of), of)
    except UsageError:  # one group, one time, or no way to part them: refused, not leaked
        return

    assert not set(found.train["customer"]) & set(found.holdout["customer"])
    assert not set(found.train[ROW]) & set(found.holdout[ROW])
    assert len(found.train)
    assert len(found.holdout)
    if has_time:
        assert found.train["at"].max() < found.holdout["at"].min()  # type: ignore[operator]
    else:
        assert len(found.train) + len(found.holdout) == len(told)


def test_a_group_is_no_feature_and_says_which_rows_vary_together() -> None:
    told, of = frame([(at % 4, at, at % 2 == 0) for at in range(40)]), problem(has_time=False)

    names = [column.name for column in model_inputs(table(told, told.select("size"), of), of)]
    blocks = blocks_of(of, told)

    assert names == ["size"]
    assert blocks is not None
    assert len(set(blocks.tolist())) == 4


@pytest.mark.parametrize("wrong", ["y", "at", "known_later"])
def test_a_group_that_cannot_be_one_is_refused(wrong: str) -> None:
    with pytest.raises(ProjectError, match=wrong):
        kz.Project("till", source=kz.files("*.csv"), target="y", time="at", ignore=["known_later"], group=wrong)
