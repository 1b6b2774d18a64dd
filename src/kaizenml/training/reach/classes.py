"""What a class counts as: its body, bases and metaclass, and what its attributes are now."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, WrapperDescriptorType
from typing import Any, Protocol

from kaizenml.training.reach.firstparty import FirstParty, Parsed

_SKIPPED = {
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__firstlineno__",
    "__static_attributes__", "__abstractmethods__", "_abc_impl", "__dataclass_fields__", "__dataclass_params__",
    "__orig_bases__", "__parameters__", "__annotate__", "__annotate_func__", "__annotations_cache__",
}  # fmt: skip
_FIELD_FACTS = ("init", "repr", "hash", "compare", "kw_only")


class Walker(Protocol):
    """What a class asks of the walk."""

    code: FirstParty

    def text(self, value: object, place: str, *, is_foreign: bool = False) -> str:
        """Return a value as text."""

    def code_lines(self, code: CodeType, globals_: Mapping[str, Any], name: str) -> Iterator[str]:
        """Return what bare code counts as."""


def class_lines(walk: Walker, name: str, kind: type) -> Iterator[str]:
    """Return what a class of the project counts as, line by line."""
    yield f"bases {walk.text(kind.__bases__, name)} {walk.text(type(kind), name)}"
    module = walk.code.find_module(kind.__module__)
    path = getattr(module, "__file__", None) or _file_of(kind)
    if path:
        globals_ = vars(module) if module is not None else _globals_of(kind)
        for body in _bodies(walk.code.parsed(path), kind):
            yield from walk.code_lines(body, globals_, name)
        for head in walk.code.parsed(path).heads.get(kind.__name__, []):
            yield from walk.code_lines(head, globals_, name)
    if issubclass(kind, enum.Enum):
        for member, each in kind.__members__.items():
            yield f"member {member} {walk.text(each.value, f'{name}.{member}')}"
    if "__dataclass_params__" in vars(kind):
        yield f"dataclass {vars(kind)['__dataclass_params__']!r}"
        for field in dataclasses.fields(kind):
            yield from _field(walk, name, field)
    if "_abc_impl" in vars(kind):
        yield f"registered {walk.text(_registered(kind), name)}"
    yield from _attributes(walk, name, kind)


def _bodies(file: Parsed, kind: type) -> list[CodeType]:
    """Return what a class's body says beside the methods that are its attributes, and count as such."""
    whole, bare = file.classes.get(kind.__qualname__, []), file.bare_classes.get(kind.__qualname__, [])
    if len(whole) != 1 or len(bare) != 1 or not _made_in(whole[0]) - _made_in(bare[0]) <= _methods(kind):
        return whole
    return bare


def _made_in(body: CodeType) -> set[tuple[str, int]]:
    return {(each.co_name, each.co_firstlineno) for each in body.co_consts if isinstance(each, CodeType)}


def _methods(kind: type) -> set[tuple[str, int]]:
    found = [_functions(each) for each in _counted(kind).values()]
    codes = [each.__code__ for listed in found for each in listed if isinstance(each, FunctionType)]
    return {(each.co_name, each.co_firstlineno) for each in codes}


def _functions(value: object) -> tuple[object, ...]:
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    if isinstance(value, functools.cached_property):
        return (value.func,)
    return (value.__func__ if isinstance(value, classmethod | staticmethod) else value,)


def _registered(kind: type) -> list[type]:
    """Return the classes that were declared to be subclasses of an abstract class (`ABCMeta.register`)."""
    registry = vars(abc)["_get_dump"](kind)[0]  # there is no other way to ask
    return sorted((each for one in registry if (each := one()) is not None), key=lambda each: each.__qualname__)


def _field(walk: Walker, name: str, field: dataclasses.Field[Any]) -> Iterator[str]:
    facts = [getattr(field, each) for each in _FIELD_FACTS]
    default = "" if field.default is dataclasses.MISSING else walk.text(field.default, f"{name}.{field.name}")
    factory = field.default_factory
    made = "" if factory is dataclasses.MISSING else walk.text(factory, f"{name}.{field.name}")
    yield f"field {field.name} {field.type!r} {facts} {default} {made}"


def _attributes(walk: Walker, name: str, kind: type) -> Iterator[str]:
    for attribute, value in sorted(_counted(kind).items()):
        is_foreign = attribute.startswith("__") or not isinstance(value, _COUNTED)
        yield f"{attribute} {walk.text(value, f'{name}.{attribute}', is_foreign=is_foreign)}"


def _counted(kind: type) -> dict[str, object]:
    """Return the attributes that count: not those that the language or a library made out of the others."""
    return {name: value for name, value in vars(kind).items() if not _is_made(name, value, kind)}


def _is_made(attribute: str, value: object, kind: type) -> bool:
    if attribute in _SKIPPED or attribute.startswith(("__pydantic", "_is_protocol", "__protocol")):
        return True
    if isinstance(value, WrapperDescriptorType) or getattr(value, "__module__", "") == "typing":
        return True
    if isinstance(value, FunctionType) and value.__code__.co_filename == "<string>" and _is_generated(attribute, kind):
        return True
    return issubclass(kind, enum.Enum) and (attribute.startswith("_") or attribute in kind.__members__)


_COUNTED = (int, float, str, bytes, list, tuple, dict, set, frozenset)


def _is_generated(attribute: str, kind: type) -> bool:
    return "__dataclass_params__" in vars(kind) or (attribute == "__new__" and hasattr(kind, "_fields"))


def _file_of(kind: type) -> str | None:
    made = next((each for each in vars(kind).values() if isinstance(each, FunctionType)), None)
    return made.__code__.co_filename if made else getattr(sys.modules.get(kind.__module__), "__file__", None)


def _globals_of(kind: type) -> Mapping[str, Any]:
    made = next((each for each in vars(kind).values() if isinstance(each, FunctionType)), None)
    return made.__globals__ if made else {}
