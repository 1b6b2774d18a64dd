"""Which version of a table this is, told by its values; and what is in it, on a page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.schema import ColumnKind

_FORMAT = b"frame-1"
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
    whole = hashlib.sha256(_FORMAT)
    for column in frame.get_columns():
        whole.update(_column_digest(column))
    return Digest(whole.hexdigest())


def _column_digest(column: pl.Series) -> bytes:
    head = f"{column.name!r} {column.dtype!r} {len(column)}".encode()
    digest = hashlib.sha256(head)
    _hash_values(digest, column)
    return digest.digest()


def _hash_values(digest: hashlib._Hash, column: pl.Series) -> None:
    import numpy as np

    dtype = column.dtype
    is_null = column.is_null()
    digest.update(np.packbits(is_null.to_numpy()).tobytes())
    if dtype.is_nested():
        _hash_nested(digest, column)
    elif dtype.is_float():
        floats = column.fill_nan(float("nan")).fill_null(0.0) + 0.0
        digest.update(floats.to_numpy().tobytes())
    elif dtype.is_integer() or dtype == pl.Boolean or (dtype.is_temporal()):
        digest.update(column.to_physical().fill_null(False if dtype == pl.Boolean else 0).to_numpy().tobytes())
    elif dtype != pl.Null:
        _hash_texts(digest, column)


def _hash_nested(digest: hashlib._Hash, column: pl.Series) -> None:
    if column.dtype == pl.Struct:
        for field in column.struct.unnest().get_columns():
            digest.update(_column_digest(field))
        return
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    digest.update(lists.list.len().fill_null(0).to_numpy().tobytes())
    digest.update(_column_digest(lists.drop_nulls().filter(lists.drop_nulls().list.len() > 0).explode().alias("")))


def _hash_texts(digest: hashlib._Hash, column: pl.Series) -> None:
    binary = column if column.dtype == pl.Binary else column.cast(pl.String).cast(pl.Binary)
    filled = binary.fill_null(b"")
    digest.update(filled.bin.size().to_numpy().tobytes())
    digest.update(b"".join(filled.to_list()))


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
