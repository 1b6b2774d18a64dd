"""The identity of values: what is equal has one, in every process; what differs in anything has another."""

from __future__ import annotations

import datetime as times
import decimal
import enum
import functools
import os
import pickle
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kaizenml.training.values import UnhashableError, value_digest


def _numbered(_value):
    """Name no case by its value, which may be written differently in each process."""
    return "value"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


def typed(value):
    """Return a text in which values are the same only when they are the same in everything."""
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({[typed(each) for each in value]})"
    if isinstance(value, dict):
        return f"dict({[(typed(k), typed(v)) for k, v in value.items()]})"
    return f"{type(value).__name__}({value.hex() if isinstance(value, float) else value!r})"


@given(plain, plain)
def test_two_values_have_one_digest_only_when_they_are_the_same(a, b):
    assert (value_digest(a) == value_digest(b)) == (typed(a) == typed(b))


@given(plain)
def test_a_copy_has_the_same_digest(value):
    assert value_digest(pickle.loads(pickle.dumps(value))) == value_digest(value)


@given(hnp.arrays(st.sampled_from([np.int64, np.float32, np.bool_, np.uint8, "M8[s]", "U3"]), hnp.array_shapes()))
def test_an_array_is_told_by_its_shape_type_and_cells(array):
    digest = value_digest(array)

    assert value_digest(np.asfortranarray(array)) == digest
    assert value_digest(array.copy()[...]) == digest
    assert value_digest(array[np.newaxis]) != digest
    assert value_digest(array.astype(object)) != digest


cells = st.one_of(
    st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=12),
    st.lists(st.none() | st.floats(), min_size=1, max_size=12),
    st.lists(st.none() | st.text(max_size=20), min_size=1, max_size=12),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=12),
    st.lists(st.none() | st.binary(max_size=5), min_size=1, max_size=12),
    st.lists(st.none() | st.lists(st.none() | st.integers(0, 3), max_size=3), min_size=1, max_size=12),
    st.lists(st.datetimes(times.datetime(1970, 1, 1), times.datetime(2100, 1, 1)), min_size=1, max_size=12),
)


def series(values):
    return pl.Series("a", values, strict=False)


@given(cells, cells)
def test_two_columns_have_one_digest_only_when_they_are_the_same(a, b):
    left, right = series(a), series(b)
    is_same = left.dtype == right.dtype and repr(left.to_list()) == repr(right.to_list())

    assert (value_digest(left) == value_digest(right)) == is_same


@given(cells, st.integers(0, 11), st.integers(0, 12))
def test_a_slice_has_the_digest_of_its_copy(values, start, size):
    frame = pl.DataFrame({"a": series(values)})
    cut = frame.slice(start, size)
    rows = cut.to_dicts()
    copy = pl.DataFrame(rows, schema=frame.schema) if rows else frame.clear()

    assert value_digest(cut) == value_digest(copy)
    assert value_digest(pl.concat([frame, frame], rechunk=False)) == value_digest(pl.concat([frame, frame]).rechunk())


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1.0]})),
        (pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [2, 1]})),
        (pl.DataFrame({"a": ["x", "yz"]}), pl.DataFrame({"a": ["xy", "z"]})),
        (pl.DataFrame({"a": [""]}), pl.DataFrame({"a": [None]}, schema={"a": pl.String})),
        (pl.DataFrame({"a": [0]}), pl.DataFrame({"a": [None]}, schema={"a": pl.Int64})),
        (pl.DataFrame({"a": [float("nan")]}), pl.DataFrame({"a": [None]}, schema={"a": pl.Float64})),
        (pl.DataFrame({"a": [1], "b": [2]}), pl.DataFrame({"b": [2], "a": [1]})),
        (pl.DataFrame({"a": [[1], []]}), pl.DataFrame({"a": [[], [1]]})),
        (pl.DataFrame({"a": [{"x": 1}]}), pl.DataFrame({"a": [{"y": 1}]})),
        (pl.Series("a", ["x"], dtype=pl.Categorical), pl.Series("a", ["x"])),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.DataFrame({"a": [1, 2]}, index=[0, 0]), pd.DataFrame({"a": [1, 3]}, index=[0, 0])),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]}, index=[1, 0])),
        (pd.Series([1], dtype="Int64"), pd.Series([1])),
        (pd.Series(["a", None], dtype="category"), pd.Series(["a", None])),
        (pd.DataFrame({"a": ["x", "yz"]}), pd.DataFrame({"a": ["xy", "z"]})),
        (pa.table({"a": [1]}), pa.table({"a": pa.array([1], pa.int32())})),
        (pa.table({"a": ["x", None]}), pa.table({"a": ["x", ""]})),
        (np.zeros(0), np.zeros((0, 1))),
        (np.array(["a"]), np.array(["a"], dtype="U5")),
        (np.float32(1), np.float64(1)),
        (np.array([1, None], dtype=object), np.array([1, "None"], dtype=object)),
    ],
    ids=_numbered,
)
def test_tables_that_differ_in_anything_are_told_apart(a, b):
    assert value_digest(a) != value_digest(b)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Point:
    x: int
    y: object = None


SAME = [
    times.datetime(2026, 1, 1, tzinfo=times.UTC), decimal.Decimal("1.10"), uuid.UUID(int=3), PurePosixPath("a/b"),
    re.compile("a+", re.IGNORECASE), Colour.RED, Point(1, [2]), {"a", "b", "c"}, range(3), 1 + 2j,
    functools.partial(int, base=2), len, "x".upper, np.random.default_rng(1), slice(1, 2), bytearray(b"x"),
]  # fmt: skip


@pytest.mark.parametrize("value", SAME, ids=_numbered)
def test_whatever_has_an_identity_keeps_it_through_a_copy(value):
    copy = value if value is len else pickle.loads(pickle.dumps(value))

    assert value_digest(copy) == value_digest(value)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (times.datetime(2026, 1, 1), times.datetime(2026, 1, 1, fold=1)),
        (times.datetime(2026, 1, 1), times.datetime(2026, 1, 1, tzinfo=times.UTC)),
        (times.date(2026, 1, 1), times.datetime(2026, 1, 1)),
        (decimal.Decimal("1.1"), decimal.Decimal("1.10")),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (Colour.RED, Colour.BLUE),
        (Point(1), Point(2)),
        (frozenset("ab"), {"a", "b"}),
        (functools.partial(int, base=2), functools.partial(int, base=8)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (0.0, -0.0),
        ([[[[[[[[1]]]]]]]], [[[[[[[[2]]]]]]]]),
        (np.random.default_rng(1), np.random.default_rng(2)),
        ("x".upper, "y".upper),
        (int, str),
    ],
    ids=_numbered,
)
def test_values_that_differ_in_anything_are_told_apart(a, b):
    assert value_digest(a) != value_digest(b)


def test_a_value_that_holds_itself_has_a_digest():
    def ring(last):
        value: list = [1]
        value.append(value)
        value.append(last)
        return value

    assert value_digest(ring(1)) == value_digest(ring(1)) != value_digest(ring(2))


def test_what_has_no_identity_is_refused():
    hopeless = [(i for i in ()), pl.LazyFrame({"a": [1]}), [{"x": 1, "f": (i for i in ())}]]
    with open(os.devnull) as handle:
        for value in [*hopeless, handle]:
            with pytest.raises(UnhashableError) as refused:
                value_digest(value)

            assert refused.value.hint


def test_a_fitted_model_has_one_digest_when_fitted_again_and_another_on_other_rows():
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.random.default_rng(0).normal(size=(80, 3)), np.arange(80) % 2
    for make in (
        lambda: RandomForestClassifier(3, random_state=0),
        lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    ):
        model = make().fit(x, y)
        digest = value_digest(model)

        assert value_digest(make().fit(x, y)) == digest
        assert value_digest(pickle.loads(pickle.dumps(model))) == digest
        assert value_digest(make().fit(x[1:], y[1:])) != digest


PROGRAM = """
import datetime, numpy as np, polars as pl
from kaizenml.training.values import value_digest
values = [{"b", "a", "c"}, {"x": frozenset({"q", "r"})}, pl.DataFrame({"a": ["x", None], "b": [1.5, 2]}), np.arange(4),
          datetime.datetime(2026, 1, 1), ("a", 1, None), range, {1: {2: {3}}}]
print([value_digest(each) for each in values])
"""


def test_digests_are_the_same_in_every_process():
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True, timeout=60,
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip

    assert len(said) == 1
