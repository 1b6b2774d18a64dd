"""Where parameters are looked for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.space import Choice, Range, between, choice, guessed
from kaizenml.errors import ProjectError


@given(st.floats(1e-3, 1e3), st.floats(1.1, 1e3), st.booleans(), st.floats(0, 1))
def test_only_values_near_a_bound_are_on_it(low, factor, is_log, share):
    space = Range(low, low * factor, is_log)
    at = low * factor**share if is_log else low + share * (low * factor - low)

    edge = space.edge(at)

    assert edge == ("low" if share < 0.049 else "high" if share > 0.951 else edge)
    if 0.051 < share < 0.949:
        assert edge == ""


def test_a_widened_range_reaches_further_on_one_side():
    assert between(0.01, 1.0, log=True).widened("low") == Range(0.001, 1.0, is_log=True)
    assert between(1, 5).widened("high") == Range(1, 9, is_integer=True)
    assert Range(1, 5, is_log=True, is_integer=True).widened("low").low == 1


@pytest.mark.parametrize(
    ("default", "space"),
    [
        (True, Choice((True, False))),
        (0.1, Range(0.01, 1.0, is_log=True, is_guessed=True)),
        (32, Range(8, 128, is_log=True, is_integer=True, is_guessed=True)),
        (1, Range(1, 4, is_integer=True, is_guessed=True)),
        (0, None),
        (-1.0, None),
        ("auto", None),
        (None, None),
    ],
)
def test_a_range_is_guessed_from_a_default(default, space):
    found = guessed(default)

    assert found == space or (
        isinstance(found, Range) and isinstance(space, Range) and math.isclose(found.low, space.low)
    )


def test_what_cannot_be_searched_is_refused():
    for wrong in (lambda: between(2, 1), lambda: between(0.0, 1.0, log=True), lambda: choice("a")):
        with pytest.raises(ProjectError):
            wrong()
