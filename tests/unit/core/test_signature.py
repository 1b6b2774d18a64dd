"""How far answers are from those expected."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.signature import Answer, GoldenRows, furthest

P = st.floats(0.0, 1.0)


def golden(*answers: Answer) -> GoldenRows:
    return GoldenRows(tuple({} for _ in answers), answers)


@given(st.lists(P, min_size=1, max_size=5), st.lists(P, min_size=5, max_size=5))
def test_the_largest_difference_of_a_probability_counts(first, second):
    pairs = list(zip(first, second, strict=False))
    expected = golden(*(Answer("a", (p, 1 - p)) for p, _ in pairs))
    found = tuple(Answer("a", (q, 1 - q)) for _, q in pairs)

    assert furthest(expected, found) == pytest.approx(max(abs(p - q) for p, q in pairs), abs=1e-15)


def test_the_same_answers_are_no_distance_apart():
    answers = (Answer("a", (0.2, 0.8)), Answer(3.5), Answer("b"))

    assert furthest(golden(*answers), answers) == 0.0


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ((Answer("a", (0.5, 0.5)),), (Answer("b", (0.5, 0.5)),)),
        ((Answer("a"),), (Answer("b"),)),
        ((Answer(1.0),), (Answer("1.0"),)),
        ((Answer("a"),), ()),
        ((), (Answer("a"),)),
    ],
)
def test_a_label_that_flips_or_a_row_that_is_missing_is_infinitely_far(expected, found):
    assert furthest(golden(*expected), found) == math.inf


def test_numbers_are_compared_by_their_size_once_they_are_large():
    assert furthest(golden(Answer(2e9)), (Answer(2e9 + 2),)) == pytest.approx(1e-9)
    assert furthest(golden(Answer(0.5)), (Answer(0.75),)) == 0.25


@pytest.mark.parametrize("nonsense", [math.nan, math.inf])
def test_an_answer_that_is_no_number_is_never_close(nonsense):
    assert not furthest(golden(Answer(1.0)), (Answer(nonsense),)) <= 1e-6
    assert not furthest(golden(Answer("a", (0.5, 0.5))), (Answer("a", (nonsense, 0.5)),)) <= 1e-6


def test_one_answer_that_is_no_number_is_not_hidden_by_others():
    answers = (Answer(1.0), Answer(1.0), Answer(1.0))
    for at in range(3):
        found = tuple(Answer(math.nan) if number == at else each for number, each in enumerate(answers))
        assert not furthest(golden(*answers), found) <= 1e-6


def test_a_probability_that_is_no_number_is_not_hidden_by_others():
    for found in ((0.2, math.nan, 0.3), (0.2, 0.5, math.nan), (math.nan, 0.5, 0.3)):
        assert furthest(golden(Answer("a", (0.2, 0.5, 0.3))), (Answer("a", found),)) == math.inf
