"""The identity of a value: equal values have equal digests, in every process; values that differ in anything do not.

Every part is written with its type and its length in front, so that no two values have the same text. What has no
identity (an open file, a generator, a lock) has no digest and is refused: a step that is handed it cannot be cached,
and says so.

Differences that count although Python calls the values equal: ``1``, ``1.0`` and ``True``; a list and a tuple; ``0.0``
and ``-0.0``; the order of a dict, because a step may see it. The order of a set does not.
"""

from __future__ import annotations

import copyreg
import datetime as times
import decimal
import enum
import fractions
import functools
import io
import pathlib
import re
import types
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from blake3 import blake3

from kaizenml.errors import KaizenError

#: From a function or class to what tells its code; raises `UnhashableError` for what has none.
OfCode = Callable[[object], str]
_SIMPLE = (
    times.datetime, times.date, times.time, times.timedelta, times.timezone, decimal.Decimal, fractions.Fraction,
    uuid.UUID, pathlib.PurePath, range, slice, complex, re.Pattern,
)  # fmt: skip
_CODE = (types.FunctionType, type)
_HOPELESS = (
    types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, types.FrameType, io.IOBase,
)  # fmt: skip
_DEEPEST = 200


class UnhashableError(KaizenError):
    """A value that has no identity."""

    code = "unhashable"


def code_by_name(code: object) -> str:
    """Return the full name of a function or class: what tells third-party code, beside its version."""
    return f"{getattr(code, '__module__', '')}.{getattr(code, '__qualname__', '')}"


def value_digest(value: object, of_code: OfCode = code_by_name) -> str:
    """Return the identity of a value, 64 hexadecimal digits.

    Parameters
    ----------
    of_code
        Tells the code of a function or class that the value holds, or is an instance of.

    Raises
    ------
    UnhashableError
        When a part of the value has no identity; the sentence names the part.
    """
    return _Writing(of_code).digest(value)


class _Writing:
    """One value, written part by part; objects that come again are told by their place."""

    def __init__(self, of_code: OfCode) -> None:
        self.of_code = of_code
        self.places: dict[int, int] = {}
        self.held: list[object] = []  # so that no id is given twice
        self.path: list[str] = []
        self.hash = blake3()

    def digest(self, value: object) -> str:
        self.write(value, "")
        return str(self.hash.hexdigest())

    def put(self, tag: str, content: bytes = b"") -> None:
        """Write a part: its kind and its length, then itself."""
        self.hash.update(f"{tag}:{len(content)};".encode())
        self.hash.update(content)

    def write(self, value: Any, step: str) -> None:
        if len(self.path) > _DEEPEST:
            raise UnhashableError("The value is nested too deep to be told from others.", "Return flatter data.")
        self.path.append(step)
        self._write(value)
        self.path.pop()

    def _write(self, value: Any) -> None:
        kind = type(value)
        simple = _PLAIN.get(kind)
        if simple is not None:
            self.put(kind.__name__, simple(value))
            return
        if kind is not tuple and id(value) in self.places:
            self.put("again", str(self.places[id(value)]).encode())
            return
        self.places[id(value)] = len(self.places)
        self.held.append(value)
        writer = _CONTAINERS.get(kind) or _of_library(kind)
        if writer is not None:
            writer(self, value)
        elif isinstance(value, enum.Enum):
            self.put("enum", f"{self._code(kind)}.{value.name}".encode())
        elif isinstance(value, _SIMPLE):
            self.put(f"{kind.__module__}.{kind.__qualname__}", _text_of(value))
        elif isinstance(value, _CODE):
            self.put("code", self._code(value).encode())
        elif isinstance(value, types.MethodType):
            self.put("method", value.__func__.__name__.encode())
            self.write(value.__self__, ".__self__")
        elif isinstance(value, functools.partial):
            self.put("partial")
            for name, each in (("func", value.func), ("args", value.args), ("keywords", value.keywords)):
                self.write(each, f".{name}")
        elif isinstance(value, types.BuiltinFunctionType):
            self.put("builtin", value.__qualname__.encode())
            self.write(value.__self__ if not isinstance(value.__self__, types.ModuleType) else value.__module__, "")
        elif isinstance(value, types.ModuleType):
            self.put("module", value.__name__.encode())
        elif isinstance(value, _HOPELESS):
            raise self.refused(value)
        else:
            self._object(value, kind)

    def _code(self, code: object) -> str:
        return self.of_code(code)

    def refused(self, value: object) -> UnhashableError:
        """Return the error that names the part of the value that has no identity."""
        place = "".join(self.path)
        kind = type(value)
        where = f" (at {place[:120]})" if place else ""
        return UnhashableError(
            f"A {kind.__module__}.{kind.__qualname__}{where} cannot be told from others of its kind.",
            "Hand on data that describe it, and open it in the step that needs it.",
        )

    def _object(self, value: Any, kind: type) -> None:
        """Write an object as it would be pickled: what makes it, and its state; its class counts with its code."""
        try:
            made = value.__reduce_ex__(4) if kind not in copyreg.dispatch_table else copyreg.dispatch_table[kind](value)
        except Exception as error:
            raise self.refused(value) from error
        self.put("object", self._code(kind).encode())
        if isinstance(made, str):
            self.put("global", made.encode())
            return
        for name, part in zip(("", ".args", ".state", ".items", ".mapping"), made, strict=False):
            if name in (".items", ".mapping") and part is not None:
                part = list(part)
            self.write(part, name)


def _text_of(value: object) -> bytes:
    if isinstance(value, (times.datetime, times.time)):
        return f"{value!r} {value.fold}".encode()
    return (f"{value.pattern!r} {value.flags}" if isinstance(value, re.Pattern) else repr(value)).encode()


def _int(value: int) -> bytes:
    return f"{value:x}".encode()


def _items(self: _Writing, value: Any) -> None:
    self.put(type(value).__name__, str(len(value)).encode())
    for place, each in enumerate(value):
        self.write(each, f"[{place}]")


def _mapping(self: _Writing, value: Mapping[Any, Any]) -> None:
    self.put(type(value).__name__, str(len(value)).encode())
    for name, each in value.items():
        self.write(name, "")
        self.write(each, f"[{str(name)[:40]!r}]")


def _set(self: _Writing, value: Any) -> None:
    parts = sorted(_Writing(self.of_code).digest(each) for each in value)
    self.put(type(value).__name__, "".join(parts).encode())


def _array(self: _Writing, value: Any) -> None:
    import numpy as np

    if value.dtype.hasobject:
        self.put("ndarray", f"{value.dtype!r} {value.shape}".encode())
        self.write(value.ravel().tolist(), "")
        return
    self.put("ndarray", f"{value.dtype.descr!r} {value.dtype!r} {value.shape}".encode())
    if isinstance(value, np.ma.MaskedArray):
        self.write(np.ma.getmaskarray(value), ".mask")
        value = value.filled()
    flat = np.ascontiguousarray(value)
    self.hash.update(f"{flat.nbytes};".encode())
    if flat.nbytes:
        self.hash.update(flat.reshape(-1).view(np.uint8).data)


def _scalar(self: _Writing, value: Any) -> None:
    if value.dtype.hasobject:
        raise self.refused(value)
    self.put("numpy", f"{value.dtype!r}".encode() + value.tobytes())


def _frame(self: _Writing, value: Any) -> None:
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


def _column(self: _Writing, column: Any) -> None:
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
    elif kind != pl.Null:
        physical = column.to_physical()
        filled = physical.fill_null(0) if nulls else physical
        if kind == pl.Int128:
            _texts(self, filled.cast(pl.String))
            return
        cells = memoryview(filled.rechunk().to_numpy()).cast("B") if len(filled) else b""
        self.hash.update(f"cells:{len(cells)};".encode())
        self.hash.update(cells)


def _texts(self: _Writing, column: Any) -> None:
    """Write texts without nulls as their lengths in bytes, and all their bytes in a row."""
    import polars as pl

    is_binary = column.dtype == pl.Binary
    sizes = column.bin.size() if is_binary else column.str.len_bytes()
    self.put("sizes", sizes.cast(pl.UInt32).rechunk().to_numpy().tobytes())
    self.put("texts", b"".join(column.to_list()) if is_binary else column.str.join("").item().encode())


def _packed(is_true: Any) -> bytes:
    import numpy as np

    return np.packbits(is_true.to_numpy()).tobytes()


def _lazy(_self: _Writing, value: Any) -> None:
    raise UnhashableError(
        f"A {type(value).__module__}.{type(value).__qualname__} is a plan that may read files when it is collected.",
        "Return it collected.",
    )


def _pandas(self: _Writing, value: Any) -> None:
    """Write a pandas frame, series or index: labels, types and cells, duplicates and all."""
    import pandas as pd

    self.put(type(value).__name__, str(value.shape).encode())
    if isinstance(value, pd.DataFrame):
        self.write(value.attrs, ".attrs")
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


def _cells(self: _Writing, series: Any) -> None:
    import numpy as np
    import pandas as pd

    kind = series.dtype
    self.put("dtype", f"{type(kind).__qualname__} {kind!r}".encode())
    if isinstance(kind, pd.CategoricalDtype):
        self.write(series.cat.categories, ".categories")
        self.write(series.cat.codes.to_numpy(), ".codes")
        return
    values = series.to_numpy() if isinstance(kind, np.dtype) else None
    if values is not None and not values.dtype.hasobject:
        self.write(values, "")
        return
    self.write(series.isna().to_numpy(dtype=bool), ".isna")
    self.write(series.astype(object).where(series.notna(), None).tolist(), "")


def _arrow(self: _Writing, value: Any) -> None:
    import polars as pl

    self.put("arrow", f"{type(value).__name__} {getattr(value, 'schema', None) or value.type}".encode())
    made = pl.from_arrow(value)
    _frame(self, made)


def _generator(self: _Writing, value: Any) -> None:
    self.put("rng", type(value).__name__.encode())
    self.write(value.bit_generator.state, ".state")


#: What can be written at once.
_PLAIN: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"",
    bool: lambda value: b"1" if value else b"0",
    int: _int,
    float: lambda value: value.hex().encode(),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: bytes,
    type(Ellipsis): lambda _: b"",
    type(NotImplemented): lambda _: b"",
}
_CONTAINERS: dict[type, Callable[[_Writing, Any], None]] = {
    tuple: _items,
    list: _items,
    dict: _mapping,
    OrderedDict: _mapping,
    types.MappingProxyType: _mapping,
    set: _set,
    frozenset: _set,
    bytearray: lambda self, value: self.put("bytearray", bytes(value)),
}


def _of_library(kind: type) -> Callable[[_Writing, Any], None] | None:
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
        return _arrow if kind.__name__ in ("Table", "RecordBatch", "ChunkedArray") else None
    return None


def _numpy(kind: type) -> Callable[[_Writing, Any], None] | None:
    import numpy as np

    if issubclass(kind, np.ndarray):
        return _array
    if issubclass(kind, np.generic):
        return _scalar
    return _generator if issubclass(kind, np.random.Generator) else None
