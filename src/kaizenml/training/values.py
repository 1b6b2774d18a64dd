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

from kaizenml.training.identity import UnhashableError
from kaizenml.training.library_values import library_writer, scalar

__all__ = ["OfCode", "UnhashableError", "code_by_name", "value_digest"]

#: From a function or class to what tells its code; raises `UnhashableError` for what has none.
OfCode = Callable[[object], str]
#: What its text tells from others of its kind. Classes derived of these may say less: they are objects.
_TOLD_BY_TEXT = {
    times.date, times.timedelta, times.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID, range, complex,
    pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath,
}  # fmt: skip
_UNCHANGEABLE = (tuple, frozenset)
_CODE = (types.FunctionType, type)
_HOPELESS = (
    types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, types.FrameType, io.IOBase,
)  # fmt: skip
_DEEPEST = 200


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
        elif (kind in _CONTAINERS and kind not in _UNCHANGEABLE) or not self._unchangeable(value, kind):
            if id(value) in self.places:
                self.put("again", str(self.places[id(value)]).encode())
                return
            self.places[id(value)] = len(self.places)
            self.held.append(value)
            self._changeable(value, kind)

    def _unchangeable(self, value: Any, kind: type) -> bool:
        """Write what nobody can change: that it is the same object as another says nothing."""
        if kind in _UNCHANGEABLE:
            _CONTAINERS[kind](self, value)
        elif kind in _TOLD_BY_TEXT:
            self.put(f"{kind.__module__}.{kind.__qualname__}", repr(value).encode())
        elif kind in (times.datetime, times.time):
            self.put(kind.__qualname__, f"{value.replace(tzinfo=None)!r} {value.fold}".encode())
            self.write(value.tzinfo, ".tzinfo")
        elif kind is slice:
            self.put("slice")
            self.write((value.start, value.stop, value.step), "")
        elif kind is re.Pattern:
            self.put("pattern", str(value.flags).encode())
            self.write(value.pattern, "")
        elif isinstance(value, enum.Enum):
            number = value.value if isinstance(value, enum.Flag) else ""
            self.put("enum", f"{self._code(kind)}.{value.name} {number}".encode())
        elif isinstance(value, _CODE):
            self.put("code", self._code(value).encode())
        elif kind.__module__ == "numpy" and library_writer(kind) is scalar:
            scalar(self, value)
        elif kind.__module__.startswith("pandas._libs."):
            self._object(value, kind)
        else:
            return False
        return True

    def _changeable(self, value: Any, kind: type) -> None:
        writer = _CONTAINERS.get(kind) or library_writer(kind)
        if writer is not None:
            writer(self, value)
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
            elif name == ".state" and type(part) is dict and all(type(each) is str for each in part):
                part = dict(sorted(part.items()))  # attributes have no order
            self.write(part, name)


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
