"""What the names in a function's code are bound to now."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, NamedTuple

from kaizenml.project import Project
from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.own import is_own, is_own_loaded
from kaizenml.training.reach.references import MISSING, Reference


class Unloaded(NamedTuple):
    """A module of the project that is imported only while a function runs."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Bound:
    """What a name is bound to.

    Parameters
    ----------
    label
        The name with its attributes as far as they were followed, as the code says it: ``np.random.rand``.
    value
        What was found at the end.
    dotted
        The same seen from its module: ``numpy.random.rand``.
    owner
        What the last attribute was asked of; None if none was.
    last
        The last attribute.
    lost
        An attribute that a module of the project does not have.
    modules
        The modules on the way.
    said
        The whole name, where it begins with a library's module: the same whether the library is loaded yet or not.
    is_imported_inside
        Whether the function imports it itself.
    """

    label: str
    value: Any
    dotted: str
    owner: object = None
    last: str = ""
    lost: str = ""
    modules: tuple[ModuleType, ...] = ()
    said: str = ""
    is_imported_inside: bool = False


def bound(reference: Reference, globals_: Mapping[str, Any], code: FirstParty) -> Bound | None:
    """Return what a name is bound to; None if to nothing."""
    root = _root(reference, globals_, code)
    if root is None:
        return None
    found = _followed(*root, code)
    if isinstance(root[1], ModuleType) and not is_own_loaded(root[1], code):
        said = ".".join((root[1].__name__, *root[2]))
        return replace(found, said=said, is_imported_inside=reference.module is not None)
    return found


def _followed(label: str, value: Any, rest: tuple[str, ...], code: FirstParty) -> Bound:
    dotted = value.__name__ if isinstance(value, ModuleType) else label
    owner, last, modules = None, dotted.rpartition(".")[2], []
    for at, attribute in enumerate(rest):
        if isinstance(value, ModuleType):
            modules.append(value)
        if isinstance(value, Unloaded):
            return Bound(label, value, value.name, owner, last, attribute, tuple(modules))
        found = _attribute(value, attribute, code)
        if found is MISSING:
            if isinstance(value, ModuleType) and is_own_loaded(value, code):
                return _lost(Bound(label, value, dotted, owner, last, attribute, tuple(modules)), rest[at + 1 :], code)
            if isinstance(value, ModuleType) or (isinstance(value, type) and not is_own(value, code)):
                owner, last, value, dotted = value, rest[-1], MISSING, ".".join((dotted, *rest[at:]))
            break
        owner, last = value, attribute
        label, value = f"{label}.{attribute}", found
        dotted = value.__name__ if isinstance(value, ModuleType) else f"{dotted}.{attribute}"
    return Bound(label, value, dotted, owner, last, "", tuple(modules))


def _lost(found: Bound, rest: tuple[str, ...], code: FirstParty) -> Bound:
    """Return where an attribute leads that a module does not have: a module of its own, or nowhere yet."""
    name = f"{found.value.__name__}.{found.lost}"
    if not code.is_own_module(name):
        return found
    value = module_named(name, code)
    return Bound(found.label, value, name, found.owner, found.last, rest[0] if rest else "", found.modules)


def _root(
    reference: Reference, globals_: Mapping[str, Any], code: FirstParty
) -> tuple[str, Any, tuple[str, ...]] | None:
    if reference.module is None:
        first, *rest = reference.chain
        found = globals_[first] if first in globals_ else getattr(builtins, first, MISSING)
        return None if found is MISSING else (first, found, tuple(rest))
    name = absolute(reference.module, globals_)
    module = module_named(name, code)
    return name, module, reference.chain


def absolute(module: str, globals_: Mapping[str, Any]) -> str:
    """Return a module's full name, of one that an import names with leading dots."""
    level = len(module) - len(module.lstrip("."))
    if not level:
        return module
    package = str(globals_.get("__package__") or "").split(".")
    return ".".join([*package[: len(package) - level + 1], module.lstrip(".")]).strip(".")


def module_named(name: str, code: FirstParty) -> ModuleType | Unloaded:
    """Return a module by its name; one of a library that is not loaded is empty."""
    if name in code.modules:
        return code.modules[name]
    path = code.find_file(name)
    if path is not None:
        return Unloaded(name, path)
    return sys.modules.get(name) or ModuleType(name)


def imported_files(code: FirstParty, name: str) -> list[str]:
    """Return the files of a module of the project and of all modules of the project that it imports, wherever."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        parts = waiting.pop().split(".")
        for each in (".".join(parts[: end + 1]) for end in range(len(parts))):
            path = code.find_file(each)
            if path is None or path in found:
                continue
            found[path] = None
            package = each if path.endswith("__init__.py") else each.rpartition(".")[0]
            for one in code.parsed(str(code.folder / path)).imported:
                source, _, attribute = one.partition(":")
                waiting.append(f"{absolute(source, {'__package__': package})}.{attribute}".rstrip("."))
    return list(found)


def _attribute(value: Any, attribute: str, code: FirstParty) -> Any:
    if isinstance(value, ModuleType):
        return value.__dict__.get(attribute, MISSING)
    if isinstance(value, Project) or (isinstance(value, type) and not is_own(value, code)):
        try:
            return getattr(value, attribute, MISSING)
        except Exception:
            return MISSING
    return MISSING
