"""What importing the project's modules changes outside of them: a seed, a patched library, a setting.

What a module sets in itself, or in another module of the project, is seen in the values as they are. What it sets
elsewhere leaves no value to look at, so the statements that do so count themselves, for every step.
"""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from kaizenml.project import Project
from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.own import is_own, is_own_class, is_own_loaded
from kaizenml.training.reach.source import node_of

_HARMLESS = {"logging", "kaizenml", "typing", "__future__"}
#: Libraries whose decorators make something of what they are handed, and keep it nowhere.
_MAKES_ONLY = {
    "abc", "attr", "attrs", "builtins", "contextlib", "dataclasses", "enum", "functools", "msgspec", "numba",
    "pydantic", "tenacity",
}  # fmt: skip
_HARMLESS_BUILTINS = {"print", "super", "isinstance", "len"}
_COMPOUND = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)
_STORES = (ast.Attribute, ast.Subscript)


class ImportEffect(NamedTuple):
    """A statement of a module that changes something outside of the project."""

    module: str
    line: int
    code: CodeType
    globals: Mapping[str, Any]
    text: str
    #: The function or class that a library is handed.
    held: object = None


def import_effects(code: FirstParty) -> list[ImportEffect]:
    """Return every statement of the loaded modules that changes something outside of the project, in their order."""
    if "effects" not in code.memo:
        code.memo["effects"] = [
            each
            for _, module in sorted(code.modules.items())
            if (file := getattr(module, "__file__", None)) and file.endswith(".py")
            for each in _effects(module, code.parsed(file).tree.body, code)
        ]
    return code.memo["effects"]  # type: ignore[no-any-return]


def _effects(module: ModuleType, body: list[ast.stmt], code: FirstParty) -> Iterator[ImportEffect]:
    look = _Look(code, vars(module), frozenset())
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            handed = [each for each in statement.decorator_list if look.is_handed_over(each)]
            if handed:
                kept: list[ast.stmt] = [ast.copy_location(ast.Expr(each), statement) for each in handed]
                compiled = compile(ast.Module(kept, []), "<import>", "exec", dont_inherit=True)
                text = "\n".join(f"@{ast.unparse(each)}" for each in handed)
                held = vars(module).get(statement.name)
                is_code = isinstance(held, FunctionType | type)
                yield ImportEffect(
                    module.__name__, statement.lineno, compiled, vars(module), text, held if is_code else None
                )
                continue
        if not _is_main(statement) and look.has_effect(statement):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                kept = [ast.copy_location(ast.Expr(each), statement) for each in statement.decorator_list]
            else:
                kept = [statement]
            compiled = compile(ast.Module(kept, []), "<import>", "exec", dont_inherit=True)
            text = "\n".join(map(ast.unparse, kept))
            yield ImportEffect(module.__name__, statement.lineno, compiled, vars(module), text)


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test)


class _Look:
    """Looks at statements of one module or function for effects outside of the project."""

    def __init__(self, code: FirstParty, globals_: Mapping[str, Any], local: frozenset[str]) -> None:
        self._code = code
        self._globals = globals_
        self._local = local

    def has_effect(self, statement: ast.AST) -> bool:
        """Say whether the statement, or one inside it, changes something outside of the project."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return any(self._is_effective_call(each) for each in statement.decorator_list)
        if isinstance(statement, _COMPOUND):
            inside = [each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.expr)]
            return any(self.has_effect(each) for each in inside)
        if isinstance(statement, ast.withitem):
            return self._is_effective_call(statement.context_expr)
        if isinstance(statement, ast.ExceptHandler | ast.match_case):
            return any(self.has_effect(each) for each in statement.body)
        if isinstance(statement, ast.Expr):
            return self._is_effective_call(statement.value, is_discarded=True)
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            return self._assigns_outside(statement)
        return False

    def is_handed_over(self, decorator: ast.expr) -> bool:
        """Say whether a decorator hands a function or class to a library that may keep it."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not self._is_outside(called):
            return False
        root = called
        while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
            root = root.func if isinstance(root, ast.Call) else root.value
        value = self._globals.get(getattr(root, "id", ""))
        name = value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
        return bool(name) and name.partition(".")[0] not in _MAKES_ONLY and value is not None

    def _assigns_outside(self, statement: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) -> bool:
        targets = statement.targets if isinstance(statement, ast.Assign | ast.Delete) else [statement.target]
        stores = [each for target in targets for each in ast.walk(target) if isinstance(each, _STORES)]
        if any(self._is_outside(each) for each in stores):
            return True
        value = getattr(statement, "value", None)
        if value is None:
            return False
        is_nothing = isinstance(targets[0], ast.Name) and self._globals.get(targets[0].id, "") is None
        return any(
            self._is_effective_call(each, is_discarded=is_nothing and each is value)
            for each in ast.walk(value)
            if isinstance(each, ast.Call)
        )

    def _is_effective_call(self, call: ast.expr, *, is_discarded: bool = False) -> bool:
        if isinstance(call, ast.Await):
            return self._is_effective_call(call.value, is_discarded=is_discarded)
        called = call.func if isinstance(call, ast.Call) else call
        found = self._value(called)
        if isinstance(found, FunctionType) and is_own(found, self._code):
            return has_effect(found, self._code)
        if isinstance(found, type) and is_own(found, self._code):
            made = [vars(found).get(name) for name in ("__init__", "__new__", "__post_init__", "__call__")]
            return any(has_effect(each, self._code) for each in made if isinstance(each, FunctionType))
        if not is_discarded or not isinstance(call, ast.Call):
            return False
        if isinstance(called, ast.Name) and called.id in ("setattr", "delattr") and call.args:
            return self._is_outside(call.args[0])
        if isinstance(called, ast.Name) and called.id in _HARMLESS_BUILTINS:
            return False
        return self._is_outside(called)

    def _is_outside(self, node: ast.AST) -> bool:
        """Say whether what a target or a called name begins with is a thing of a library."""
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        if not isinstance(node, ast.Name) or node.id in self._local:
            return False
        value = self._globals.get(node.id, getattr(builtins, node.id, None))
        if isinstance(value, ModuleType):
            return not is_own_loaded(value, self._code) and value.__name__.partition(".")[0] not in _HARMLESS
        if isinstance(value, type | FunctionType | types.BuiltinFunctionType):
            module = str(getattr(value, "__module__", None) or "").partition(".")[0]
            return not is_own(value, self._code) and module not in _HARMLESS
        kind = type(value)
        module = kind.__module__.partition(".")[0]
        return (
            module not in _HARMLESS | {"builtins"}
            and not isinstance(value, Project)
            and not (is_own_class(kind, self._code) or module in ("collections", "re", "_io"))
        )

    def _value(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            return None if node.id in self._local else self._globals.get(node.id)
        if isinstance(node, ast.Call):
            return self._value(node.func)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            is_looked_into = isinstance(owner, ModuleType | type) or (
                owner is not None and is_own_class(type(owner), self._code)
            )
            found = vars(owner).get(node.attr) if isinstance(owner, ModuleType) else None
            if found is None and is_looked_into and not isinstance(owner, ModuleType):
                kinds = (owner if isinstance(owner, type) else type(owner)).__mro__
                found = next((vars(each)[node.attr] for each in kinds if node.attr in vars(each)), None)
            return getattr(found, "__func__", found)
        return None


def has_effect(function: FunctionType, code: FirstParty) -> bool:
    """Say whether calling the function changes something outside of the project, as far as its statements say."""
    known = code.memo.setdefault("has effect", {})
    if id(function) not in known:
        known[id(function)] = False  # while it is looked at: a function that calls itself
        node = node_of(code, function.__code__)
        body = getattr(node, "body", []) if node is not None else []
        own = function.__code__
        local = frozenset({*own.co_varnames, *own.co_cellvars} - _imported(body))
        look = _Look(code, {**function.__globals__, **_modules(body)}, local)
        nodes = [each for one in body for each in ast.walk(one)] if isinstance(body, list) else []
        known[id(function)] = any(
            look.has_effect(each) for each in nodes if isinstance(each, ast.stmt) and not isinstance(each, _COMPOUND)
        )
    return bool(known[id(function)])


def _imported(body: list[ast.stmt]) -> set[str]:
    return set(_modules(body))


def _modules(body: list[ast.stmt]) -> dict[str, ModuleType]:
    """Return the names that imports inside a function bind, to stand for something of a library."""
    found: dict[str, ModuleType] = {}
    for each in (node for one in body if isinstance(one, ast.stmt) for node in ast.walk(one)):
        if isinstance(each, ast.Import | ast.ImportFrom):
            for name in each.names:
                source = name.name if isinstance(each, ast.Import) else (each.module or "")
                found[name.asname or name.name.split(".")[0]] = ModuleType(source.split(".")[0] or "own")
    return found
