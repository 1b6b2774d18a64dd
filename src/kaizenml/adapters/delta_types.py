"""Columns as Delta names their types, and back."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from deltalake.schema import ArrayType, Field, PrimitiveType, Schema

from kaizenml.errors import IntegrityError

_NAMES: dict[pl.DataType, str] = {
    pl.Float64(): "double",
    pl.Int64(): "long",
    pl.Boolean(): "boolean",
    pl.String(): "string",
    pl.Date(): "date",
    pl.Binary(): "binary",
    pl.Datetime("us", "UTC"): "timestamp",
    pl.Datetime("us"): "timestamp_ntz",
}
_KINDS = {
    **{name: kind for kind, name in _NAMES.items()},
    "float": pl.Float32(),
    "integer": pl.Int32(),
    "short": pl.Int16(),
    "byte": pl.Int8(),
}


def delta_fields(columns: Mapping[str, pl.DataType]) -> list[Field]:
    """Return storable columns (see `frames.storable`) as nullable Delta fields."""
    return [Field(name, _delta_type(kind), nullable=True) for name, kind in columns.items()]


def polars_schema(schema: Schema) -> pl.Schema:
    """Return the Polars types of a Delta table's columns."""
    return pl.Schema({field.name: _polars_type(field.type) for field in schema.fields})


def _delta_type(kind: pl.DataType) -> PrimitiveType | ArrayType:
    if isinstance(kind, pl.List):
        return ArrayType(_delta_type(kind.inner), contains_null=True)  # type: ignore[arg-type]
    return PrimitiveType(_NAMES[kind])


def _polars_type(kind: object) -> pl.DataType:
    if isinstance(kind, ArrayType):
        return pl.List(_polars_type(kind.element_type))
    name = kind.type if isinstance(kind, PrimitiveType) else str(kind)
    if name not in _KINDS:
        raise IntegrityError(f"A table holds columns of type {name}, which this version cannot read.")
    return _KINDS[name]
