"""Behavioural tests as values: what a model must do whatever its metrics say.

Source: Ribeiro et al. (2020), *Beyond accuracy: behavioral testing of NLP models with CheckList*, for the three kinds:
invariance, directional expectation and minimum functionality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kaizenml.core.gate import Behaves


class Expected(StrEnum):
    """Which way an answer must go."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """Another value in the column must not change the answer by more than ``within``.

    ``change`` is a function from the column to the column as changed, or the values that every row is given in turn.
    """

    column: str
    change: Callable[[Any], Any] | tuple[object, ...]
    within: float | None = None
    allow: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """``by`` more in the column must not move the answer the other way; ``of`` is the class that is looked at."""

    column: str
    by: float
    expect: Expected
    of: str = ""
    within: float = 0.0
    allow: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """Simple rows must get the answer that anybody would give: a value, a range, or what a function accepts."""

    rows: tuple[Mapping[str, Any], ...]
    expect: object
    allow: float = 0.0
    name: str = ""


Behaviour = Invariant | Direction | Minimum


def named(behaviour: Behaviour) -> str:
    """Return what a behaviour is called: as the project says, or by what it looks at."""
    if behaviour.name:
        return behaviour.name
    match behaviour:
        case Invariant():
            return f"invariant({behaviour.column})"
        case Direction():
            return f"direction({behaviour.column} {behaviour.by:+g})"
        case Minimum():
            return f"minimum({expected(behaviour.expect)})"


def requirement_of(behaviour: Behaviour) -> Behaves:
    """Return what the gate stores of a behaviour: a function has no other form."""
    return Behaves(name=named(behaviour), says=_says(behaviour), allow=behaviour.allow)


def expected(value: object) -> str:
    """Return an expected answer in words."""
    if callable(value):
        return getattr(value, "__name__", "a function")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " to ".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _says(behaviour: Behaviour) -> str:
    match behaviour:
        case Invariant():
            return f"Another {behaviour.column} does not change the answer."
        case Direction():
            return f"With {behaviour.column} {behaviour.by:+g} the answer does not go {_other(behaviour.expect)}."
        case Minimum():
            return f"{len(behaviour.rows)} simple rows are answered with {expected(behaviour.expect)}."


def _other(way: Expected) -> str:
    return "down" if way is Expected.UP else "up"
