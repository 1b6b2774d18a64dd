"""Labelling functions: coverage, conflicts, abstaining, and the label model."""

import doctest

import numpy as np
import polars as pl
import pytest

from kaizenml.core.labelling import LabelTask, Why
from kaizenml.data import weak_supervision
from kaizenml.data.label_queue import BLOCK, Answer, blocks_of, ordered, tasks_in, tasks_of
from kaizenml.data.weak_supervision import Reach, label_model, reach, rule, votes
from kaizenml.errors import StepFailedError, UsageError


def test_the_example_of_the_module_is_true():
    assert doctest.testmod(weak_supervision).failed == 0


def test_coverage_overlaps_and_conflicts_by_hand():
    said = pl.DataFrame({"a": ["x", "x", None, "y"], "b": ["x", "y", None, None]})

    found = reach(said, pl.Series(["x", "y", "x", None]))

    assert found == [Reach("a", 0.75, 0.5, 0.25, 0.5), Reach("b", 0.5, 0.5, 0.25, 1.0)]


def test_the_label_model_weighs_rules_by_how_good_they_are_without_any_truth():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 2_000)
    columns = {}
    for name, right, covers in [("good", 0.95, 0.8), ("fair", 0.85, 0.8), ("so", 0.8, 0.8), ("bad", 0.5, 0.9)]:
        said = np.where(rng.random(2_000) < right, truth, 1 - truth)
        spoken = rng.random(2_000) < covers
        columns[name] = [str(v) if s else None for v, s in zip(said, spoken, strict=True)]
    said = pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.String))

    found = label_model(said)

    labels = pl.Series([str(value) for value in truth])
    spoken = said["good"].is_not_null()
    by_rules = (found["label"] == labels).filter(spoken).mean()
    by_majority = (
        (
            said.select(pl.concat_list(pl.all().cast(pl.Float64)).list.mean() > 0.5).to_series().cast(pl.Int8)
            == pl.Series(truth)
        )
        .filter(spoken)
        .mean()
    )
    assert by_rules > 0.92 > by_majority + 0.02
    assert found["label"].null_count() == sum(all(v is None for v in row) for row in said.iter_rows())


def test_a_rule_that_fails_or_says_too_little_is_named():
    rows = pl.DataFrame({"hour": [1, 2]})

    with pytest.raises(StepFailedError, match="'broken' failed"):
        votes([rule("broken", lambda rows: rows["minute"])], rows)
    with pytest.raises(UsageError, match="says 1 labels of 2 rows"):
        votes([rule("short", lambda rows: rows["hour"].head(1))], rows)
    with pytest.raises(UsageError, match="differ"):
        votes([rule("a", lambda rows: rows["hour"])] * 2, rows)


def answer(name, amount, p, **row):
    return Answer(name, {"amount": amount, **row}, "x", (p, 1 - p), "till/1")


def test_uncertain_rows_come_before_certain_ones_and_copies_behind():
    answers = [answer("sure", 1, 0.99), answer("torn", 5, 0.5), answer("copy", 5, 0.501), answer("half", 9, 0.7)]

    order = [task.id for task in ordered(tasks_of(answers), share=0)]

    assert order[0] == "torn"
    assert order.index("copy") > order.index("torn")
    assert order.index("sure") > order.index("half")


def test_a_row_of_a_new_kind_drifts():
    before = [{"amount": at % 10, "city": "a"} for at in range(100)]
    answers = [answer(f"{at}", at % 10, 0.9, city="a") for at in range(20)] + [answer("new", 5, 0.9, city="z")]

    found = {task.id: task.priority for task in tasks_of(answers, before)}

    assert max(found, key=found.get) == "new"


def test_control_tasks_are_spread_and_reviews_are_never_by_chance():
    tasks = [LabelTask(f"{at}", {}, priority=at / 1000) for at in range(1_000)]

    order = ordered(tasks, share=0.2)

    head = [task.why for task in order[:100]]
    assert 15 <= head.count(Why.CONTROL) <= 25
    assert sorted(task.id for task in order) == sorted(task.id for task in tasks)
    reviews = [LabelTask(f"{at}", {}, why=Why.REVIEW) for at in range(50)]
    assert {task.why for task in ordered(reviews, share=1)} == {Why.REVIEW}


def test_blocks_hold_what_was_put_into_them():
    tasks = [LabelTask(f"{at}", {"amount": at, "city": None}, "x", 0.5) for at in range(BLOCK + 3)]

    blocks = list(blocks_of(tasks))

    assert len(blocks) == 2
    assert [task for block in blocks for task in tasks_in(block)] == tasks


def test_rows_of_mixed_types_and_no_columns_are_scored():
    mixed = [Answer("1", {"a": 1}, "x", (), ""), Answer("2", {"a": "text", "b": None}, "x", (), "")]

    assert len(tasks_of(mixed)) == 2
    assert len(tasks_of([Answer("1", {}, "x", (0.5, 0.5), "")])) == 1
    assert tasks_of([]) == []
