"""Folds: each row has its place, and nothing that is tested on is known before, by its time or by its group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.metric import Task
from kaizenml.errors import NotFoundError, TargetError
from kaizenml.training.crossval import folds
from kaizenml.training.problem import Problem

START = datetime(2025, 1, 1, tzinfo=UTC)


def problem(time: str | None = "at", task: Task = Task.BINARY, seed: int = 0, group: str | None = None) -> Problem:
    return Problem(task, "y", (), ("no", "yes") if task is Task.BINARY else (), None, time, seed, 0.2, group)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    hours = draw(st.lists(st.integers(0, 400), min_size=40, max_size=120))
    groups = draw(st.lists(st.integers(0, 9), min_size=len(hours), max_size=len(hours)))
    labels = draw(st.lists(st.sampled_from(["no", "yes"]), min_size=len(hours), max_size=len(hours)))
    at = pl.Series("at", [START + timedelta(hours=hour) for hour in hours])
    return pl.DataFrame({"at": at, "who": groups, "y": labels})


@given(tables(), st.integers(2, 5), st.sampled_from(["", "6h", "2d"]), st.sampled_from(["", "who"]))
@settings(max_examples=150, deadline=None)
def test_nothing_learned_from_is_later_than_or_of_the_group_of_what_is_tested_on(rows, k, gap, group):
    try:
        found = folds(problem(), rows, k, gap, group=group)
    except TargetError:
        return  # too few times, or every group is tested on: said, not leaked

    apart = {"": timedelta(0), "6h": timedelta(hours=6), "2d": timedelta(days=2)}[gap]
    assert len(found) == k
    for fold in found:
        train, test = rows[fold.train.tolist()], rows[fold.test.tolist()]
        assert len(train) > 0 < len(test)
        assert train["at"].max() < test["at"].min()
        assert test["at"].min() - train["at"].max() >= apart
        if group:
            assert not set(train["who"]) & set(test["who"])


@given(tables(), st.integers(2, 5), st.sampled_from(["at", None]))
@settings(max_examples=60, deadline=None)
def test_the_group_of_the_project_is_on_one_side_of_every_fold(rows, k, time):
    try:
        found = folds(problem(time, group="who"), rows, k)
    except TargetError:
        return

    for fold in found:
        assert not set(rows[fold.train.tolist()]["who"]) & set(rows[fold.test.tolist()]["who"])


@given(tables(), st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_every_row_after_the_first_part_is_tested_on_once_and_windows_only_grow(rows, k):
    try:
        found = folds(problem(), rows, k)
    except TargetError:
        return

    tested = np.concatenate([fold.test for fold in found])
    assert len(tested) == len(set(tested.tolist()))
    assert set(tested.tolist()) | set(found[0].train.tolist()) == set(range(len(rows)))
    for before, after in pairwise(found):
        assert set(before.train.tolist()) <= set(after.train.tolist())


@given(tables(), st.integers(2, 5), st.sampled_from(["", "who"]), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_without_a_time_every_row_is_tested_on_once(rows, k, group, seed):
    try:
        found = folds(problem(None, seed=seed), rows, k, group=group)
    except TargetError:
        assert group
        assert rows["who"].n_unique() < k
        return

    assert sorted(np.concatenate([fold.test for fold in found]).tolist()) == list(range(len(rows)))
    for fold in found:
        assert not set(fold.train.tolist()) & set(fold.test.tolist())
        if group:
            assert not set(rows["who"][fold.train.tolist()]) & set(rows["who"][fold.test.tolist()])


def test_drawn_folds_have_each_class_in_its_share():
    rows = pl.DataFrame({"y": ["yes"] * 20 + ["no"] * 80})

    for fold in folds(problem(None), rows, 5):
        assert rows["y"][fold.test.tolist()].value_counts(sort=True)["count"].to_list() == [16, 4]


def test_the_same_seed_gives_the_same_folds_and_another_seed_others():
    rows = pl.DataFrame({"y": [0.5] * 50})
    one, same, other = (folds(problem(None, Task.REGRESSION, seed), rows, 5) for seed in (1, 1, 2))

    assert all((a.test == b.test).all() for a, b in zip(one, same, strict=True))
    assert any((a.test != b.test).any() for a, b in zip(one, other, strict=True))


def test_what_cannot_be_cut_is_told():
    rows = pl.DataFrame({"at": [START] * 30, "who": [1] * 30, "y": ["yes", "no"] * 15})

    with pytest.raises(TargetError, match="1 times in 30 rows cannot be cut into 4 parts"):
        folds(problem(), rows, 3)
    with pytest.raises(TargetError, match="needs to know when rows happened"):
        folds(problem(None), rows, 3, "7d")
    with pytest.raises(TargetError, match="1 groups are too few"):
        folds(problem(None), rows, 3, group="who")
    with pytest.raises(NotFoundError, match="no group column 'whom'") as refused:
        folds(problem(None), rows, 3, group="whom")
    assert "who" in refused.value.hint
