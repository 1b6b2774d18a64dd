"""A curve in a line of text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], ""),
        ([1.0], "▄"),
        ([2.0, 2.0, 2.0], "▄▄▄"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([1.0, math.nan, 0.0, math.inf], "█·▁·"),
        ([math.nan, math.inf], "··"),
        ([-1.7e308, 1.7e308], "▁█"),
    ],
)
def test_a_curve_is_drawn_from_its_smallest_to_its_largest_value(values, said):
    assert sparkline(values) == said


@given(st.lists(st.floats(), min_size=1, max_size=300), st.integers(1, 40))
def test_any_curve_fits_its_width(values, width):
    assert len(sparkline(values, width)) == min(width, len(values))
