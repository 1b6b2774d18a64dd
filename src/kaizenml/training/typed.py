"""What the annotations of steps say of their values: held against each other, and against what a step returns.

An annotation that says more than can be looked at (the items of a list, a protocol, a name that only type checkers
import) counts as far as it can be looked at.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kaizenml.project import Step

#: What counts as such a number: those of NumPy too.
_NUMBERS: Mapping[object, type] = {float: Real, int: Integral}


@cache
def hints_of(function: Step) -> Mapping[str, Any]:
    """Return what a step's annotations say, by argument and for ``return``; nothing where they cannot be read."""
    try:
        return get_type_hints(function)
    except Exception:  # a name that only type checkers import
        return {}


def fits(value: object, hint: object) -> bool:
    """Say whether a value may be what an annotation says."""
    kinds = _kinds(hint)
    if kinds is None:
        return True
    try:
        return any(isinstance(value, _NUMBERS.get(kind, kind)) or _is_truth(value, kind) for kind in kinds)
    except TypeError:  # a class that cannot be asked, such as a protocol
        return True


def may_be(given: object, taken: object) -> bool:
    """Say whether some value may be what both annotations say."""
    ours, theirs = _kinds(given), _kinds(taken)
    if ours is None or theirs is None:
        return True
    try:
        return any(
            issubclass(one, _NUMBERS.get(other, other)) or issubclass(other, _NUMBERS.get(one, one))
            for one in ours
            for other in theirs
        )
    except TypeError:
        return True


def said(hint: object) -> str:
    """Return an annotation as a person reads it."""
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _kinds(hint: object) -> tuple[type, ...] | None:
    """Return the classes that a value may be of; None where that cannot be looked at."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _kinds(get_args(hint)[0])
    if origin is Literal:
        return tuple({type(each) for each in get_args(hint)})
    if origin in (Union, types.UnionType):
        parts = [_kinds(each) for each in get_args(hint)]
        return None if None in parts else tuple(kind for part in parts if part for kind in part)
    kind = origin or (types.NoneType if hint is None else hint)
    return (kind,) if isinstance(kind, type) and kind not in (object, Any) else None


def _is_truth(value: object, kind: type) -> bool:
    return kind is bool and type(value).__name__ in ("bool", "bool_")
