"""Charts are documents of their own: well-formed, safe with any name, and true to their numbers."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.chart import Bar, Bars, Chart, Grid, Series, svg, ticks

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.text(max_size=20), st.booleans())
def test_any_points_under_any_name_make_a_document(points, name, is_line):
    name = "".join(letter for letter in name if letter.isprintable())
    x, y = zip(*points, strict=True)
    chart = Chart(name, name, name, (Series(name, x, y, y, y, is_line=is_line),))

    drawn = ElementTree.fromstring(svg(chart))

    assert drawn.tag.endswith("svg")
    assert drawn.attrib["aria-label"] == name


def test_a_name_cannot_bring_markup():
    evil = '<script>alert("x")</script>'
    grid = Grid(evil, (evil,), (evil,), ((3,),))
    bars = Bars(evil, evil, (Bar(evil, 1.0, 0.5, 1.5),), evil)

    for drawn in (svg(grid), svg(bars), svg(Chart(evil, evil, evil, (Series(evil, (1.0,), (2.0,)),)))):
        assert "<script" not in drawn
        ElementTree.fromstring(drawn)


def test_points_are_where_their_numbers_say():
    unit = (0.0, 1.0)
    drawn = svg(Chart("t", "x", "y", (Series("s", (0.0, 0.5, 1.0), (0.0, 0.5, 1.0)),), unit, unit))

    points = [tuple(map(float, point.split(","))) for point in re.search(r'points="([^"]+)"', drawn)[1].split()]
    (x0, y0), (x1, y1), (x2, y2) = points

    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.11)
    assert x0 < x2
    assert y0 > y2


@given(NUMBERS, st.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_between_the_ends(low, wide):
    found = ticks(low, low + wide)

    room = 1e-6 * max(abs(low), wide)
    assert len(found) <= 8
    assert all(low - room <= each <= low + wide + room for each in found)


def test_a_chart_needs_nothing_from_outside():
    drawn = svg(Bars("Importance", "rise", (Bar("a", 0.2, 0.1, 0.3, 0.01), Bar("b", 0.0, -0.1, 0.1)), "shadow"))

    assert "prefers-color-scheme" in drawn
    assert re.findall(r"(?:href|src|url)\W", drawn) == []
    assert drawn.count("http") == 1  # the namespace


def test_no_point_at_all_is_no_reason_to_fail():
    ElementTree.fromstring(svg(Chart("t", "x", "y", (Series("s", (), ()),))))
    ElementTree.fromstring(svg(Bars("t", "x", ())))
    assert ticks(math.nan, 1.0) != []
