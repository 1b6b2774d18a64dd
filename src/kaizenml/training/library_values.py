"""The identity of arrays, frames and tables of NumPy, Polars, pandas and Arrow: their types, labels and cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kaizenml.training.identity import UnhashableError, Writing


def _array(self: Writing, value: Any) -> None:
    import numpy as np

    kind = type(value)
    self.put("ndarray" if kind is np.ndarray else f"{kind.__module__}.{kind.__qualname__}")
    self.put("cells", f"{value.dtype!r} {value.shape}".encode())
    if isinstance(value, np.ma.MaskedArray):
        self.write(np.ma.getmaskarray(value), ".mask")
        self.write(value.fill_value, ".fill_value")
        self.write(value.hardmask, ".hardmask")
        value = value.filled()
    value = np.asarray(value)
    if value.dtype.names:
        for name in value.dtype.names:  # the bytes between fields are nobody's
            self.write(value[name], f"[{name!r}]")
        return
    if value.dtype.hasobject:
        self.write(value.ravel().tolist(), "")
        return
    flat = np.ascontiguousarray(value)
    self.hash.update(f"{flat.nbytes};".encode())
    if flat.nbytes:
        self.hash.update(flat.reshape(-1).view(np.uint8).data)


def scalar(self: Writing, value: Any) -> None:
    """Write one cell of an array."""
    if value.dtype.hasobject:
        raise self.refused(value)
    self.put("numpy", f"{value.dtype!r}".encode() + value.tobytes())


def _frame(self: Writing, value: Any) -> None:
    """Write a Polars frame or series: names and types, which cells are null, then the cells with nulls filled."""
    import polars as pl

    frame = value.to_frame() if isinstance(value, pl.Series) else value
    self.put(type(value).__name__, f"{frame.height} {frame.width}".encode())
    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    for column in frame.get_columns():
        self.put("column", f"{column.name!r} {column.dtype!r}".encode())
        if column.name in objects:
            self.write(column.to_list(), f"[{column.name!r}]")
        else:
            _column(self, column)


def _column(self: Writing, column: Any) -> None:
    import polars as pl

    nulls = column.null_count()
    self.put("nulls", b"" if not nulls else _packed(column.is_null()))
    kind = column.dtype
    if kind == pl.Struct:
        for field in column.struct.unnest().get_columns():
            self.put("field", f"{field.name!r} {field.dtype!r}".encode())
            _column(self, field)
    elif isinstance(kind, (pl.List, pl.Array)):
        lists = column.arr.to_list() if isinstance(kind, pl.Array) else column
        sizes = lists.list.len().fill_null(0)
        self.put("sizes", sizes.cast(pl.UInt64).to_numpy().tobytes())
        _column(self, lists.filter(sizes > 0).explode())
    elif kind in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Decimal):
        texts = column if kind == pl.Binary else column.cast(pl.String)
        _texts(self, texts.fill_null(b"" if kind == pl.Binary else "") if nulls else texts)
    elif kind == pl.Boolean:
        self.put("bits", _packed(column.fill_null(False)))
    elif kind.is_numeric() or kind.is_temporal():
        physical = column.to_physical()
        filled = physical.fill_null(0) if nulls else physical
        if kind.is_integer() and str(kind).endswith("128"):  # NumPy has none
            _texts(self, filled.cast(pl.String))
            return
        cells = memoryview(filled.rechunk().to_numpy()).cast("B") if len(filled) else b""
        self.hash.update(f"cells:{len(cells)};".encode())
        self.hash.update(cells)
    elif kind != pl.Null:  # such as a map
        self.write(column.to_list(), "")


def _texts(self: Writing, column: Any) -> None:
    """Write texts without nulls as their lengths in bytes, and all their bytes in a row."""
    import polars as pl

    is_binary = column.dtype == pl.Binary
    sizes = column.bin.size() if is_binary else column.str.len_bytes()
    self.put("sizes", sizes.cast(pl.UInt32).rechunk().to_numpy().tobytes())
    self.put("texts", b"".join(column.to_list()) if is_binary else column.str.join("").item().encode())


def _packed(is_true: Any) -> bytes:
    import numpy as np

    return np.packbits(is_true.to_numpy()).tobytes()


def _lazy(_self: Writing, value: Any) -> None:
    raise UnhashableError(
        f"A {type(value).__module__}.{type(value).__qualname__} is a plan that may read files when it is collected.",
        "Return it collected.",
    )


def _pandas(self: Writing, value: Any) -> None:
    """Write a pandas frame, series or index: labels, types and cells, duplicates and all."""
    import pandas as pd

    self.put(type(value).__name__, str(value.shape).encode())
    if isinstance(value, pd.DataFrame):
        self.write(value.attrs, ".attrs")
        self.write(value.flags.allows_duplicate_labels, ".flags")
        self.write(value.columns, ".columns")
        self.write(value.index, ".index")
        for place in range(value.shape[1]):
            _cells(self, value.iloc[:, place])
    elif isinstance(value, pd.Series):
        self.write(value.attrs, ".attrs")
        self.write(value.name, ".name")
        self.write(value.index, ".index")
        _cells(self, value)
    else:
        self.write(list(value.names), ".names")
        if isinstance(value, pd.MultiIndex):
            for level in range(value.nlevels):
                self.write(value.get_level_values(level), f".level{level}")
        else:
            self.put("freq", str(getattr(value, "freq", None)).encode())
            _cells(self, value.to_series().reset_index(drop=True))


def _cells(self: Writing, series: Any) -> None:
    import numpy as np
    import pandas as pd

    kind = series.dtype
    self.put("dtype", f"{type(kind).__qualname__} {kind!r}".encode())
    if isinstance(kind, pd.CategoricalDtype):
        self.write(series.cat.categories, ".categories")
        self.write(series.cat.codes.to_numpy(), ".codes")
        return
    values = series.to_numpy() if isinstance(kind, np.dtype) else None
    if values is not None:
        self.write(values.tolist() if values.dtype.hasobject else values, "")
        return
    self.write(series.isna().to_numpy(dtype=bool), ".isna")
    self.write(series.astype(object).where(series.notna(), None).tolist(), "")


def _arrow(self: Writing, value: Any) -> None:
    """Write a table or column of Arrow by its schema, metadata and all, and its cells, however they are cut up."""
    import polars as pl
    import pyarrow as pa

    schema = value.schema if isinstance(value, pa.Table | pa.RecordBatch) else pa.schema([pa.field("", value.type)])
    kind = "Array" if isinstance(value, pa.Array) else type(value).__name__
    self.put(f"arrow {kind}", schema.serialize().to_pybytes())
    if any(each in str(field.type) for field in schema for each in _NOT_OF_POLARS):
        self.write(value.to_pylist(), "")
    else:
        _frame(self, pl.from_arrow(value))


#: Types of Arrow that Polars cannot read.
_NOT_OF_POLARS = ("union", "decimal256", "interval", "extension", "run_end_encoded", "list_view")


def _generator(self: Writing, value: Any) -> None:
    self.put("rng", type(value).__name__.encode())
    self.write(value.bit_generator.state, ".state")


def library_writer(kind: type) -> Callable[[Writing, Any], None] | None:
    """Return how a value of a numeric library is written; the libraries are those already loaded."""
    top = kind.__module__.partition(".")[0]
    if top == "numpy":
        return _numpy(kind)
    if top == "polars":
        return {"DataFrame": _frame, "Series": _frame, "LazyFrame": _lazy}.get(kind.__name__)
    if top == "pandas":
        import pandas as pd

        return _pandas if issubclass(kind, (pd.DataFrame, pd.Series, pd.Index)) else None
    if top == "pyarrow":
        import pyarrow as pa

        return _arrow if issubclass(kind, (pa.Table, pa.RecordBatch, pa.ChunkedArray, pa.Array)) else None
    return None


def _numpy(kind: type) -> Callable[[Writing, Any], None] | None:
    import numpy as np

    if issubclass(kind, np.ndarray):
        return _array
    if issubclass(kind, np.generic):
        return scalar
    return _generator if issubclass(kind, np.random.Generator) else None
