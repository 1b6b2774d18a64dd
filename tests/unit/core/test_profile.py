"""Profiles merge by addition."""

from __future__ import annotations

import pytest

from kaizenml.core.profile import ColumnProfile, Profile, merged
from kaizenml.errors import IntegrityError


def column(n: int, low: float | None = 0.0, high: float | None = 1.0, cells: int = 2) -> ColumnProfile:
    return ColumnProfile("x", (n,) + (0,) * (cells - 1), (float(n),) * cells, 1, 2, 3, n + 6, low, high)


def test_counts_add_and_extremes_spread() -> None:
    both = merged(Profile((column(4, -1.0, 0.5),), 10, ("b",)), Profile((column(1, 0.0, 9.0),), 7, ("a", "b")))

    assert both == Profile((ColumnProfile("x", (5, 0), (5.0, 5.0), 2, 4, 6, 17, -1.0, 9.0),), 17, ("a", "b"))
    assert both.columns[0].filled == 7


def test_a_side_without_numbers_has_no_say_in_the_extremes() -> None:
    both = merged(Profile((column(0, None, None),), 6), Profile((column(1, 2.0, 3.0),), 7))

    assert (both.columns[0].low, both.columns[0].high) == (2.0, 3.0)


def test_profiles_on_other_cells_do_not_merge() -> None:
    with pytest.raises(IntegrityError, match="different references"):
        merged(Profile((column(1),), 7), Profile((column(1, cells=3),), 7))
