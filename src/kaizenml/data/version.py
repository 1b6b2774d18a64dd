"""Which version of a table this is, told by its values; and what is in it, on a page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.schema import ColumnKind

_FORMAT = b"frame-1"
_Parts = Callable[[], Iterable[pl.Series]]
_TOP = 5
_SHORT = 80


def frame_digest(frame: pl.DataFrame) -> Digest:
    """Return the sha256 of the frame's values, names, types and order.

    A slice, a copy, a filter and a rechunked frame have equal digests when their values are equal. Renaming, reordering
    or retyping a column, exchanging two rows, and NaN for null, change it. All NaNs are one; -0.0 is 0.0.

    Notes
    -----
    Neither Arrow IPC nor the serialization of Polars will do: string views, validity bitmaps without nulls, and what
    stands in a buffer under a null differ between frames that are equal. So the values themselves are hashed: for each
    column its name and type, which cells are null, then the values with nulls made zero; for texts their lengths in
    bytes, then the bytes.
    """
    return parts_digest(frame.schema, frame.height, lambda name: (frame[name],))


def parts_digest(schema: Mapping[str, pl.DataType], rows: int, parts: Callable[[str], Iterable[pl.Series]]) -> Digest:
    """Return the `frame_digest` of a table that is not in memory.

    Parameters
    ----------
    rows
        How many there are.
    parts
        Gives the values of a column in parts, in their order, as often as it is asked: up to three times.
    """
    whole = hashlib.sha256(_FORMAT)
    for name, dtype in schema.items():
        whole.update(_column_digest(name, dtype, rows, partial(parts, name)))
    return Digest(whole.hexdigest())


def _column_digest(name: str, dtype: pl.DataType, rows: int, parts: _Parts) -> bytes:
    digest = hashlib.sha256(f"{name!r} {dtype!r} {rows}".encode())
    _hash_values(digest, dtype, parts)
    return digest.digest()


def _hash_values(digest: hashlib._Hash, dtype: pl.DataType, parts: _Parts) -> None:
    for bits in _null_bits(parts()):
        digest.update(bits)
    if dtype.is_nested():
        _hash_nested(digest, pl.concat(list(parts())))
    elif dtype.is_float():
        for part in parts():
            floats = part.fill_nan(float("nan")).fill_null(0.0) + 0.0
            digest.update(floats.to_numpy().tobytes())
    elif dtype.is_integer() or dtype == pl.Boolean or dtype.is_temporal():
        for part in parts():
            digest.update(part.to_physical().fill_null(False if dtype == pl.Boolean else 0).to_numpy().tobytes())
    elif dtype != pl.Null:
        for part in parts():
            digest.update(_bytes_of(part).bin.size().to_numpy().tobytes())
        for part in parts():
            digest.update(b"".join(_bytes_of(part).to_list()))


def _null_bits(parts: Iterable[pl.Series]) -> Iterator[bytes]:
    """Return which values are null, eight to a byte, as if they came in one part."""
    import numpy as np

    over = np.zeros(0, dtype=bool)
    for part in parts:
        flags = np.concatenate([over, part.is_null().to_numpy()])
        whole = len(flags) // 8 * 8
        over = flags[whole:]
        yield np.packbits(flags[:whole]).tobytes()
    yield np.packbits(over).tobytes()


def _bytes_of(column: pl.Series) -> pl.Series:
    binary = column if column.dtype == pl.Binary else column.cast(pl.String).cast(pl.Binary)
    return binary.fill_null(b"")


def _hash_nested(digest: hashlib._Hash, column: pl.Series) -> None:
    if column.dtype == pl.Struct:
        for field in column.struct.unnest().get_columns():
            digest.update(_whole_digest(field))
        return
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    digest.update(lists.list.len().fill_null(0).to_numpy().tobytes())
    digest.update(_whole_digest(lists.drop_nulls().filter(lists.drop_nulls().list.len() > 0).explode().alias("")))


def _whole_digest(column: pl.Series) -> bytes:
    return _column_digest(column.name, column.dtype, len(column), lambda: (column,))


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """What is in a column.

    Parameters
    ----------
    rows, nulls, distinct
        Counts; a null is no distinct value.
    low, high
        The least and the greatest value; times in ISO 8601; None for words, and where there is no value.
    mean
        Of numbers, and the share of true of booleans.
    top
        The most frequent values, as text, each with its count, most frequent first.
    """

    name: str
    kind: ColumnKind
    rows: int
    nulls: int
    distinct: int
    low: float | str | None
    high: float | str | None
    mean: float | None
    top: tuple[tuple[str, int], ...]


def describe(frame: pl.DataFrame) -> tuple[ColumnSummary, ...]:
    """Return a summary of each column, which JSON can say."""
    return tuple(_summary(column) for column in frame.get_columns())


def _summary(column: pl.Series) -> ColumnSummary:
    finite = column.fill_nan(None) if column.dtype.is_float() else column
    said = finite.drop_nulls()
    counts = said.alias("value").value_counts(name="rows")
    top = counts.sort("rows", "value", descending=[True, False]).head(_TOP)
    is_words = column.dtype in (pl.String, pl.Categorical, pl.Enum)
    mean = said.mean() if column.dtype.is_numeric() or column.dtype == pl.Boolean else None
    return ColumnSummary(
        name=column.name,
        kind=kind_of(column),
        rows=len(column),
        nulls=len(column) - len(said),
        distinct=counts.height,
        low=None if is_words else _plain(said.min()),
        high=None if is_words else _plain(said.max()),
        mean=float(mean) if isinstance(mean, (int, float)) else None,
        top=tuple((_short(value), int(count)) for value, count in top.iter_rows()),
    )


def kind_of(column: pl.Series) -> ColumnKind:
    """Return the kind that a column's type, and for words the number of distinct ones, says."""
    if column.dtype.is_integer():
        return ColumnKind.INTEGER
    if column.dtype.is_numeric():
        return ColumnKind.NUMBER
    if column.dtype == pl.Boolean:
        return ColumnKind.BOOLEAN
    if column.dtype in (pl.Datetime, pl.Date):
        return ColumnKind.TIME
    return ColumnKind.CATEGORY if column.n_unique() <= max(50, 0.05 * len(column)) else ColumnKind.TEXT


def _plain(value: object) -> float | str | None:
    if value is None or isinstance(value, (int, float)):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _short(value: object) -> str:
    text = str(_plain(value)) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
