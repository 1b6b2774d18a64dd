"""Numbers as people write them: currencies, units, per cent, grouped thousands, either decimal mark."""

from __future__ import annotations

import re

import polars as pl

from kaizenml.core.plan import NumberStyle

#: Integers beyond this do not fit a float without loss.
EXACT = 2**53

#: A factor, because Polars divides many rows by multiplying, and one row by dividing: the last bit would depend on it.
PERCENT = 0.01


def parsed_number(text: pl.Expr, style: NumberStyle) -> pl.Expr:
    """Return the finite numbers that folded texts of this style say, null where they say none."""
    number = text.cast(pl.Float64, strict=False) if style.is_plain else _parsed_styled(text, style)
    return pl.when(number.is_finite()).then(number)


def parsed_integer(text: pl.Expr, style: NumberStyle) -> pl.Expr:
    """Return the whole numbers that folded texts of this style say (``5``, ``5.0``, ``5e3``), null elsewhere."""
    whole = whole_numbers(parsed_number(text, style))
    return pl.coalesce(text.cast(pl.Int64, strict=False), whole) if style.is_plain else whole


def whole_numbers(number: pl.Expr) -> pl.Expr:
    """Return floats as integers, null where they are not whole or not exact."""
    is_whole = (number == number.floor()) & (number.abs() <= EXACT)
    return pl.when(is_whole).then(number).cast(pl.Int64, strict=False)


def _parsed_styled(text: pl.Expr, style: NumberStyle) -> pl.Expr:
    pattern = number_pattern(style)
    bare = text.str.replace(r"^\((.*)\)$", "-${1}") if style.has_parentheses else text
    digits = bare.str.replace(pattern, "${1}${2}${3}")
    if style.thousands:
        digits = digits.str.replace_all(style.thousands, "", literal=True)
    if style.decimal != ".":
        digits = digits.str.replace(style.decimal, ".", literal=True)
    number = pl.when(bare.str.contains(pattern)).then(digits).cast(pl.Float64, strict=False)
    return (
        pl.when(text.str.contains("%", literal=True)).then(number * PERCENT).otherwise(number)
        if style.is_percent
        else number
    )


def number_pattern(style: NumberStyle) -> str:
    """Return the regular expression of a whole cell; its groups are sign, sign behind the prefix, digits."""
    prefix = _optional(style.prefixes)
    suffix = _optional((*style.suffixes, *(("%",) if style.is_percent else ())))
    return rf"^([+-]?) ?{prefix} ?([+-]?)({digit_pattern(style.decimal, style.thousands)}) ?{suffix}$"


def digit_pattern(decimal: str, thousands: str) -> str:
    """Return the regular expression of the digits with these marks; groups of thousands must be whole."""
    mark, group = re.escape(decimal), re.escape(thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if thousands else "[0-9]+"
    return rf"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _optional(words: tuple[str, ...]) -> str:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return f"(?i:{'|'.join(re.escape(word) for word in longest_first)})?" if words else ""


def in_style(value: float, style: NumberStyle) -> str:
    """Return a number as a column of this style would have it written, so that both are read alike."""
    text = repr(value)
    return text if style.decimal == "." else text.replace(".", style.decimal)
