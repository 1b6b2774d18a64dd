"""What a question about runs means: conditions on metrics, parameters, tags and attributes, and an order.

A comparison with something that a run does not have is false, and so is one of text with a number; `Not` turns either
round. Every adapter answers as `matches` and `ordered` do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kaizenml.core.run import RunLine

#: Attributes that are text, times and numbers.
TEXTS = (
    "id", "project", "kind", "state", "name", "author", "parent", "snapshot", "model_version", "release", "commit",
    "branch", "error",
)  # fmt: skip
TIMES = ("started", "finished")
NUMBERS = ("duration",)
KINDS = ("metrics", "params", "tags", "run")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fact(NamedTuple):
    """A value as it is compared: with text by its text, with numbers by its number, where it reads as one."""

    text: str
    number: float | None


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: a metric, parameter or tag by its name, or (kind ``run``) an attribute."""

    kind: str
    key: str

    def __str__(self) -> str:
        return self.key if self.kind == "run" else f"{self.kind}.{self.key}"


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value; ``sign`` is one of ``= != < <= > >= like ilike contains``."""

    field: Field
    sign: str
    value: float | str


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field is one of several values."""

    field: Field
    values: tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A run has no such metric, parameter or tag; an attribute is empty."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Condition = Compare | OneOf | Missing | Not | All | AnyOf


@dataclass(frozen=True, slots=True)
class Order:
    """By what the runs are sorted; those without it come last either way, NaN just before them.

    With ``is_text``, what reads as a number is sorted by its letters like all other text.
    """

    field: Field
    is_descending: bool = False
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which runs, in which order. Without an order, and where it leaves runs equal, the newest come first."""

    where: Condition | None = None
    order: tuple[Order, ...] = ()


def fact_of(value: object) -> Fact:
    """Return a parameter, metric or tag as it is compared."""
    if isinstance(value, bool) or value is None:
        return Fact({True: "true", False: "false", None: "null"}[value], None)
    if isinstance(value, (int, float)):
        number = _as_float(value)
        return Fact(str(value), None if math.isnan(number) else number)
    text = str(value)
    return Fact(text, number_in(text))


def number_in(text: str) -> float | None:
    """Return the number that the text spells, if it does: plain digits, point and exponent."""
    if len(text) > 40 or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return None
    return float(text)


def microseconds(at: datetime) -> int:
    """Return a time as whole microseconds since 1970 (UTC)."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def fact(line: RunLine, field: Field) -> Fact | None:
    """Return what a run has under a field; None when it has nothing there."""
    if field.kind == "run":
        return _attribute(line, field.key)
    values = {"metrics": line.metrics, "params": line.parameters, "tags": line.tags}[field.kind]
    return fact_of(values[field.key]) if field.key in values else None


def matches(condition: Condition | None, line: RunLine) -> bool:
    """Say whether a run fulfils a condition."""
    match condition:
        case None:
            return True
        case All(parts):
            return all(matches(part, line) for part in parts)
        case AnyOf(parts):
            return any(matches(part, line) for part in parts)
        case Not(part):
            return not matches(part, line)
        case Missing(field):
            found = fact(line, field)
            return found is None or (field.kind == "run" and found == Fact("", None))
        case OneOf(field, values):
            return any(_holds(fact(line, field), "=", value) for value in values)
        case Compare(field, sign, value):
            return _holds(fact(line, field), sign, value)


def ordered(lines: Iterable[RunLine], order: tuple[Order, ...]) -> list[RunLine]:
    """Return the runs, which come newest first, in an order."""
    found = list(lines)
    for each in reversed(order):
        facts = {line.id: fact(line, each.field) for line in found}
        there = [line for line in found if facts[line.id] is not None]
        numbers = [line for line in there if facts[line.id].number is not None and not each.is_text]  # type: ignore[union-attr]
        texts = [line for line in there if facts[line.id].number is None or each.is_text]  # type: ignore[union-attr]
        numbers.sort(key=lambda line: facts[line.id].number or 0.0, reverse=each.is_descending)  # type: ignore[union-attr]
        texts.sort(key=lambda line: facts[line.id].text, reverse=each.is_descending)  # type: ignore[union-attr]
        found = [*numbers, *texts, *(line for line in found if facts[line.id] is None)]
    return found


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _attribute(line: RunLine, key: str) -> Fact | None:
    if key in TEXTS:
        return Fact(str(getattr(line, key)), None)
    value: float | None
    if key == "duration":
        value = line.seconds
    else:
        at = line.started_at if key == "started" else line.finished_at
        value = None if at is None else microseconds(at)
    return None if value is None else Fact(str(value), value)


def _holds(found: Fact | None, sign: str, value: float | str) -> bool:
    if found is None:
        return False
    if isinstance(value, str):
        return _text_holds(found.text, sign, value)
    if sign == "!=":
        return found.number != value
    return found.number is not None and _compared(found.number, sign, value)


def _text_holds(text: str, sign: str, value: str) -> bool:
    match sign:
        case "contains":
            return value in text
        case "like":
            return re.fullmatch(_pattern(value), text, re.DOTALL) is not None
        case "ilike":
            return re.fullmatch(_pattern(_folded(value)), _folded(text), re.DOTALL) is not None
        case _:
            return _compared(text, sign, value)


def _compared(left: float | str, sign: str, right: float | str) -> bool:
    match sign:
        case "=":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right  # type: ignore[operator]
        case "<=":
            return left <= right  # type: ignore[operator]
        case ">":
            return left > right  # type: ignore[operator]
        case _:
            return left >= right  # type: ignore[operator]


def _pattern(text: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in text)


def _folded(text: str) -> str:
    """Return the text with ASCII capitals made small: what every database agrees on."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
