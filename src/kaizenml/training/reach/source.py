"""How a symbol is shown where it changed: as it stands in its file, or a value, shortened."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from kaizenml.training.reach.firstparty import FirstParty, is_plain_decorator

#: Letters of a value, and of code: with its comments, it should reach to where it changed.
_MOST, _MOST_CODE = 4_000, 20_000


def text_of(code: FirstParty, value: Any, lines: Sequence[str]) -> str:
    """Return what a person compares to see what changed."""
    if isinstance(value, FunctionType):
        node, file = node_of(code, value.__code__), value.__code__.co_filename
        held = "".join(f"\n# {line[:300]}" for line in lines if line.startswith(("defaults", "keyword", "cell")))
        return ("\n".join(lines) if node is None else code.parsed(file).text(node))[:_MOST_CODE] + held
    if isinstance(value, type):
        found = _class_text(code, value)
        return ("\n".join(lines) if found is None else found)[:_MOST_CODE]
    if isinstance(value, ModuleType | CodeType):
        return "\n".join(lines)[:_MOST]
    if isinstance(
        value, bool | int | float | complex | str | bytes | list | tuple | dict | set | frozenset | type(None)
    ):
        return repr(value)[:_MOST]
    return "\n".join(lines)[:_MOST]


def node_of(code: FirstParty, function: CodeType) -> ast.AST | None:
    """Return the syntax of a function's code; None for code that stands in no file."""
    if not code.is_own_file(function.co_filename):
        return None
    known = code.memo.setdefault("nodes", {})
    if id(function) not in known:
        found = code.parsed(function.co_filename).nodes.get(function.co_firstlineno, [])
        matching = [each for each in found if getattr(each, "name", "<lambda>") == function.co_name]
        known[id(function)] = (function, matching[0] if len(matching) == 1 else None)
    return known[id(function)][1]  # type: ignore[no-any-return]


def is_decorated(code: FirstParty, function: CodeType) -> bool:
    """Say whether somebody else gets hold of the function where it is defined, and may read its annotations."""
    decorators = getattr(node_of(code, function), "decorator_list", [])
    return any(getattr(each, "attr", "") != "step" and not is_plain_decorator(each) for each in decorators)


def _class_text(code: FirstParty, kind: type) -> str | None:
    file = getattr(code.find_module(kind.__module__), "__file__", None)
    if not file or not code.is_own_file(file):
        return None
    for nodes in code.parsed(file).nodes.values():
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                return code.parsed(file).text(node)
    return None
