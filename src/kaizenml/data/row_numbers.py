"""Numbers in a single cell, as `numbers` reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite

from kaizenml.core.plan import NumberStyle
from kaizenml.data.numbers import EXACT, PERCENT, number_pattern
from kaizenml.data.row_texts import Unsure, is_safe

#: Numbers that every parser reads alike; 18 digits fit 64 bits.
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_PARENTHESES = re.compile(r"\((.*)\)")


def number_reader(style: NumberStyle, is_integer: bool) -> Callable[[str], float | int]:
    """Return the function from a folded text to its number; it raises `Unsure` for all but clear ones."""
    number = _plain if style.is_plain else _styled(style)
    if not is_integer:
        return number
    is_plain = style.is_plain

    def read(text: str) -> int:
        return int(text) if is_plain and _INTEGER.fullmatch(text) else _whole(number(text))

    return read


def _plain(text: str) -> float:
    if _PLAIN.fullmatch(text) is None:
        raise Unsure
    number = float(text)
    if not isfinite(number):
        raise Unsure
    return number


def _whole(number: float) -> int:
    if not number.is_integer() or abs(number) > EXACT:
        raise Unsure
    return int(number)


def _styled(style: NumberStyle) -> Callable[[str], float]:
    if not all(map(is_safe, (style.decimal, style.thousands, *style.prefixes, *style.suffixes))):
        return _never
    pattern = re.compile(number_pattern(style))

    def read(text: str) -> float:
        bare = text
        if style.has_parentheses and (inner := _PARENTHESES.fullmatch(text)):
            bare = f"-{inner[1]}"
        match = pattern.fullmatch(bare)
        if match is None:
            raise Unsure
        digits = match[1] + match[2] + match[3]
        if style.thousands:
            digits = digits.replace(style.thousands, "")
        if style.decimal != ".":
            digits = digits.replace(style.decimal, ".", 1)
        number = _plain(digits)
        return number * PERCENT if style.is_percent and "%" in text else number

    return read


def _never(_: str) -> float:
    raise Unsure
