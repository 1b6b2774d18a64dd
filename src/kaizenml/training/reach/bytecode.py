"""A function's code without what does not change its result: comments, formatting, docstrings, names of locals.

The compiled code is read, not the source: it is what runs, it is there for lambdas and generated functions too, and the
compiler has already dropped comments and formatting. Constants and names are written out where they are used, so a
docstring (a constant that nobody loads) does not count; locals have numbers already; the variables that functions share
with those inside them get numbers here, in the order of their use.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from kaizenml.core.digest import Digest, digest_of_bytes

_NAMED = {dis.opmap[name] for name in dis.opmap if dis.opmap[name] in dis.hasname}
_FREE = set(dis.hasfree)
_CONST = set(dis.hasconst) | ({dis.opmap["KW_NAMES"]} if "KW_NAMES" in dis.opmap else set())
_LOCAL = set(dis.haslocal)
_NAMES = tuple(dis.opname)
_EXTENDED = dis.EXTENDED_ARG
#: Instructions whose argument holds flags beside the number of the name: by how many bits the number is shifted.
_SHIFT = {"LOAD_GLOBAL": 1, "LOAD_ATTR": 1 if dis.opmap.get("LOAD_METHOD", 300) > 255 else 0, "LOAD_SUPER_ATTR": 2}
_NOTHING = {"CACHE", "NOP", "RESUME", "MAKE_CELL", "COPY_FREE_VARS", "LOAD_CLOSURE", "EXTENDED_ARG"}
_KIND_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
    | inspect.CO_ITERABLE_COROUTINE
)


class Instruction(NamedTuple):
    """One instruction: what it does, and the constant, name or number that it does it with."""

    name: str
    value: object
    number: int


def instructions(code: CodeType) -> Iterator[Instruction]:
    """Read the instructions of a code object, with its constants and names in their places."""
    raw, names, consts = code.co_code, code.co_names, code.co_consts
    places = code.co_varnames + tuple(name for name in code.co_cellvars if name not in code.co_varnames)
    places += code.co_freevars
    wide = 0
    for at in range(0, len(raw), 2):
        operation, number = raw[at], raw[at + 1] | wide
        if operation == _EXTENDED:
            wide = number << 8
            continue
        wide = 0
        name = _NAMES[operation]
        if operation in _CONST:
            yield Instruction(name, consts[number], number)
        elif operation in _NAMED:
            yield Instruction(name, names[number >> _SHIFT.get(name, 0)], number)
        elif operation in _FREE or (operation in _LOCAL and number < len(places) and name.count("FAST") < 2):
            yield Instruction(name, places[number], number)
        elif name != "CACHE":
            yield Instruction(name, None, number)


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Return the code and that of every function, class and comprehension inside it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from inner_codes(each)


def all_names(code: CodeType) -> frozenset[str]:
    """Return every global, attribute and import that the code or code inside it names."""
    return frozenset(name for each in inner_codes(code) for name in each.co_names)


class Canonical(NamedTuple):
    """Code without what does not matter."""

    digest: Digest
    #: For every variable of an enclosing function that the code uses: its number.
    free: dict[str, str]


def canonical(code: CodeType, *, with_locals: bool = False) -> Canonical:
    """Return what the code does, as a digest that no comment, docstring or rename of a local changes.

    Parameters
    ----------
    with_locals
        Let the names of locals count, for code that can see them, such as through `locals()`.
    """
    shared: dict[str, list[str]] = {name: [] for name in code.co_freevars}
    writer = _Writer(with_locals)
    writer.write(code, shared, is_outermost=True)
    text = "\n".join(writer.lines)
    return Canonical(digest_of_bytes(text.encode("utf-8", "surrogatepass")), {k: v[0] for k, v in shared.items() if v})


class _Writer:
    """Writes code out, line by line; a shared variable is numbered when it is first met."""

    def __init__(self, with_locals: bool) -> None:
        self.lines: list[str] = []
        self.with_locals = with_locals
        self.count = 0

    def write(self, code: CodeType, around: dict[str, list[str]], *, is_outermost: bool = False) -> None:
        parameters = _parameters(code)
        shared = {name: [f"p{parameters.index(name)}"] if name in parameters else [] for name in code.co_cellvars}
        shared |= {name: around.setdefault(name, []) for name in code.co_freevars}
        self._head(code, parameters, is_outermost)
        for name, value, number in instructions(code):
            if name in _NOTHING:
                continue
            if isinstance(value, CodeType):
                self.lines.append(f"{name} code")
                self.write(value, shared)
                self.lines.append("end")
            elif value is None and name not in ("LOAD_CONST", "RETURN_CONST"):
                self.lines.append(f"{name} {number}")
            elif isinstance(value, str) and value in shared and "DEREF" in name:
                self.lines.append(f"{name} {self._number(shared[value])}")
            elif "FAST" in name:
                self.lines.append(f"{name} {self._number(shared[str(value)]) if value in shared else number}")
            elif name in ("LOAD_CONST", "RETURN_CONST", "KW_NAMES"):
                self.lines.append(f"{name} {constant(value)}")
            else:
                self.lines.append(f"{name} {value} {number & 1 if name in _SHIFT else 0}")

    def _head(self, code: CodeType, parameters: tuple[str, ...], is_outermost: bool) -> None:
        seen: tuple[str, ...] = () if code.co_name == "<lambda>" else parameters[code.co_posonlyargcount :]
        if self.with_locals:
            seen = (*code.co_varnames, "|", *code.co_cellvars, "|", *code.co_freevars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KIND_FLAGS)
        name = "" if is_outermost else code.co_name
        self.lines.append(f"{name!r} {counts} {seen} {code.co_exceptiontable.hex()}")

    def _number(self, variable: list[str]) -> str:
        if not variable:
            variable.append(f"s{self.count}")
            self.count += 1
        return variable[0]


def _parameters(code: CodeType) -> tuple[str, ...]:
    extra = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + extra]


def constant(value: object) -> str:
    """Write a constant of compiled code so that no two different ones look alike."""
    if isinstance(value, tuple):
        return f"({','.join(map(constant, value))})"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(constant, value)))}}}"
    if isinstance(value, CodeType):
        return canonical(value).digest
    return f"{type(value).__name__}:{value!r}"
