"""Modules of the project that are imported only while a step runs: read from their files, part by part."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, NamedTuple, Protocol

from kaizenml.training.reach.bytecode import Canonical
from kaizenml.training.reach.firstparty import FirstParty, without_docstrings
from kaizenml.training.reach.found import Effect
from kaizenml.training.reach.names import Bound, Unloaded, absolute, bound
from kaizenml.training.reach.references import Reference, Uses

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class LatePart(NamedTuple):
    """A function, class or variable of a module that is not loaded; an empty name: what importing it does."""

    module: Unloaded
    name: str


@dataclass(frozen=True, slots=True)
class LateModule:
    """The parts of a module that is not loaded.

    Parameters
    ----------
    parts
        The code that makes each function, class and plain variable.
    always
        The code that importing it runs beside that.
    imports
        What names are imported: the module, and after a colon the name in it.
    package
        Where its relative imports are seen from.
    """

    parts: Mapping[str, list[CodeType]]
    always: list[CodeType]
    imports: Mapping[str, str]
    package: str


def late_module(module: Unloaded, code: FirstParty) -> LateModule:
    """Read the parts of a module that is not loaded."""
    known = code.memo.setdefault("late", {})
    if module.name not in known:
        known[module.name] = _read(module, code)
    return known[module.name]  # type: ignore[no-any-return]


def _read(module: Unloaded, code: FirstParty) -> LateModule:
    parts: dict[str, list[CodeType]] = {}
    always: list[CodeType] = []
    package = module.name if module.path.endswith("__init__.py") else module.name.rpartition(".")[0]
    path = str(code.folder / module.path)
    try:
        body = without_docstrings(ast.parse(code.source(path))).body
    except (SyntaxError, ValueError):
        return LateModule({}, [compile(repr(code.source(path)), "<late>", "exec")], {}, package)
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        compiled = compile(ast.Module([statement], []), "<late>", "exec", dont_inherit=True)
        for name in _names(statement):
            parts.setdefault(name, []).append(compiled)
        if not _is_lazy(statement):
            always.append(compiled)
    imports = {
        name: f"{absolute(source, {'__package__': package})}:{attribute}".rstrip(":")
        for name, (source, _, attribute) in ((k, v.partition(":")) for k, v in code.parsed(path).imports.items())
    }
    return LateModule(parts, always, imports, package)


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, _FUNCTIONS):
        return [statement.name]
    return [each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _is_lazy(statement: ast.stmt) -> bool:
    """Say whether a statement does nothing but bind a name."""
    if isinstance(statement, _FUNCTIONS):
        return not statement.decorator_list
    is_plain = isinstance(statement, ast.Assign | ast.AnnAssign) and len(_names(statement)) == 1
    return is_plain and not any(isinstance(each, ast.Call | ast.Attribute) for each in ast.walk(statement))


class Walker(Protocol):
    """What a module that is not loaded asks of the walk."""

    code: FirstParty
    late: set[str]

    def later_once(self, part: LatePart, name: str) -> str:
        """Return what a part counts as; it is walked later."""

    def named(self, name: str, attribute: str = "") -> str:
        """Return what a module counts as, or one thing in it."""

    def known(self, code: CodeType) -> tuple[Uses, Canonical]:
        """Return what code uses and is."""

    def judge(self, found: Bound, reference: Reference, globals_: Mapping[str, Any], name: str) -> None:
        """Note what cannot be known."""

    def counted(self, found: Bound, globals_: Mapping[str, Any]) -> str:
        """Return what a name counts as."""

    def tell(self, reason: str, effect: Effect) -> None:
        """Note something that cannot be known."""


def late_part(walk: Walker, module: Unloaded, name: str) -> str:
    """Return what a part of a module counts as that is imported only while a function runs; no name: all of it."""
    walk.late.add(module.name)
    found = late_module(module, walk.code)
    walk.later_once(LatePart(module, ""), f"{module.name} (when imported)")
    if name in found.imports and name not in found.parts:
        source, _, attribute = found.imports[name].partition(":")
        return walk.named(source, attribute)
    if name in found.parts:
        return walk.later_once(LatePart(module, name), f"{module.name}.{name}")
    if name and walk.code.is_own_module(f"{module.name}.{name}"):
        return walk.named(f"{module.name}.{name}")
    return " ".join(walk.later_once(LatePart(module, each), f"{module.name}.{each}") for each in found.parts)


def late_lines(walk: Walker, part: LatePart) -> Iterator[str]:
    """Return what a part of a module that is not loaded counts as, line by line."""
    found = late_module(part.module, walk.code)
    for code in found.parts[part.name] if part.name else found.always:
        uses, plain = walk.known(code)
        yield plain.digest
        for changed in sorted(uses.sets):
            walk.tell(f"`{part.module.name}` changes its variable `{changed}` while it runs", Effect.FORBIDS)
        words = {word for text in uses.texts for word in text.split()}
        for each in uses.references:
            yield f"{each.chain} {_name(walk, part.module, found, each)}"
        for word in sorted((words | uses.names) & set(found.parts)):
            yield f"{word} {late_part(walk, part.module, word)}"


def _name(walk: Walker, module: Unloaded, found: LateModule, reference: Reference) -> str:
    globals_ = {"__package__": found.package, "__name__": module.name}
    first = reference.chain[0] if reference.chain else ""
    if reference.module is None and first in found.parts:
        return late_part(walk, module, first)
    if reference.module is None and first in found.imports:
        source, _, attribute = found.imports[first].partition(":")
        chain = ((attribute,) if attribute else ()) + reference.chain[1:]
        reference = dataclasses.replace(reference, module=source, chain=chain)
    target = bound(reference, globals_, walk.code)
    if target is None or reference.is_import:
        return "missing"
    walk.judge(target, reference, globals_, module.name)
    return walk.counted(target, globals_)
