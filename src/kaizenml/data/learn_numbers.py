"""Find out how a column writes its numbers, from its distinct texts and how often each occurs."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from kaizenml.core.plan import NumberStyle
from kaizenml.core.schema import ColumnKind
from kaizenml.data.numbers import digit_pattern, parsed_number

#: A column takes a kind when at least this share of its values can be read as that kind.
ENOUGH = 0.98

_CURRENCIES = (
    ("$", "US$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", "JPY"), ("₹", "INR"), ("CHF",), ("CNY",), ("SEK",),
    ("NOK",), ("DKK",), ("AUD",), ("CAD",),
)  # fmt: skip
_MARKS = ((".", ""), (".", ","), (",", "."), (",", ""), (".", " "), (",", " "), (".", "'"), (",", "'"))
_UNIT = re.compile(r"^[A-Za-zµμ°²³/·]{1,8}$")
_LIKE_A_NUMBER = r"^[^0-9]{0,8}[0-9](?:[0-9.,' ]*[0-9.])?(?:[eE][+-]?[0-9]+)?[^0-9]{0,10}$"
_SUFFIX = r"[0-9][.,]? ?([^0-9.,()]*)\)?$"
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class LearnedNumbers:
    """How a column writes its numbers, whether all are whole, and why."""

    style: NumberStyle
    kind: ColumnKind
    note: str = ""


def learn_numbers(values: pl.DataFrame) -> LearnedNumbers | str | None:
    """Return how numbers are written, a sentence why near-numbers are none, or None for texts that are no numbers.

    Parameters
    ----------
    values
        Columns ``value`` (folded text, no nulls, distinct) and ``count`` (rows).
    """
    if share(values, pl.col("value").str.contains(_LIKE_A_NUMBER)) < ENOUGH:
        return None
    if _are_codes(values):
        return "digits with leading zeros: a code, not a number"
    style, note = NumberStyle(), ""
    if share(values, _reads(style)) < 1:
        style, note = _style_of(values)
    if share(values, _reads(style)) < ENOUGH:
        return note or None
    if _are_too_long(values):
        return "digits too long for a number: an identifier"
    return LearnedNumbers(style, _kind_of(values, style), note)


def share(values: pl.DataFrame, is_so: pl.Expr) -> float:
    """Return the share of rows, in [0, 1], for which the expression over ``value`` is true."""
    part, whole = values.select(pl.col("count").filter(is_so).sum().alias("part"), pl.col("count").sum()).row(0)
    return float(part) / float(whole) if whole else 0.0


def _reads(style: NumberStyle) -> pl.Expr:
    return parsed_number(pl.col("value"), style).is_not_null()


def _are_codes(values: pl.DataFrame) -> bool:
    text = pl.col("value")
    zeros = share(values, text.str.contains(r"^0[0-9]{2,}$"))
    if zeros == 0:
        return False
    digits = values.filter(text.str.contains("^[0-9]+$"))["value"].str.len_chars()
    return digits.min() == digits.max() or zeros >= 1 - ENOUGH


def _are_too_long(values: pl.DataFrame) -> bool:
    return share(values, pl.col("value").str.contains("^[0-9]{19,}$")) > 1 - ENOUGH


def _kind_of(values: pl.DataFrame, style: NumberStyle) -> ColumnKind:
    if style.prefixes or style.suffixes or style.is_percent:
        return ColumnKind.NUMBER
    digits = pl.col("value").str.strip_chars("()+- ")
    digits = digits.str.replace_all(style.thousands, "", literal=True) if style.thousands else digits
    is_whole = digits.str.contains("^[0-9]+$")
    return ColumnKind.INTEGER if values.filter(_reads(style)).select(is_whole.all()).item() else ColumnKind.NUMBER


def _style_of(values: pl.DataFrame) -> tuple[NumberStyle, str]:
    sample = values.head(_SAMPLE)
    currency, mixed = _currency_of(sample)
    unit = _unit_of(sample, currency)
    percent = share(sample, pl.col("value").str.contains("%", literal=True))
    if mixed or 1 - ENOUGH < percent < ENOUGH:
        return NumberStyle(), mixed or f"{percent:.0%} of the values are marked per cent, the others are not"
    style = NumberStyle(
        prefixes=currency,
        suffixes=currency + unit,
        is_percent=percent >= ENOUGH,
        has_parentheses=share(sample, pl.col("value").str.contains(r"^\(.*\)$")) > 0,
    )
    return _with_marks(sample, style)


def _with_marks(sample: pl.DataFrame, style: NumberStyle) -> tuple[NumberStyle, str]:
    scores = {}
    for decimal, thousands in _MARKS:
        candidate = NumberStyle(
            decimal, thousands, style.prefixes, style.suffixes, style.is_percent, style.has_parentheses
        )
        scores[candidate] = share(sample, _reads(candidate))
    best = max(scores, key=lambda candidate: scores[candidate])
    return best, _described(
        best, [other for other in scores if other != best and scores[other] == scores[best]], sample
    )


def _described(style: NumberStyle, rivals: list[NumberStyle], sample: pl.DataFrame) -> str:
    parts = []
    if style.prefixes or style.suffixes:
        seen = dict.fromkeys((*style.prefixes, *style.suffixes))
        parts.append(f"stripped: {', '.join(seen)}")
    if style.is_percent:
        parts.append("per cent became fractions")
    if style.has_parentheses:
        parts.append("parentheses mean negative")
    if style.thousands or style.decimal != ".":
        parts.append(f"decimal mark {style.decimal!r}, thousands mark {style.thousands!r}")
    grouped = sample.select(
        pl.col("value").str.contains(digit_pattern(".", ",") if style.thousands == "," else "a^").any()
    )
    if grouped.item() and any(rival.decimal == style.thousands != "" for rival in rivals):
        parts.append(f"ambiguous: {style.thousands!r} could be the decimal mark")
    return "; ".join(parts)


def _currency_of(sample: pl.DataFrame) -> tuple[tuple[str, ...], str]:
    seen = {group: share(sample, _has_currency(group)) for group in _CURRENCIES}
    frequent = sorted((group for group in seen if seen[group] > 1 - ENOUGH), key=lambda group: -seen[group])
    if len(frequent) > 1:
        return (), f"amounts in {frequent[0][0]} and in {frequent[1][0]} cannot be compared; convert them first"
    found = frequent or sorted((group for group in seen if seen[group] > 0), key=lambda group: -seen[group])
    return (found[0] if found else ()), ""


def _has_currency(group: tuple[str, ...]) -> pl.Expr:
    words = "|".join(re.escape(word) for word in group)
    return pl.col("value").str.contains(rf"(?i)^\(?[+-]? ?(?:{words}) ?[+-]?[.,]?[0-9]|[0-9][.,]? ?(?:{words})\)?$")


def _unit_of(sample: pl.DataFrame, currency: tuple[str, ...]) -> tuple[str, ...]:
    suffixes = sample.select(pl.col("value").str.extract(_SUFFIX, 1).str.strip_chars(" ").alias("unit"), "count")
    counts = (
        suffixes.filter(pl.col("unit") != "")
        .group_by("unit")
        .agg(pl.col("count").sum())
        .sort("count", "unit", descending=[True, False])
    )
    units = [unit for unit in counts["unit"].to_list() if _UNIT.match(unit) and unit.upper() not in currency]
    if not units:
        return ()
    part = int(counts.filter(pl.col("unit") == units[0])["count"].sum())
    return (units[0],) if part / int(sample["count"].sum()) >= 0.5 else ()
