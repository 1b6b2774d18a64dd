"""Columns that may hold personal data: told from what the cells are, and from what the column is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import Flaw, FlawKind
from kaizenml.data.repair import as_text

#: A column is of a kind when at least this share of its values is; a tenth of random digits pass Luhn's check.
ENOUGH = 0.8

#: Free text holds personal data when at least this share of its values contains some.
SOME = 0.005

_MOST = 5_000
_EMAIL = re.compile(r"[\w.%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_PHONE = re.compile(r"(?:\+|00|\()?[0-9][0-9 ().\-/]{5,18}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.\-]*(?:[ ,'’.\-]+[^\W\d_]+\.?){0,4}")
_CALLED_PHONE = re.compile(r"phone|mobile|telefon|(?:^|_)(?:tel|cell|fax|msisdn)(?:_|$)", re.IGNORECASE)
_CALLED_NAME = re.compile(
    r"(?:first|last|full|given|family|middle|maiden|sur|fore|nick)_?name"
    r"|(?:customer|client|patient|person|employee|user|contact|holder|owner|guest|passenger|student)_?name",
    re.IGNORECASE,
)
_CALLED_ID = re.compile(
    r"(?:^|_)(?:ssn|nin|cpf|dni|nif|nhs|pesel)(?:_|$)|social_?security|passport|national_?id|tax_?id|driver_?s?_?licen[cs]e",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PersonalKind:
    """What a value can be: how people call it, and how it is told."""

    says: str
    is_one: Callable[[str], bool]


def is_email(text: str) -> bool:
    """Say whether the whole text is an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_card(text: str) -> bool:
    """Say whether the text is the number of a payment card: 13 to 19 digits with Luhn's check digit.

    Notes
    -----
    **Source**: ISO/IEC 7812-1, annex B; H. P. Luhn, US patent 2,950,048 (1960). Cards begin with 2 to 6.
    """
    digits = re.sub("[ -]", "", text)
    if not re.fullmatch("[2-6][0-9]{12,18}", digits):
        return False
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Say whether the text is an international bank account number: its remainder by 97 is 1.

    Notes
    -----
    **Source**: ISO 13616-1, with the check digits of ISO/IEC 7064 (MOD 97-10).
    """
    compact = re.sub("[ -]", "", text).upper()
    if not _IBAN.fullmatch(compact):
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def is_phone(text: str) -> bool:
    """Say whether the text may be a telephone number: 7 to 15 digits, as E.164 allows, and marks between them."""
    return _PHONE.fullmatch(text) is not None and 7 <= sum(map(str.isdigit, text)) <= 15


def _is_marked_phone(text: str) -> bool:
    return is_phone(text) and text.lstrip()[0] in "+(" and not is_card(text)


_KINDS = (
    PersonalKind("e-mail addresses", is_email),
    PersonalKind("account numbers (IBAN)", is_iban),
    PersonalKind("numbers of payment cards", is_card),
    PersonalKind("telephone numbers", _is_marked_phone),
)
_READABLE = frozenset({ColumnKind.TIME, ColumnKind.BOOLEAN, ColumnKind.NUMBER})


def personal_flaws(raw: pl.DataFrame, plan: CleaningPlan) -> tuple[Flaw, ...]:
    """Return the columns that may hold personal data; suspects, not proofs.

    At most 5,000 distinct values of a column are looked at.
    """
    found = [(column.name, _what(raw[column.name], column)) for column in plan.columns if column.kind not in _READABLE]
    return tuple(_flaw(name, *what) for name, what in found if what is not None)


def _what(cells: pl.Series, plan: ColumnPlan) -> tuple[str, float, int] | None:
    text = cells.to_frame().select(as_text(cells.name, cells.dtype))[cells.name].drop_nulls()
    values = [value.strip() for value in text.unique(maintain_order=True).head(_MOST).to_list() if value.strip()]
    if not values:
        return None
    for kind in _KINDS:
        share = sum(map(kind.is_one, values)) / len(values)
        if share >= ENOUGH:
            return kind.says, share, len(text)
    return _by_name(values, plan.name, len(text)) or _inside(values, len(text))


def _by_name(values: list[str], name: str, rows: int) -> tuple[str, float, int] | None:
    checks: tuple[tuple[re.Pattern[str], str, Callable[[str], bool]], ...] = (
        (_CALLED_PHONE, "telephone numbers", is_phone),
        (_CALLED_NAME, "names of people", lambda value: _NAME.fullmatch(value) is not None),
        (_CALLED_ID, "numbers that name a person", lambda value: any(map(str.isdigit, value))),
    )
    snake = re.sub("(?<=[a-z])(?=[A-Z])|[ .-]+", "_", name)
    for called, says, is_one in checks:
        share = sum(map(is_one, values)) / len(values)
        if called.search(snake) and share >= ENOUGH:
            return says, share, rows
    return None


def _inside(values: list[str], rows: int) -> tuple[str, float, int] | None:
    share = sum(_EMAIL.search(value) is not None for value in values) / len(values)
    return ("texts with e-mail addresses in them", share, rows) if share >= SOME else None


def _flaw(name: str, says: str, share: float, rows: int) -> Flaw:
    return Flaw(
        FlawKind.PERSONAL,
        name,
        f"{name} looks like {says}: {share:.0%} of its values",
        f'Leave it out, ignore=("{name}",) in project.py, unless you may use it and the model needs it.',
        round(share * rows),
        share,
    )
