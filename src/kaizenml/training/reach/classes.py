"""What a class counts as: its body, bases and metaclass, and what its attributes are now."""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, WrapperDescriptorType
from typing import Any, Protocol

from kaizenml.training.reach.firstparty import FirstParty

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
        for body in walk.code.parsed(path).classes.get(kind.__qualname__, []):
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
    yield from _attributes(walk, name, kind)


def _field(walk: Walker, name: str, field: dataclasses.Field[Any]) -> Iterator[str]:
    facts = [getattr(field, each) for each in _FIELD_FACTS]
    default = "" if field.default is dataclasses.MISSING else walk.text(field.default, f"{name}.{field.name}")
    factory = field.default_factory
    made = "" if factory is dataclasses.MISSING else walk.text(factory, f"{name}.{field.name}")
    yield f"field {field.name} {field.type!r} {facts} {default} {made}"


def _attributes(walk: Walker, name: str, kind: type) -> Iterator[str]:
    for attribute, value in sorted(vars(kind).items()):
        if attribute in _SKIPPED or attribute.startswith(("__pydantic", "_is_protocol", "__protocol")):
            continue
        if isinstance(value, WrapperDescriptorType) or getattr(value, "__module__", "") == "typing":
            continue
        if (
            isinstance(value, FunctionType)
            and value.__code__.co_filename == "<string>"
            and _is_generated(attribute, kind)
        ):
            continue
        if issubclass(kind, enum.Enum) and (attribute.startswith("_") or attribute in kind.__members__):
            continue
        is_foreign = attribute.startswith("__") or not isinstance(value, _COUNTED)
        yield f"{attribute} {walk.text(value, f'{name}.{attribute}', is_foreign=is_foreign)}"


_COUNTED = (int, float, str, bytes, list, tuple, dict, set, frozenset)


def _is_generated(attribute: str, kind: type) -> bool:
    return "__dataclass_params__" in vars(kind) or (attribute == "__new__" and hasattr(kind, "_fields"))


def _file_of(kind: type) -> str | None:
    made = next((each for each in vars(kind).values() if isinstance(each, FunctionType)), None)
    return made.__code__.co_filename if made else getattr(sys.modules.get(kind.__module__), "__file__", None)


def _globals_of(kind: type) -> Mapping[str, Any]:
    made = next((each for each in vars(kind).values() if isinstance(each, FunctionType)), None)
    return made.__globals__ if made else {}
