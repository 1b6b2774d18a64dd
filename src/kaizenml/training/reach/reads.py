"""Files that the code names and a library opens by itself, where no audit event tells of it."""

from __future__ import annotations

import ast
import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.own import is_own_class
from kaizenml.training.reach.source import node_of

_FORMATS = ("csv", "csv_batched", "parquet", "ipc", "ipc_stream", "ndjson", "json", "avro", "delta", "excel", "ods",
            "iceberg", "lines", "orc", "feather", "hdf", "table")  # fmt: skip
_READERS = frozenset(
    {f"{way}_{each}" for way in ("read", "scan") for each in _FORMATS}
    | {"imread", "DeltaTable", "InferenceSession", "DMatrix", "Dataset", "dataset"}
)
_BY_PYTHON = re.compile(r"read_(csv|json|excel|table|fwf|pickle|html|xml|stata|sas|spss)")
_SQL = {"sql", "query", "execute", "from_query", "read_sql"}
READERS = _READERS | _SQL
_QUOTED = re.compile(r"'([^'\n]*[./][^'\n]*)'")
_PATH_METHODS = {
    "resolve",
    "absolute",
    "expanduser",
    "joinpath",
    "with_suffix",
    "with_name",
    "format",
    "strip",
    "as_posix",
}
_MAKERS = {"Path", "PurePath", "str", "fspath", "abspath", "realpath"}


class _Unknown:
    """The value of an expression cannot be told."""


_UNKNOWN = _Unknown()


class Reads(NamedTuple):
    """What code names that a library reads.

    Parameters
    ----------
    files
        Paths seen from the project's folder.
    made
        Calls that read a file whose name is only made while the step runs.
    remote
        Addresses.
    """

    files: frozenset[str]
    made: tuple[str, ...]
    remote: tuple[str, ...]


def reads_of(function: FunctionType, code: FirstParty, arguments: Mapping[str, object]) -> Reads:
    """Return the files that a function names to libraries that open them by themselves."""
    node = node_of(code, function.__code__)
    if node is None:
        return Reads(frozenset(), (), ())
    look = _Look(function, node, code, arguments)
    files: set[str] = set()
    made: list[str] = []
    remote: list[str] = []
    for call, value in look.sources():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, _Unknown):
                made.append(f"{ast.unparse(call.func)}({ast.unparse(call.args[0])[:60] if call.args else '…'})")
            elif isinstance(each, str | PurePath):
                if "://" in str(each):
                    remote.append(str(each))
                else:
                    files |= _matching(str(each), code.folder)
    return Reads(frozenset(files), tuple(made), tuple(remote))


def may_read(function: FunctionType, names: frozenset[str]) -> bool:
    """Say whether a function names, by whatever name, something of a library that reads files."""
    bound = (getattr(function.__globals__.get(name), "__name__", "") for name in names)
    return bool(names & READERS) or any(name in READERS for name in bound)


def _matching(path: str, folder: Path) -> set[str]:
    """Return a path, or what a pattern matches now with the folder that holds it."""
    path = os.path.expanduser(path)
    if not glob.has_magic(path):
        return {path}
    base = path[: re.search(r"[*?[]", path).start()].rpartition("/")[0]  # type: ignore[union-attr]
    return {*glob.glob(path, root_dir=folder, recursive=True), base or "."}


class _Look:
    """Tells the values of a function's expressions as far as they are made of constants."""

    def __init__(
        self, function: FunctionType, node: ast.AST, code: FirstParty, arguments: Mapping[str, object]
    ) -> None:
        self._function, self._node, self._code = function, node, code
        own = function.__code__
        names = own.co_varnames[: own.co_argcount]
        self._given: dict[str, Any] = dict.fromkeys((*names, *own.co_varnames[own.co_argcount :]), _UNKNOWN)
        self._given |= dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
        self._given |= function.__kwdefaults__ or {}
        self._given |= {name: value for name, value in arguments.items() if name in self._given}
        self._given |= _cells(function)
        self._assigned = _assigned_once(node)

    def sources(self) -> Iterator[tuple[ast.Call, Any]]:
        """Return every call that reads a file natively, and what it reads."""
        for call in ast.walk(self._node):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if isinstance(call.func, ast.Name):
                name = getattr(self.value(call.func), "__name__", name)
            first = call.args[0] if call.args else _named(call)
            if first is None:
                continue
            if name in _SQL:
                text = self.value(first)
                if isinstance(text, str):
                    yield call, _QUOTED.findall(text)
            elif name in _READERS and not self._is_seen_anyway(call.func, name):
                value = self.value(first)
                if not isinstance(value, _Unknown) or not name[0].isupper():
                    yield call, value

    def _is_seen_anyway(self, called: ast.expr, name: str) -> bool:
        """Say whether the file is opened by Python itself, which is seen."""
        owner = self.value(called.value) if isinstance(called, ast.Attribute) else self.value(called)
        module = owner.__name__ if isinstance(owner, ModuleType) else str(getattr(owner, "__module__", ""))
        if module.startswith("pandas"):
            return bool(_BY_PYTHON.fullmatch(name))
        return self._code.is_own_module(module)

    def value(self, node: ast.AST | None) -> Any:
        """Return the value of an expression; unknown where it depends on more than constants."""
        try:
            return self._value(node)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError):
            return _UNKNOWN

    def _value(self, node: ast.AST | None) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._variable(node.id)
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(each) for each in node.elts]
        if isinstance(node, ast.JoinedStr):
            parts = [self.value(each.value if isinstance(each, ast.FormattedValue) else each) for each in node.values]
            return _UNKNOWN if any(isinstance(each, _Unknown) for each in parts) else "".join(map(str, parts))
        if isinstance(node, ast.Attribute):
            return self._attribute(self.value(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            return self._whole(self.value(node.value))[self._whole(self.value(node.slice))]
        if isinstance(node, ast.BinOp):
            left, right = self._whole(self.value(node.left)), self._whole(self.value(node.right))
            return left / right if isinstance(node.op, ast.Div) else left + right
        return self._call(node) if isinstance(node, ast.Call) else _UNKNOWN

    def _whole(self, value: Any) -> Any:
        if isinstance(value, _Unknown):
            raise TypeError
        return value

    def _variable(self, name: str) -> Any:
        if name in self._assigned:
            source = self._assigned.pop(name)  # a name that is made of itself is not known
            found = self.value(source)
            self._assigned[name] = source
            return found
        if name in self._given:
            return self._given[name]
        return self._function.__globals__.get(name, _UNKNOWN)

    def _attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, ModuleType):
            return vars(owner).get(name, _UNKNOWN)
        if isinstance(owner, PurePath) and name in ("parent", "name", "stem", "suffix", "parents"):
            return getattr(owner, name)
        if isinstance(owner, type) and is_own_class(owner, self._code):
            return vars(owner).get(name, _UNKNOWN)
        if is_own_class(type(owner), self._code):
            return getattr(owner, "__dict__", {}).get(name, vars(type(owner)).get(name, _UNKNOWN))
        return _UNKNOWN

    def _call(self, node: ast.Call) -> Any:
        arguments = [self._whole(self.value(each)) for each in node.args]
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "join" and "path" in ast.unparse(node.func.value):
                return os.path.join(*arguments)
            if node.func.attr in _PATH_METHODS and not node.keywords:
                owner = self._whole(self.value(node.func.value))
                return getattr(owner, node.func.attr)(*arguments) if isinstance(owner, str | PurePath) else _UNKNOWN
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _MAKERS and arguments:
            return Path(*arguments) if name in ("Path", "PurePath") else str(arguments[0])
        return _UNKNOWN


def _named(call: ast.Call) -> ast.expr | None:
    named = ("source", "path", "data", "filepath_or_buffer", "path_or_buf", "query", "sql", "where", "file")
    return next((each.value for each in call.keywords if each.arg in named), None)


def _cells(function: FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            found[name] = _UNKNOWN
    return found


def _assigned_once(node: ast.AST) -> dict[str, ast.expr]:
    """Return the locals that are set in one place only, and to what."""
    found: dict[str, ast.expr] = {}
    stored: list[str] = [
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    ]
    for each in ast.walk(node):
        if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name):
            name = each.targets[0].id
            if stored.count(name) == 1:
                found[name] = each.value
    return found
