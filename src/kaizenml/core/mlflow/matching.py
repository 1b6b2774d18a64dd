"""What comparisons and orders mean for things at hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from kaizenml.core.mlflow.filter import Comparison, Sorting

T = TypeVar("T")


def holds(asked: Comparison, value: float | str | None) -> bool:
    """Say whether a comparison holds for a value; None is a thing that is not there."""
    if asked.sign in ("IS NULL", "IS NOT NULL"):
        return (value is None) == (asked.sign == "IS NULL")
    if value is None:
        return False
    if isinstance(asked.value, tuple):
        return (value in asked.value) == (asked.sign == "IN")
    if isinstance(value, str):
        return _text_holds(asked.sign, value, str(asked.value))
    if asked.value is None or isinstance(asked.value, str):
        return False
    return _number_holds(asked.sign, value, asked.value)


def sorted_by(things: Iterable[T], by: Sorting, value: Callable[[T], float | str | None]) -> list[T]:
    """Return the things in an order; those without a value come last either way, NaN just before them."""
    listed = list(things)
    values = {id(each): value(each) for each in listed}
    none = [each for each in listed if values[id(each)] is None]
    nan = [each for each in listed if isinstance(found := values[id(each)], float) and math.isnan(found)]
    lost = {id(each) for each in (*none, *nan)}
    rest = [each for each in listed if id(each) not in lost]
    rest.sort(key=lambda each: values[id(each)], reverse=not by.is_ascending)  # type: ignore[arg-type,return-value]
    return [*rest, *nan, *none]


def _text_holds(sign: str, text: str, value: str) -> bool:
    match sign:
        case "=":
            return text == value
        case "!=":
            return text != value
        case "LIKE":
            return re.fullmatch(_pattern(value), text, re.DOTALL) is not None
        case "ILIKE":
            return re.fullmatch(_pattern(value), text, re.DOTALL | re.IGNORECASE) is not None
        case _:
            return False


def _number_holds(sign: str, number: float, value: float) -> bool:
    if math.isnan(number):
        return sign == "!="
    return {
        "=": number == value, "!=": number != value, "<": number < value, "<=": number <= value,
        ">": number > value, ">=": number >= value,
    }[sign]  # fmt: skip


def _pattern(text: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in text)
