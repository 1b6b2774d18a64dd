"""What a live value is, as text: the same for equal values in any process, and naming the code that it holds."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import operator
import pathlib
import re
import struct
import threading
import types
import typing
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from kaizenml.project import Project
from kaizenml.training.reach import chance

#: Types whose instances their `repr` tells apart.
_PLAIN: tuple[type, ...] = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice,
    datetime.date, datetime.time, datetime.timedelta, datetime.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID,
)  # fmt: skip
#: What has no state that a result could depend on.
_HARMLESS: tuple[type, ...] = (
    logging.Logger, logging.LoggerAdapter, logging.Handler, type(threading.Lock()), type(threading.RLock()),
    threading.Condition, threading.Semaphore,
    types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
)  # fmt: skip
_CODE = (types.FunctionType, type, types.ModuleType, types.BuiltinFunctionType)
_CALLED = (*_CODE, types.MethodType)
_WRAPPED = ("__wrapped__", "py_func", "pyfunc", "func", "fn", "function")


class Unhashable(Exception):  # noqa: N818  the word that callers know
    """A value that has no digest, and why."""


class ValueDigest(Protocol):
    """How a value of a library, such as a frame or an array, gets its digest."""

    def __call__(self, value: object, *, of_code: Callable[[object], str]) -> str:
        """Return the digest; functions and classes inside count as what ``of_code`` says; or raise `Unhashable`."""


class States:
    """Writes values as text.

    Parameters
    ----------
    of_code
        What a function, class or module counts as.
    is_own_class
        Whether the project defines a class itself.
    digest_of_value
        The digest of what is neither a container nor the project's own.
    """

    def __init__(
        self, of_code: Callable[[object], str], is_own_class: Callable[[type], bool], digest_of_value: ValueDigest
    ) -> None:
        self._of_code = of_code
        self._is_own_class = is_own_class
        self._digest_of_value = digest_of_value
        self._open: dict[int, int] = {}
        #: Functions that remember results: what they remember is no part of what they are.
        self.caches: list[Any] = []
        #: Clocks, and what draws without a seed, that values hold: under names of the project's own.
        self.uncertain: dict[str, None] = {}
        #: What draws from a generator that the process shares, held the same way.
        self.drawing: dict[str, None] = {}

    def text(self, value: Any) -> str:
        """Return the value as text.

        Raises
        ------
        Unhashable
            With a sentence that says why it has none.
        """
        kind = type(value)
        if kind in _PLAIN:
            return f"{kind.__name__}:{value!r}"
        if id(value) in self._open:
            return f"again:{len(self._open) - self._open[id(value)]}"
        self._open[id(value)] = len(self._open)
        try:
            return self._text(value, kind)
        except RecursionError as error:
            raise Unhashable(f"a {kind.__name__} is nested too deeply") from error
        finally:
            self._open.pop(id(value), None)

    def _text(self, value: Any, kind: type) -> str:
        if isinstance(value, _CALLED) and (found := chance.held(value)):
            self.uncertain[found] = None
        if isinstance(value, _CODE) and not isinstance(value, types.BuiltinFunctionType):
            return self._of_code(value)
        for known, write in _WRITERS:
            if isinstance(value, known):
                if self._is_own_class(kind):
                    return f"{self._of_code(kind)}{write(self, value)}{self._attributes(value)}"
                if kind is not known:
                    self._of_code(kind)  # its library counts
                return f"{kind.__name__}{write(self, value)}"
        if isinstance(value, _HARMLESS):
            return f"{kind.__module__}.{kind.__qualname__}"
        if isinstance(value, Iterator | io.IOBase):
            raise Unhashable(f"a {kind.__name__} has a position that moves as it is read")
        if self._is_own_class(kind):
            return self._own(value, kind)
        return self._foreign(value, kind)

    def texts(self, values: Iterable[Any]) -> str:
        """Return values one after the other."""
        return f"[{','.join(map(self.text, values))}]"

    def pairs(self, values: Mapping[Any, Any]) -> str:
        """Return keys with their values, in their order."""
        return f"{{{','.join(f'{self.text(key)}={self.text(value)}' for key, value in values.items())}}}"

    def _own(self, value: Any, kind: type) -> str:
        foreign = [
            each
            for each in kind.__mro__[1:]
            if each not in _BARE and not self._is_own_class(each) and not _is_plain(each)
        ]
        if not foreign:
            content = f"{kind.__mro__[-2].__name__}:{_content(value)}" if isinstance(value, _PLAIN) else ""
            return f"{self._of_code(kind)}{content}{self._attributes(value)}"
        try:
            return f"{self._of_code(kind)}{self._digest_of_value(value, of_code=self._of_code)}"
        except Unhashable:
            if not hasattr(value, "__dict__"):
                raise
            return f"{self._of_code(kind)}{self._attributes(value)}"

    def _attributes(self, value: Any) -> str:
        found = dict(getattr(value, "__dict__", {}))
        for each in type(value).__mro__:
            slots = each.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    found[name] = getattr(value, name)
        return self.pairs({name: found[name] for name in sorted(found)})

    def _foreign(self, value: Any, kind: type) -> str:
        if kind.__name__ == "ufunc" and "vectorized" in getattr(value, "__name__", ""):
            raise Unhashable("the function in a ufunc made by frompyfunc cannot be read")
        inside = [each for name in _WRAPPED if callable(each := getattr(value, name, None))] if callable(value) else []
        try:
            text = f"{kind.__module__}.{kind.__qualname__}:{self._digest_of_value(value, of_code=self._of_code)}"
        except Unhashable:
            if not inside:
                raise
            text = f"{kind.__module__}.{kind.__qualname__}"
        self._of_code(kind)
        return text + self.texts(inside)

    def method(self, value: Any) -> str:
        """Return the function and what it is bound to."""
        if chance.is_shared(value, ""):
            return self._shared(value)
        return f"({self.text(value.__func__)},{self.text(value.__self__)})"

    def builtin(self, value: Any) -> str:
        """Return a function written in C, and what it is bound to."""
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            return self._of_code(value)
        if chance.is_shared(value, ""):
            return self._shared(value)
        return f"({self.text(owner)}.{value.__name__})"

    def _shared(self, value: Any) -> str:
        name = str(value.__name__)
        if not chance.is_seed(value, name, ""):
            self.drawing[name] = None
        return f"(shared {name})"

    def cached(self, value: Any) -> str:
        """Return the function whose results are remembered."""
        self.caches.append(value)
        return self.text(value.__wrapped__)

    def dispatch(self, value: Any) -> str:
        """Return what is called, and with what."""
        return self.pairs({name: getattr(value, name) for name in ("func", "args", "keywords")})

    def enum(self, value: Any) -> str:
        """Return the class and the member's name."""
        return f"({self._of_code(type(value))}.{value.name})" if value.name else f"({self.text(value.value)})"


def held_by(value: types.FunctionType) -> dict[str, object]:
    """Return what a function holds beside its code: defaults, cells of its closure, attributes."""
    registry = getattr(value, "registry", None)
    if isinstance(registry, types.MappingProxyType) and hasattr(value, "dispatch"):
        return {"registry": {kind.__qualname__: each for kind, each in registry.items()}}
    held: dict[str, object] = {}
    if value.__defaults__:
        held["defaults"] = value.__defaults__
    if value.__kwdefaults__:
        held["keyword defaults"] = value.__kwdefaults__
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=False):
        try:
            held[f"cell {name}"] = cell.cell_contents
        except ValueError:
            held[f"cell {name}"] = "empty"
    held |= {f"attribute {name}": each for name, each in sorted(vars(value).items()) if name != "__signature__"}
    return held


def _content(value: Any) -> str:
    """Return the number or text that a value of a derived class is."""
    plain = next(each for each in _PLAIN if isinstance(value, each))
    return repr(plain(value)) if plain in (bool, int, float, complex, str, bytes) else repr(value)


def _is_plain(kind: type) -> bool:
    return kind in _PLAIN or kind in (tuple, list, dict, set, frozenset)


_CACHED = type(functools.lru_cache(len))
_ALIAS = type(typing.List[int])  # noqa: UP006  the class of subscripted types, which has no public name
_BARE = {object, enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.ReprEnum}


def _project(states: States, value: Any) -> str:
    facts = ("name", "target", "id", "time", "ignore", "seed", "holdout")
    return states.pairs({name: getattr(value, name) for name in facts})


def _sorted(states: States, value: Any) -> str:
    return f"{{{','.join(sorted(map(states.text, value)))}}}"


_WRITERS: tuple[tuple[Any, Callable[[States, Any], str]], ...] = (
    (enum.Enum, States.enum),
    (tuple, States.texts),
    (list, States.texts),
    (collections.defaultdict, lambda states, value: states.text(value.default_factory) + states.pairs(value)),
    (dict, States.pairs),
    ((set, frozenset), _sorted),
    (types.MappingProxyType, States.pairs),
    (collections.deque, lambda states, value: f"{value.maxlen}{states.texts(value)}"),
    (bytearray, lambda _, value: repr(bytes(value))),
    (memoryview, lambda _, value: f"({value.format!r},{value.shape},{bytes(value)!r})"),
    (weakref.ref, lambda states, value: states.text(value())),
    (types.MethodType, States.method),
    (types.BuiltinFunctionType, States.builtin),
    ((functools.partial, functools.partialmethod), States.dispatch),
    (_CACHED, States.cached),
    (property, lambda states, value: states.texts((value.fget, value.fset, value.fdel))),
    ((classmethod, staticmethod), lambda states, value: states.text(value.__func__)),
    (functools.cached_property, lambda states, value: states.text(value.func)),
    (functools.singledispatchmethod, lambda states, value: states.texts((value.func, value.dispatcher))),
    (re.Pattern, lambda _, value: f"({value.pattern!r},{value.flags})"),
    (pathlib.PurePath, lambda _, value: repr(str(value))),
    ((operator.itemgetter, operator.attrgetter), lambda states, value: states.texts(value.__reduce__()[1:])),
    (operator.methodcaller, lambda states, value: states.texts(value.__reduce__()[1:])),
    (threading.local, lambda states, value: states.pairs(vars(value))),
    (threading.Event, lambda _, value: str(value.is_set())),
    (struct.Struct, lambda _, value: repr(value.format)),
    (types.SimpleNamespace, lambda states, value: states.pairs(vars(value))),
    (types.GenericAlias, lambda _, value: repr(value)),
    (typing.TypeVar, lambda _, value: f"({value!r},{value.__bound__!r},{value.__constraints__!r})"),
    (typing.ParamSpec, lambda _, value: repr(value)),
    (_ALIAS, lambda states, value: f"({states.text(value.__origin__)}{states.texts(typing.get_args(value))})"),
    (types.CellType, lambda states, value: states.text(value.cell_contents)),
    (Project, _project),
)  # fmt: skip
