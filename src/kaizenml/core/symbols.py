"""Which functions, classes and constants differ between two sets of Python files: read as syntax, never executed."""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: So many lines of a symbol's difference are shown.
MOST_LINES = 200
IMPORTS, MODULE = "(imports)", "(module)"
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SET = (ast.Assign, ast.AnnAssign, ast.AugAssign)


class Change(StrEnum):
    """What became of a symbol."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class SymbolDifference:
    """A function, method, class or constant that differs: where it is, what became of it, and the unified difference.

    Parameters
    ----------
    name
        As in the module: ``features``, ``Model.fit``, ``LIMIT``; ``(imports)`` and ``(module)`` are what else a file
        says at its top level.
    kind
        ``function``, ``class``, ``constant`` or ``statement``.
    came_from
        The file it was in before, of one that moved.
    """

    file: str
    name: str
    kind: str
    change: Change
    diff: str
    came_from: str = ""


@dataclass(slots=True)
class _Symbol:
    """A symbol in one file: what it means (the syntax without docstrings) and how it is written."""

    kind: str
    meaning: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def symbol_differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, list[SymbolDifference]]:
    """Return the symbols that differ, by file, for every file that is not the same and that Python can read.

    A file whose list is empty differs only in comments, docstrings or formatting. Files that are no Python, or that
    Python cannot read on either side, are not among them.
    """
    found: dict[str, list[SymbolDifference]] = {}
    meanings: dict[tuple[str, str], list[str]] = {}
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path) and path.endswith((".py", ".pyi")):
            old, new = symbols_of(before.get(path, b"")), symbols_of(after.get(path, b""))
            if old is not None and new is not None:
                found[path] = _differing(path, old, new)
                meanings |= {(path, name): symbol.meaning for name, symbol in {**old, **new}.items()}
    return _with_moves(found, meanings)


def symbols_of(content: bytes) -> dict[str, _Symbol] | None:
    """Return what a file of Python defines, by name; None where Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
            text = content.decode("utf-8", "replace").splitlines()
            found: dict[str, _Symbol] = {}
            _gather(tree.body, "", text, found)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found


def _gather(body: Sequence[ast.stmt], within: str, text: Sequence[str], found: dict[str, _Symbol]) -> None:
    """Add the symbols of a body, those within its conditions and classes too."""
    for node in _without_docstring(body):
        for name, kind in _names(node, within):
            symbol = found.setdefault(name, _Symbol(kind))
            symbol.meaning.append(ast.dump(_shell(node)))
            symbol.lines += _lines(node, text)
        if isinstance(node, ast.ClassDef):
            _gather(node.body, f"{within}{node.name}.", text, found)
        elif not isinstance(node, _NAMED):
            for part in _bodies(node):
                _gather([each for each in part if isinstance(each, _NAMED) or _bodies(each)], within, text, found)


def _names(node: ast.stmt, within: str) -> list[tuple[str, str]]:
    if isinstance(node, ast.ClassDef):
        return [(f"{within}{node.name}", "class")]
    if isinstance(node, _NAMED):
        return [(f"{within}{node.name}", "function")]
    if within and not isinstance(node, _SET):
        return [(within[:-1], "class")]
    if isinstance(node, _SET):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [each for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
        if parts and all(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets):
            return [(f"{within}{part.id}", "constant") for part in parts]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(IMPORTS, "statement")]
    return [(within[:-1] or MODULE, "class" if within else "statement")]


def _shell(node: ast.stmt) -> ast.stmt:
    """Return a node without docstrings; a class without its body, a condition without the definitions in it."""
    if isinstance(node, ast.ClassDef):
        return ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": []})
    fields = dict(ast.iter_fields(node))
    if isinstance(node, _NAMED):
        return type(node)(**{**fields, "body": [_shell(each) for each in _without_docstring(node.body)]})
    for name, value in fields.items():
        if isinstance(value, list) and value and all(isinstance(each, ast.stmt) for each in value):
            fields[name] = [_shell(each) for each in value if not isinstance(each, _NAMED)]
    return type(node)(**fields)


def _lines(node: ast.stmt, text: Sequence[str]) -> list[str]:
    """Return how a symbol is written, with its decorators; of a class only its head."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    last = node.end_lineno or node.lineno
    if isinstance(node, ast.ClassDef):
        body = node.body[0]
        last = min([body.lineno, *(each.lineno for each in getattr(body, "decorator_list", []))]) - 1
        last = max(last, node.lineno)
    return list(text[first - 1 : last])


def _bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a condition, loop or try."""
    if isinstance(node, _NAMED):
        return []
    blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [each.body for each in (*getattr(node, "handlers", []), *getattr(node, "cases", []))]
    return [block for block in blocks if isinstance(block, list) and block]


def _without_docstring(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for number, node in enumerate(body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (number == 0 and is_text and isinstance(node.value.value, str)):  # type: ignore[attr-defined]
            yield node


def _differing(
    path: str, before: Mapping[str, _Symbol], after: Mapping[str, _Symbol]
) -> list[SymbolDifference]:  # fmt: skip
    found = []
    for name in dict.fromkeys([*after, *before]):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and old.meaning == new.meaning:
            continue
        change = Change.ADDED if old is None else Change.REMOVED if new is None else Change.CHANGED
        kind = (new or old or _Symbol("")).kind
        found.append(SymbolDifference(path, name, kind, change, _unified(old, new)))
    return found


def _with_moves(
    found: Mapping[str, Sequence[SymbolDifference]], meanings: Mapping[tuple[str, str], Sequence[str]]
) -> dict[str, list[SymbolDifference]]:
    """Let a symbol that left one file and means the same in another be one that moved."""
    all_ = [each for listed in found.values() for each in listed if each.kind != "statement"]
    gone = {(each.name, *meanings[each.file, each.name]): each.file for each in all_ if each.change is Change.REMOVED}
    came: dict[tuple[str, str], SymbolDifference] = {}
    left: set[tuple[str, str]] = set()
    for each in all_:
        was = gone.pop((each.name, *meanings[each.file, each.name]), "") if each.change is Change.ADDED else ""
        if was:
            came[each.file, each.name] = replace(each, change=Change.MOVED, diff="", came_from=was)
            left.add((was, each.name))
    return {
        path: [came.get((path, each.name), each) for each in listed if (path, each.name) not in left]
        for path, listed in found.items()
    }


def _unified(before: _Symbol | None, after: _Symbol | None) -> str:
    old, new = before.lines if before else [], after.lines if after else []
    lines = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=2))
    more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])
