"""Which names a function's code loads, and what it does with them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from kaizenml.training.reach.bytecode import Instruction, Read, all_instructions, inner_codes

_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_CLASSDEREF"}
_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_NAMING = {*_GLOBAL, "IMPORT_NAME"}
_SETTING = {"STORE_GLOBAL", "DELETE_GLOBAL"}
_MAKING_TEXT = {"FORMAT_VALUE", "BUILD_STRING", "FORMAT_SIMPLE"}
_STORES = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"}
_SKIPPED = {"PUSH_NULL", "PRECALL", "NOP", "RESUME"}
_FAST = {"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_DEREF", "LOAD_FAST_BORROW"}


class _Missing:
    """There is no constant."""


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that is loaded, with the attributes asked of it at once: ``helpers.k2`` is ``("helpers", "k2")``.

    Parameters
    ----------
    module
        Where the name comes from, if the code imports it itself; with leading dots if seen from its package.
    chain
        The names; with a module the attributes only.
    constant
        The constant that follows, such as the first argument of a call; `MISSING` if none does.
    is_called_empty
        Whether it is called at once without arguments.
    is_import
        Whether this is the import itself, not a use of what was imported.
    """

    module: str | None
    chain: tuple[str, ...]
    constant: object = MISSING
    is_called_empty: bool = False
    is_import: bool = False


@dataclass(frozen=True, slots=True)
class Uses:
    """What a function's code uses, with the code inside it."""

    references: tuple[Reference, ...]
    #: Global variables that it sets.
    sets: frozenset[str]
    #: Words of its constant texts, which may be names to somebody who reads the frame.
    texts: tuple[str, ...]
    names: frozenset[str]
    makes_text: bool


def uses_of(code: CodeType, read: Read | None = None) -> Uses:
    """Return what the code, and any function, class or comprehension inside it, uses.

    Parameters
    ----------
    read
        Its instructions, where they are read already.
    """
    found: list[Reference] = []
    sets: set[str] = set()
    names: set[str] = set()
    texts: list[str] = []
    makes_text = False
    imports: dict[str, tuple[str, tuple[str, ...]]] = {}
    read = all_instructions(code) if read is None else read
    for each in inner_codes(code):
        names |= set(each.co_names)
        listed = [one for one in read[id(each)] if one.name not in _SKIPPED]
        kinds = {one.name for one in listed}
        if "IMPORT_NAME" in kinds:
            imports = imports | _imports(listed)
        if imports or kinds & _NAMING:
            found += _references(listed, imports)
        if kinds & _SETTING:
            sets |= {str(one.value) for one in listed if one.name in _SETTING}
        texts += [one.value for one in listed if one.name == "LOAD_CONST" and isinstance(one.value, str)]
        makes_text |= bool(kinds & _MAKING_TEXT)
    return Uses(tuple(dict.fromkeys(found)), frozenset(sets), tuple(texts), frozenset(names), makes_text)


def _imports(listed: list[Instruction]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the local names that imports inside the code bind: to a module, and attributes of it."""
    bound: dict[str, tuple[str, tuple[str, ...]]] = {}
    module, wanted, level = "", None, 0
    attributes: tuple[str, ...] = ()
    for at, one in enumerate(listed):
        if one.name == "IMPORT_NAME":
            constants = [each.value for each in listed[max(0, at - 2) : at]]
            level, wanted = int(str(constants[0])), constants[1]
            module, attributes = "." * level + str(one.value), ()
        elif one.name == "IMPORT_FROM":
            attributes = (str(one.value),)
        elif one.name in _STORES and module:
            previous = listed[at - 1].name
            if previous == "IMPORT_NAME":
                bound[str(one.value)] = (module if "." not in module.strip(".") else module.split(".")[0], ())
            elif previous == "IMPORT_FROM":
                bound[str(one.value)] = (module, attributes)
            elif previous in ("POP_TOP", "SWAP") and wanted is None:  # import a.b as c
                bound[str(one.value)] = (module, ())
    return bound


def _references(listed: list[Instruction], imports: dict[str, tuple[str, tuple[str, ...]]]) -> Iterator[Reference]:
    was_getattr = False
    for at, one in enumerate(listed):
        if one.name == "IMPORT_NAME":
            level = int(str(listed[at - 2].value))
            yield Reference("." * level + str(one.value), (), is_import=True)
            continue
        if one.name in _GLOBAL:
            module = None
            chain: tuple[str, ...] = (str(one.value),)
        elif one.name in _FAST and one.value in imports:
            module, chain = imports[str(one.value)]
        else:
            was_getattr = False
            continue
        end = at + 1
        while end < len(listed) and listed[end].name in _ATTRIBUTE:
            chain += (str(listed[end].value),)
            end += 1
        constant: object = MISSING
        is_empty = False
        if end < len(listed):
            if listed[end].name == "LOAD_CONST" and _is_whole_argument(listed, end + 1):
                constant = listed[end].value
            is_empty = listed[end].name == "CALL" and listed[end].number == 0
        is_import = _is_import(module, chain)
        if is_import and isinstance(constant, str):
            constant = _whole_name(constant, listed, end + 1)
        if is_import and isinstance(constant, str):
            named, _, inside = constant.partition(":")
            attributes = tuple(inside.split(".")) if inside else ()
            yield Reference(named, attributes + _attributes_after_call(listed, end + 1))
        elif was_getattr and isinstance(constant, str):
            chain += tuple(constant.split("."))
        was_getattr = module is None and chain == ("getattr",)
        yield Reference(module, chain, constant, is_empty)


def _is_whole_argument(listed: list[Instruction], after: int) -> bool:
    """Say whether a constant is an argument or a key by itself, not a part of something that is computed."""
    following = [each for each in listed[after : after + 2] if each.name != "KW_NAMES"] + [Instruction("", None, 0)] * 2
    first, second = following[0], following[1]
    if first.name in ("CALL", "CALL_KW"):
        return first.number >= 1
    if first.name in ("BINARY_SUBSCR", "BINARY_OP_SUBSCR"):
        return True
    return first.name.startswith("LOAD_") and second.name in ("CALL", "CALL_KW") and second.number >= 2


def _is_import(module: str | None, chain: tuple[str, ...]) -> bool:
    """Say whether this is a function that brings a module by its name, as `importlib.import_module` does."""
    return (((module,) if module else ()) + chain)[-1:] in (("import_module",), ("__import__",), ("resolve_name",))


def _whole_name(name: str, listed: list[Instruction], at: int) -> object:
    """Return a module's name as it is handed to an import; seen from the package that follows, if dots begin it."""
    if not name.startswith("."):
        return name
    following = listed[at] if at < len(listed) else Instruction("", None, 0)
    if following.name == "LOAD_CONST" and isinstance(following.value, str):
        level = len(name) - len(name.lstrip("."))
        parts = following.value.split(".")
        return ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")])
    is_own_package = following.name in _GLOBAL and following.value == "__package__"
    return name if is_own_package else MISSING


def _attributes_after_call(listed: list[Instruction], at: int) -> tuple[str, ...]:
    while at < len(listed) and listed[at].name in ("LOAD_CONST", "LOAD_NAME", "LOAD_GLOBAL"):
        at += 1
    chain: tuple[str, ...] = ()
    if at < len(listed) and listed[at].name == "CALL":
        at += 1
        while at < len(listed) and listed[at].name in _ATTRIBUTE:
            chain += (str(listed[at].value),)
            at += 1
    return chain
