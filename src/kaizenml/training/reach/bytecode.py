"""A function's code without what does not change its result: comments, formatting, docstrings, names of locals.

The compiled code is read, not the source: it is what runs, it is there for lambdas and generated functions too, and the
compiler has already dropped comments and formatting. Constants and names are written out where they are used, so a
docstring (a constant that nobody loads) does not count; locals have numbers already; the variables that functions share
with those inside them get numbers here, in the order of their use.
"""

from __future__ import annotations

import bisect
import dis
import inspect
from collections.abc import Iterator, Mapping, Sequence
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
_PAIRS = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}
_JUMPS = set(dis.hasjrel)
_JUMP_NAMES = {_NAMES[each] for each in _JUMPS if each < len(_NAMES)}
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
    offset: int = 0


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
            yield Instruction(name, consts[number], number, at)
        elif operation in _NAMED:
            yield Instruction(name, names[number >> _SHIFT.get(name, 0)], number, at)
        elif name in _PAIRS:  # two in one, if they stand on one line: told apart, so that lines do not matter
            for half, place in zip(_PAIRS[name], (number >> 4, number & 15), strict=True):
                yield Instruction(half, places[place], place, at)
        elif operation in _FREE or (operation in _LOCAL and number < len(places)):
            yield Instruction(name, places[number], number, at)
        elif name != "CACHE":
            yield Instruction(name, None, number, at)


def _target(one: Instruction, code: CodeType) -> int:
    """Return the offset that a jump goes to."""
    caches, raw = 0, code.co_code
    while one.offset + 2 * caches + 2 < len(raw) and raw[one.offset + 2 * caches + 2] == 0:
        caches += 1
    return one.offset + 2 + 2 * caches + 2 * (-one.number if "BACKWARD" in one.name else one.number)


def _handlers(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Read the table of exceptions: begin, end and handler as offsets, and the rest."""
    numbers: list[int] = []
    value = 0
    for each in table:
        value = value << 6 | each & 63
        if not each & 64:
            numbers.append(value)
            value = 0
    for start, length, target, rest in zip(*(numbers[at::4] for at in range(4)), strict=True):
        yield start * 2, (start + length) * 2, target * 2, rest


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Return the code and that of every function, class and comprehension inside it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from inner_codes(each)


#: The instructions of code and of that inside it, by the code's `id`.
Read = Mapping[int, Sequence[Instruction]]


def all_instructions(code: CodeType) -> Read:
    """Read the instructions of the code and of that of every function inside it."""
    return {id(each): list(instructions(each)) for each in inner_codes(code)}


def all_names(code: CodeType) -> frozenset[str]:
    """Return every global, attribute and import that the code or code inside it names."""
    return frozenset(name for each in inner_codes(code) for name in each.co_names)


class Canonical(NamedTuple):
    """Code without what does not matter."""

    digest: Digest
    #: For every variable of an enclosing function that the code uses: its number.
    free: dict[str, str]


def canonical(code: CodeType, *, with_locals: bool = False, read: Read | None = None) -> Canonical:
    """Return what the code does, as a digest that no comment, docstring or rename of a local changes.

    Parameters
    ----------
    with_locals
        Let the names of locals count, for code that can see them, such as through `locals()`.
    read
        Its instructions, where they are read already.
    """
    shared: dict[str, list[str]] = {name: [] for name in code.co_freevars}
    writer = _Writer(with_locals, all_instructions(code) if read is None else read)
    writer.write(code, shared, is_outermost=True)
    text = "\n".join(writer.lines)
    return Canonical(digest_of_bytes(text.encode("utf-8", "surrogatepass")), {k: v[0] for k, v in shared.items() if v})


class _Writer:
    """Writes code out, line by line; a shared variable is numbered when it is first met."""

    def __init__(self, with_locals: bool, read: Read) -> None:
        self.read = read
        self.lines: list[str] = []
        self.with_locals = with_locals
        self.count = 0

    def write(self, code: CodeType, around: dict[str, list[str]], *, is_outermost: bool = False) -> None:
        parameters = _parameters(code)
        shared = {name: [f"p{parameters.index(name)}"] if name in parameters else [] for name in code.co_cellvars}
        shared |= {name: around.setdefault(name, []) for name in code.co_freevars}
        self._head(code, parameters, is_outermost)
        listed = [one for one in self.read[id(code)] if not _is_nothing(one, shared)]
        offsets = [one.offset for one in listed]
        for one in listed:
            self._instruction(one, code, shared, offsets)
        for start, end, target, rest in _handlers(code.co_exceptiontable):
            places = (bisect.bisect_left(offsets, each) for each in (start, end, target))
            self.lines.append(f"handler {' '.join(map(str, places))} {rest}")

    def _instruction(self, one: Instruction, code: CodeType, shared: dict[str, list[str]], offsets: list[int]) -> None:
        name, value, number, _ = one
        if isinstance(value, CodeType):
            self.lines.append(f"{name} code")
            self.write(value, shared)
            self.lines.append("end")
        elif name in ("LOAD_CONST", "RETURN_CONST", "KW_NAMES"):
            self.lines.append(f"{name} {constant(value)}")
        elif name in _JUMP_NAMES:
            self.lines.append(f"{name} to {bisect.bisect_left(offsets, _target(one, code))}")
        elif value is None:
            self.lines.append(f"{name} {number}")
        elif "FAST" in name or "DEREF" in name:
            self.lines.append(f"{name} {self._number(shared[str(value)]) if value in shared else number}")
        else:
            self.lines.append(f"{name} {value} {number & 1 if name in _SHIFT else 0}")

    def _head(self, code: CodeType, parameters: tuple[str, ...], is_outermost: bool) -> None:
        seen: tuple[str, ...] = () if code.co_name == "<lambda>" else parameters[code.co_posonlyargcount :]
        if self.with_locals:
            seen = (*code.co_varnames, "|", *code.co_cellvars, "|", *code.co_freevars)
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KIND_FLAGS)
        name = "" if is_outermost else code.co_name
        self.lines.append(f"{name!r} {counts} {seen}")

    def _number(self, variable: list[str]) -> str:
        if not variable:
            variable.append(f"s{self.count}")
            self.count += 1
        return variable[0]


def _is_nothing(one: Instruction, shared: dict[str, list[str]]) -> bool:
    """Say whether an instruction does nothing but prepare variables that functions share, or mark a line."""
    return one.name in _NOTHING or (one.name == "LOAD_FAST" and one.value in shared)


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
