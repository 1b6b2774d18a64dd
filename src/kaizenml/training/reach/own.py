"""Telling the project's own functions, classes and modules from those of libraries."""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType

from kaizenml.training.reach.firstparty import FirstParty


def is_own(value: object, code: FirstParty) -> bool:
    """Say whether this is code of the project."""
    if isinstance(value, FunctionType):
        file = value.__code__.co_filename
        if file.startswith("<"):  # made from text: it belongs to the module that made it
            return code.is_own_module(str(value.__globals__.get("__name__", "")))
        return code.is_own_file(file)
    return isinstance(value, type) and is_own_class(value, code)


def is_own_class(kind: type, code: FirstParty) -> bool:
    """Say whether a class is the project's own."""
    module = kind.__module__
    if module == "builtins" or module in sys.stdlib_module_names:
        return False
    if code.is_own_module(module):
        return True
    return code.is_own_file(getattr(sys.modules.get(module), "__file__", None))


def is_own_loaded(module: ModuleType, code: FirstParty) -> bool:
    """Say whether a loaded module is the project's own."""
    if code.modules.get(module.__name__) is module:
        return True
    file = getattr(module, "__file__", None)
    places = [file] if file else [f"{each}/x" for each in getattr(module, "__path__", ())]
    return any(code.is_own_file(place) for place in places)


def is_compiled_own(module: str, code: FirstParty) -> bool:
    """Say whether a module is one of the project's that is compiled."""
    file = getattr(code.find_module(module), "__file__", None) or ""
    return not file.endswith(".py") and code.is_own_file(file)
