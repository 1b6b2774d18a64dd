"""The laws of labelling: what comes first, and who may have it."""

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.labelling import (
    LEASE_SECONDS,
    HumanLabel,
    LabelTask,
    Place,
    checked_value,
    entropy,
    in_control,
    interleaved,
    margin,
    newest_of_each,
    priority,
)
from kaizenml.errors import NotFoundError, UsageError

TASK = LabelTask("1", {"amount": 3})
TWICE = LabelTask("1", {}, wanted=2)


def test_an_even_guess_is_the_least_certain():
    assert entropy([0.25] * 4) == pytest.approx(1)
    assert entropy([1, 0, 0]) == 0 == entropy([]) == margin([1, 0])
    assert margin([0.5, 0.5, 0]) == 1
    assert entropy([0.6, 0.4]) > entropy([0.9, 0.1])
    assert priority(1, 1, 1) == pytest.approx(1)
    assert priority(1, 0, 0) > priority(0.2, 0.5, 0.5)


def test_the_control_share_is_the_same_rows_each_time_and_about_as_many_as_asked():
    chosen = [key for key in map(str, range(20_000)) if in_control(key, 0.1)]

    assert 1_850 < len(chosen) < 2_150
    assert all(in_control(key, 0.1) for key in chosen)
    assert all(in_control(key, 0.2) for key in chosen)


def test_any_beginning_of_the_queue_holds_its_share_of_control():
    order = list(interleaved(list(range(90)), list(range(100, 110))))

    assert sorted(order) == [*range(90), *range(100, 110)]
    assert [sum(one >= 100 for one in order[:size]) for size in (10, 50, 100)] == [1, 5, 10]
    assert [one for one in order if one < 100] == list(range(90))


def test_a_task_is_one_annotators_until_the_lease_runs_out():
    held = Place().taken("ada", 100.0)

    assert not held.is_free_for(TASK, "bob", 101.0)
    assert held.is_free_for(TASK, "ada", 101.0)
    assert held.is_free_for(TWICE, "bob", 101.0)
    assert held.is_free_for(TASK, "bob", 100.0 + LEASE_SECONDS)
    assert held.taken("bob", 101.0 + LEASE_SECONDS).held.keys() == {"bob"}


def test_a_label_ends_the_task_and_a_skip_ends_it_for_one():
    assert Place().labelled("ada").is_full(TASK)
    assert not Place().labelled("ada").labelled("ada").is_full(TWICE)
    assert Place().labelled("ada").is_over_for(TWICE, "ada")
    assert Place().passed("ada").is_over_for(TASK, "ada")
    assert Place().passed("ada").is_free_for(TASK, "bob", 0.0)
    assert not Place().is_free_for(LabelTask("1", {}, but_not=("ada",)), "ada", 0.0)


def test_a_label_is_a_choice_and_a_misspelt_one_is_told_the_closest():
    assert checked_value("yes", ["yes", "no"]) == "yes"
    assert checked_value("anything", []) == "anything"
    with pytest.raises(NotFoundError, match="Did you mean 'yes'"):
        checked_value("yess", ["yes", "no"])
    with pytest.raises(UsageError, match="cannot be"):
        checked_value("  ", [])


def test_what_somebody_said_last_counts():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    first, second = HumanLabel("1", "a", "ada", at), HumanLabel("1", "b", "ada", at + timedelta(seconds=1))

    assert newest_of_each([second, first, HumanLabel("1", "a", "bob", at)]) == [
        second, HumanLabel("1", "a", "bob", at)
    ]  # fmt: skip
