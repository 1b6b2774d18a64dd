"""Laws of the identity of values: Python, NumPy, pandas, Polars, Arrow and scikit-learn, and in other processes."""

from __future__ import annotations

import datetime as times
import decimal
import enum
import fractions
import os
import pickle
import subprocess
import sys
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kaizenml.training.values import value_digest


def _numbered(_value):
    """Name no case by its value, which may be written differently in each process."""
    return "value"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Rights(enum.Flag, boundary=enum.KEEP):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: object
    y: object = None


class Day(times.date):
    def __repr__(self):
        return "a day"


zones = st.sampled_from([None, times.UTC, ZoneInfo("Europe/Rome"), times.timezone(times.timedelta(hours=1))])
leaves = (
    st.sampled_from([None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, float("nan"), float("inf"), "", "a", b"", b"a", "1"])
    | st.integers(0, 3)
    | st.sampled_from([0j, 1j, complex(0.0, -0.0), decimal.Decimal("1"), decimal.Decimal("1.0"), Colour.RED])
    | st.sampled_from([Colour.BLUE, Rights(1), Rights(3), Rights(8), Rights(16), ..., NotImplemented, int, str])
    | st.builds(fractions.Fraction, st.integers(0, 2), st.just(3))
    | st.builds(times.date, st.just(2024), st.just(1), st.integers(1, 3))
    | st.builds(Day, st.just(2024), st.just(1), st.integers(1, 3))
    | st.builds(times.datetime, st.just(2024), st.just(1), st.just(1), tzinfo=zones, fold=st.integers(0, 1))
    | st.builds(times.timedelta, st.integers(0, 2))
    | st.builds(uuid.UUID, int=st.integers(0, 2))
    | st.builds(range, st.integers(0, 2), st.integers(0, 3))
    | st.sampled_from(
        [np.float64(1), np.float32(1), np.int64(1), np.str_("a"), np.datetime64("2024", "D"), np.bool_(1)]
    )
)
keys = st.sampled_from(["a", "b", 1, "1", b"a", None, Colour.RED, (1, 2)])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3).map(OrderedDict)
        | st.sets(keys, max_size=3)
        | st.frozensets(keys, max_size=3)
        | st.builds(deque, st.lists(inner, max_size=2), st.sampled_from([None, 5, 6]))
        | st.builds(Point, inner, inner)
        | st.binary(max_size=2).map(bytearray)
    ),
    max_leaves=8,
)


def told(value) -> str:
    """Return a text in which values are the same only when they are the same in everything."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, (list, tuple, deque)):
        return f"{kind}{getattr(value, 'maxlen', '')}({','.join(map(told, value))})"
    if isinstance(value, (set, frozenset)):
        return f"{kind}({','.join(sorted(map(told, value)))})"
    if isinstance(value, dict):
        return f"{kind}({','.join(f'{told(name)}:{told(each)}' for name, each in value.items())})"
    if isinstance(value, Point):
        return f"{kind}({told(value.x)},{told(value.y)})"
    if isinstance(value, Day):
        return f"{kind}({value.isoformat()})"
    if isinstance(value, times.datetime):
        return f"{kind}({value!r},{value.fold})"
    if isinstance(value, enum.Enum):
        return f"{kind}({value.value!r})"
    return f"{kind}({value!r})"


def anew(value):
    """Return the same value, made of other objects."""
    if isinstance(value, deque):
        return deque(map(anew, value), value.maxlen)
    if isinstance(value, (list, tuple)):
        return type(value)(map(anew, value))
    if isinstance(value, (set, frozenset)):
        return type(value)(anew(each) for each in sorted(value, key=told, reverse=True))
    if isinstance(value, dict):
        return type(value)((anew(name), anew(each)) for name, each in value.items())
    if isinstance(value, Point):
        made = Point.__new__(Point)
        made.y, made.x = anew(value.y), anew(value.x)
        return made
    return pickle.loads(pickle.dumps(value))


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_two_values_have_one_digest_only_when_they_are_the_same_in_everything(a, b):
    assert (value_digest(a) == value_digest(b)) == (told(a) == told(b))


@settings(max_examples=60, deadline=None)
@given(values)
def test_the_same_value_made_of_other_objects_has_the_same_digest(value):
    assert value_digest(anew([value, value])) == value_digest(anew([value, value]))
    assert value_digest(anew(value)) == value_digest(value)


kinds = st.sampled_from([
    "i1", "u1", "i8", ">i8", "f4", "f8", "c16", "?", "U1", "S1", "M8[D]", "M8[s]", "m8[s]", "O",
    [("a", "i4"), ("b", "f8")], [("a", "i4"), ("c", "f8")], np.dtype([("a", "i1"), ("b", "i4")], align=True),
])  # fmt: skip
arrays = kinds.flatmap(
    lambda kind: hnp.arrays(
        kind, hnp.array_shapes(max_dims=2, max_side=2), elements=st.integers(0, 1) if kind == "O" else None
    )
)


@settings(max_examples=60, deadline=None)
@given(arrays, arrays)
def test_two_arrays_have_one_digest_only_when_they_are_the_same(a, b):
    is_same = (repr(a.dtype), a.shape, repr(a.tolist())) == (repr(b.dtype), b.shape, repr(b.tolist()))

    assert (value_digest(a) == value_digest(b)) == is_same
    assert value_digest(a[::-1][::-1]) == value_digest(a.copy()) == value_digest(a)


columns = st.sampled_from([
    ("int64", st.integers(0, 1)), ("Int64", st.sampled_from([0, 1, None])),
    ("float64", st.sampled_from([0.0, -0.0, 1.0, None])),
    ("Float64", st.sampled_from([0.0, 1.0, None])), ("boolean", st.sampled_from([True, False, None])),
    ("object", st.sampled_from([None, float("nan"), pd.NA, pd.NaT, 1, 1.0, True, "1", ""])),
    ("string[python]", st.sampled_from(["", "a", None])), ("category", st.sampled_from(["a", "b", None])),
    ("datetime64[ns]", st.sampled_from(["2024-01-01", "2024-01-02", None])),
    ("datetime64[s]", st.sampled_from(["2024-01-01", "2024-01-02", None])),
])  # fmt: skip
labels = st.sampled_from([[0, 1], [1, 0], [0, 0], ["a", "b"], [0.0, 1.0]])


@st.composite
def series(draw):
    kind, cells = draw(columns)
    cells = draw(st.lists(cells, min_size=2, max_size=2))
    made = pd.Series(cells, dtype="object" if kind == "object" else kind, name=draw(st.sampled_from([None, "a", "b"])))
    made.index = pd.Index(draw(labels), name=draw(st.sampled_from([None, "i"])))
    return made


def pandas_told(one: pd.Series) -> str:
    cells = [told(each) if each is not None else "None" for each in one.astype(object).tolist()]
    categories = list(one.cat.categories) if isinstance(one.dtype, pd.CategoricalDtype) else ""
    index = one.index
    return f"{one.dtype} {categories} {one.name!r} {cells} {index.dtype} {index.name!r} {index.tolist()}"


@settings(max_examples=60, deadline=None)
@given(series(), series())
def test_two_pandas_columns_have_one_digest_only_when_they_are_the_same(a, b):
    assert (value_digest(a) == value_digest(b)) == (pandas_told(a) == pandas_told(b))
    assert (value_digest(a.to_frame("c")) == value_digest(b.to_frame("c"))) == (
        pandas_told(a.rename("c")) == pandas_told(b.rename("c"))
    )


@settings(max_examples=60, deadline=None)
@given(series())
def test_a_part_of_a_pandas_frame_has_the_digest_of_its_copy(one):
    frame = one.to_frame("c")
    frame["d"] = 1

    assert value_digest(frame.iloc[:1]) == value_digest(frame.iloc[:1].copy())
    assert value_digest(pickle.loads(pickle.dumps(frame))) == value_digest(frame)


arrow_types = st.sampled_from([
    (pa.int32(), 0, 1), (pa.int64(), 0, 1), (pa.float32(), 0.0, 1.0), (pa.float64(), 0.0, -0.0), (pa.string(), "", "a"),
    (pa.large_string(), "", "a"), (pa.binary(), b"", b"a"), (pa.bool_(), True, False),
    (pa.date32(), times.date(2024, 1, 1), times.date(2024, 1, 2)),
    (pa.timestamp("ms"), 0, 1), (pa.timestamp("us", "UTC"), 0, 1),
    (pa.decimal128(9, 2), decimal.Decimal("1.10"), decimal.Decimal("2")),
    (pa.decimal256(40, 2), decimal.Decimal("1"), decimal.Decimal("2")),
    (pa.list_(pa.int64()), [], [1]), (pa.struct([("x", pa.int64())]), {"x": 1}, {"x": None}),
    (pa.map_(pa.string(), pa.int64()), [("x", 1)], [("y", 1)]),
    (pa.month_day_nano_interval(), pa.MonthDayNano([1, 0, 0]), pa.MonthDayNano([0, 1, 0])),
])  # fmt: skip


@st.composite
def tables(draw):
    kind, first, second = draw(arrow_types)
    cells = draw(st.lists(st.sampled_from([first, second, None]), min_size=1, max_size=3))
    field = pa.field(draw(st.sampled_from("ab")), kind, metadata=draw(st.sampled_from([None, {"unit": "m"}])))
    schema = pa.schema([field], metadata=draw(st.sampled_from([None, {"k": "x" * 400}, {"k": "x" * 399 + "y"}])))
    return pa.table([pa.array(cells, kind)], schema=schema)


@settings(max_examples=60, deadline=None)
@given(tables(), tables())
def test_two_arrow_tables_have_one_digest_only_when_they_are_the_same(a, b):
    is_same = a.schema.equals(b.schema, check_metadata=True) and repr(a.to_pylist()) == repr(b.to_pylist())

    assert (value_digest(a) == value_digest(b)) == is_same


@settings(max_examples=60, deadline=None)
@given(tables())
def test_an_arrow_table_has_one_digest_however_it_is_cut_up(table):
    cut = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    column = table.column(0)

    assert value_digest(cut) == value_digest(table)
    assert value_digest(cut.column(0)) == value_digest(column)
    assert value_digest(column.combine_chunks().slice(1)) == value_digest(pa.array(column.to_pylist()[1:], column.type))


POLARS = [
    pl.Int8, pl.Int64, pl.Int128, pl.UInt8, pl.UInt64, pl.UInt128, pl.Float32, pl.Float64, pl.Decimal(9, 2), pl.Date,
    pl.Datetime("ms"), pl.Datetime("us", "UTC"), pl.Duration("ms"), pl.Time, pl.List(pl.Int64), pl.Array(pl.Int64, 1),
]  # fmt: skip


def polars_column(kind, numbers):
    if isinstance(kind, (pl.List, pl.Array)):
        return pl.Series("a", [None if each is None else [each] for each in numbers], dtype=kind)
    numbers = pl.Series("a", numbers, dtype=pl.Int32)
    return numbers.cast(pl.Int64).cast(kind) if kind in (pl.Datetime, pl.Duration, pl.Time) else numbers.cast(kind)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(POLARS), st.sampled_from(POLARS), *[st.lists(st.sampled_from([0, 1, None]), min_size=1)] * 2)
def test_columns_of_every_type_have_one_digest_only_when_they_are_the_same(kind, other, numbers, others):
    a, b = polars_column(kind, numbers), polars_column(other, others)
    is_same = a.dtype == b.dtype and a.to_list() == b.to_list()

    assert (value_digest(a) == value_digest(b)) == is_same
    assert value_digest(pl.concat([a[:1], a[1:]], rechunk=False)) == value_digest(a)


estimators = st.sampled_from([
    lambda: Ridge(), lambda: Ridge(alpha=1), lambda: Ridge(alpha=2.0), lambda: LogisticRegression(C=2.0),
    lambda: make_pipeline(StandardScaler(), Ridge()), lambda: make_pipeline(StandardScaler(with_mean=False), Ridge()),
    lambda: RandomForestClassifier(2, random_state=0), lambda: RandomForestClassifier(2, random_state=1),
])  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(estimators, estimators, st.booleans(), st.booleans())
def test_two_estimators_have_one_digest_only_when_class_parameters_and_fit_are_the_same(make, other, fits, refits):
    rows = np.random.default_rng(0).normal(size=(20, 2))
    target = (rows[:, 0] > 0).astype(int)
    a, b = clone(make()), other()
    a, b = a.fit(rows, target) if fits else a, b.fit(rows.copy(), target.copy()) if refits else b

    assert (value_digest(a) == value_digest(b)) == ((make, fits) == (other, refits))
    assert value_digest(pickle.loads(pickle.dumps(a))) == value_digest(a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.array([[1]]).view(np.matrix), np.array([[1]])),
        (np.ma.array([1], fill_value=5), np.ma.array([1], fill_value=6)),
        (np.ma.array([1], hard_mask=True), np.ma.array([1])),
        (np.rec.array([(1,)], dtype=[("a", "i4")]), np.array([(1,)], dtype=[("a", "i4")])),
        (pd.Timestamp("2024").as_unit("s"), pd.Timestamp("2024").as_unit("ns")),
        (pd.Timedelta(1, "D").as_unit("s"), pd.Timedelta(1, "D").as_unit("ns")),
        (pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False), pd.DataFrame({"a": [1]})),
        (pd.MultiIndex.from_tuples([(1, 2)]), pd.MultiIndex.from_tuples([(1, 2.0)])),
        (pd.Series([1]), pd.Series([1], index=pd.Index([0]))),
        (pl.DataFrame({"a": [None]}, schema={"a": pl.Struct({"x": pl.Int8})}), pl.DataFrame({"a": [{"x": None}]})),
        (pl.Series("a", ["x"], dtype=pl.Enum(["x", "y"])), pl.Series("a", ["x"], dtype=pl.Enum(["y", "x"]))),
    ],
    ids=_numbered,
)
def test_kinds_that_look_alike_are_told_apart(a, b):
    assert value_digest(a) != value_digest(b)


def test_what_lies_between_the_fields_of_an_array_does_not_count():
    kind = np.dtype([("a", "i1"), ("b", "i4")], align=True)
    zeros, noise = np.zeros(2, kind), np.frombuffer(b"\xff" * 16, kind).copy()
    noise["a"], noise["b"] = 0, 0

    assert value_digest(noise) == value_digest(zeros)


PROGRAM = """
import pickle, sys
from kaizenml.training.values import value_digest
import test_value_digest_laws
sys.stdout.write("\\n".join(value_digest(each) for each in pickle.load(sys.stdin.buffer)))
"""


def test_other_processes_with_other_hash_seeds_agree():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    kept = [
        {"b", "a", "c", 1, (2, "x")}, {"x": frozenset("qrs"), "y": [{1, 2.5, None}]}, Point({Colour.RED, Colour.BLUE}),
        Rights(11), Day(2024, 1, 2), times.datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Rome")), deque("ab", 3),
        np.array([{"k", "l"}, None], dtype=object), rows, np.ma.array([1, 2], mask=[0, 1]),
        pd.DataFrame({"a": ["x", None, pd.NA], "b": pd.Categorical(["u", "v", "u"])}, index=[2, 0, 0]),
        pl.DataFrame({"a": ["x", None], "b": [[1], []], "c": [{"u": 1}, None]}),
        pa.table({"a": ["x", None], "b": [[1], []]}), pa.array([1, None]),
        make_pipeline(StandardScaler(), RandomForestClassifier(2, random_state=0)).fit(rows, rows[:, 0] > 0),
    ]  # fmt: skip
    here = [value_digest(each) for each in kept]
    folder = os.path.dirname(__file__)

    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=pickle.dumps(kept), capture_output=True, check=True, timeout=120,
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": folder},
    ).stdout  # fmt: skip

    assert said.decode().split("\n") == here
