"""The project's own code: its files, its loaded modules, and how to tell it from what was installed."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import re
import sys
import sysconfig
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from kaizenml.core.digest import Digest, digest_of_bytes
from kaizenml.training.reach.bytecode import inner_codes

T = TypeVar("T", bound=ast.AST)
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_INSTALLED = {"site-packages", "dist-packages"}
_PLAIN_DECORATORS = {
    "property", "setter", "getter", "deleter", "staticmethod", "classmethod", "cached_property", "abstractmethod",
    "override", "final",
}  # fmt: skip


@dataclass(frozen=True)
class FirstParty:
    """A project's own code.

    Parameters
    ----------
    folder
        Where the project lies.
    files
        The content of its Python files by path, seen from the folder.
    modules
        Its modules as they are loaded, by name.
    """

    folder: Path
    files: Mapping[str, bytes]
    modules: Mapping[str, ModuleType]
    #: What was found out about this code once, kept for the next step.
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def is_own_file(self, path: str | None) -> bool:
        """Say whether a file is the project's own or lies beside it: neither installed nor the language's."""
        if not path:
            return False
        known = self.memo.setdefault("own", {})
        if path not in known:
            known[path] = path.startswith(str(self.folder) + os.sep) or _is_outside_installed(path)
        return bool(known[path])

    def is_own_module(self, name: str) -> bool:
        """Say whether a module is the project's own, by its name."""
        return name in self.modules or self.find_file(name) is not None

    def find_module(self, name: str) -> ModuleType | None:
        """Return a loaded module: one of the project, or else one of the interpreter."""
        return self.modules.get(name) or sys.modules.get(name)

    def find_file(self, module: str) -> str | None:
        """Return the path, seen from the folder, of a module's file among the project's."""
        base = module.replace(".", "/")
        return next((path for path in (f"{base}.py", f"{base}/__init__.py") if path in self.files), None)

    def source(self, path: str) -> bytes:
        """Return the content of a Python file as it was when the project was loaded."""
        folder = str(self.folder) + os.sep
        if path.startswith(folder):
            known = self.files.get(path[len(folder) :].replace(os.sep, "/"))
            if known is not None:
                return known
        try:
            return Path(path).read_bytes()
        except OSError:
            return b""

    def parsed(self, path: str) -> Parsed:
        """Return a Python file, parsed."""
        known = self.memo.setdefault("parsed", {})
        if path not in known:
            known[path] = Parsed(self.source(path))
        return known[path]  # type: ignore[no-any-return]

    def all_code(self) -> Digest:
        """Return the digest of all of the project's code, whether it is imported or not, and of what lies beside it."""
        if "all" not in self.memo:
            paths = {str(self.folder / path) for path in self.files}
            paths |= {str(file) for one in self.modules.values() if self.is_own_file(file := one.__file__)}
            listed = [f"{path} {self.parsed(path).digest}" for path in sorted(paths)]
            self.memo["all"] = digest_of_bytes("\n".join(listed).encode())
        return self.memo["all"]  # type: ignore[no-any-return]


class Parsed:
    """A Python file: what it says apart from comments, formatting and docstrings. Each part is read when asked for."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self.nodes: dict[int, list[ast.AST]] = {}
        #: What imports bind: the local name, and where it comes from, as ``module:name``.
        self.imports: dict[str, str] = {}
        #: The same without the local names, of every import there is.
        self.imported: set[str] = set()
        try:
            self.tree = ast.parse(source)
            self.is_readable = True
        except (SyntaxError, ValueError):
            self.tree, self.is_readable = ast.Module([], []), False
        is_flat = b"lambda" not in source  # then definitions are statements, and no expression is looked into
        for node in _statements(self.tree.body) if is_flat else ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                self.nodes.setdefault(first_line(node), []).append(node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.imports |= _imports(node)
                self.imported |= _imported(node)

    def text(self, node: ast.AST) -> str:
        """Return how a definition stands in the file, with its decorators, moved to the left."""
        first, last = first_line(node), getattr(node, "end_lineno", 0)
        return textwrap.dedent("\n".join(self._lines[first - 1 : last]))

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_ENDS.split(self._source.decode("utf-8", "replace"))

    @cached_property
    def _bare_tree(self) -> ast.Module:
        return without_docstrings(ast.parse(self._source)) if self.is_readable else self.tree

    @cached_property
    def digest(self) -> Digest:
        """The identity of what the file says; of one that cannot be parsed, of its bytes."""
        if not self.is_readable:
            return digest_of_bytes(self._source)
        return digest_of_bytes(ast.dump(self._bare_tree).encode("utf-8", "surrogatepass"))

    @cached_property
    def classes(self) -> Mapping[str, list[CodeType]]:
        """The code of every class body, by its qualified name."""
        return _bodies(self._bare_tree)

    @cached_property
    def bare_classes(self) -> Mapping[str, list[CodeType]]:
        """The same, of classes that stand in no function, without methods that only stand there, in whatever order."""
        return _bodies(ast.Module([_bare(each) for each in self._bare_tree.body if isinstance(each, ast.ClassDef)], []))

    @cached_property
    def heads(self) -> Mapping[str, list[CodeType]]:
        """Decorators, bases and keywords of every class, by its name."""
        found: dict[str, list[CodeType]] = {}
        for node in (each for listed in self.nodes.values() for each in listed if isinstance(each, ast.ClassDef)):
            found.setdefault(node.name, []).append(_head(node))
        return found


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Return every statement, and those inside it."""
    for each in body:
        yield each
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            if inner := getattr(each, name, None):
                yield from _statements(inner)


def _bodies(tree: ast.Module) -> dict[str, list[CodeType]]:
    found: dict[str, list[CodeType]] = {}
    code = compile(tree, "<own>", "exec", dont_inherit=True)
    for each in inner_codes(code):
        if not each.co_flags & inspect.CO_NEWLOCALS and each is not code:
            found.setdefault(each.co_qualname, []).append(each)
    return found


def _bare(node: ast.ClassDef) -> ast.ClassDef:
    """Return a class without its plain methods; the node stays as it is."""
    bare = copy.copy(node)
    kept = [_bare(each) if isinstance(each, ast.ClassDef) else each for each in node.body]
    bare.body = [each for each in kept if not _is_plain_method(each)] or [ast.copy_location(ast.Pass(), node)]
    return bare


def _is_plain_method(node: ast.stmt) -> bool:
    """Say whether a statement of a class body makes a method and does nothing besides."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    values = [*node.args.defaults, *node.args.kw_defaults]
    return all(is_plain_decorator(each) for each in node.decorator_list) and not any(
        isinstance(each, ast.Call | ast.NamedExpr) for value in values if value for each in ast.walk(value)
    )


def is_plain_decorator(node: ast.expr) -> bool:
    """Say whether a decorator is one of the language's own, which keep the function and do nothing with it."""
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last in _PLAIN_DECORATORS


def _imports(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    if isinstance(node, ast.Import):
        return {each.asname or each.name.split(".")[0]: each.name for each in node.names}
    source = f"{'.' * node.level}{node.module or ''}"
    return {each.asname or each.name: f"{source}:{each.name}" for each in node.names}


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    source = f"{'.' * node.level}{node.module or ''}" if isinstance(node, ast.ImportFrom) else ""
    return {f"{source}:{each.name}" if source else each.name for each in node.names}


def first_line(node: Any) -> int:
    """Return the line on which a definition begins, its decorators included."""
    first: int = min(each.lineno for each in (node, *getattr(node, "decorator_list", [])))
    return first


def _head(node: ast.ClassDef) -> CodeType:
    """Return code that says what a class's definition says beside its body."""
    parts = [*node.decorator_list, *node.bases, *(ast.Constant(each.arg) for each in node.keywords)]
    parts += [each.value for each in node.keywords]
    whole = ast.Expression(ast.Tuple(parts, ast.Load()))
    return compile(ast.fix_missing_locations(whole), "<head>", "eval", dont_inherit=True)


def without_docstrings(tree: T) -> T:
    """Return the tree, changed: without docstrings."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not body:
            continue
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            body[:1] = [] if len(body) > 1 or isinstance(node, ast.Module) else [ast.copy_location(ast.Pass(), first)]
    return tree


@cache
def _installed_roots() -> tuple[str, ...]:
    paths = [path for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))]
    paths.append(str(Path(__file__).parents[2]))  # this package, however it is installed
    return tuple({each + os.sep for path in paths for each in (path, os.path.realpath(path))})


def _is_outside_installed(path: str) -> bool:
    if path.startswith("<") or not os.path.isabs(path):
        return False
    return not (_INSTALLED & set(Path(path).parts)) and not path.startswith(_installed_roots())
