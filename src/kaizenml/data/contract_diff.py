"""What changed between two contracts, line by line, and which of it lets more rows through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kaizenml.core.contract import GRADED, ColumnRule, Contract, Severity, age_text, loosened

_MOST_WORDS = 5

#: Each line of a column's rule as it is written in the contract's page, and its field.
_LINES = {
    "kind": "kind",
    "required": "is_required",
    "nullable": "is_nullable",
    "low": "low",
    "high": "high",
    "categories": "categories",
    "max_null_share": "max_null_share",
    "min_length": "min_length",
    "max_length": "max_length",
    "max_age": "max_age_seconds",
    "monotone": "is_monotone",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a contract that is not what it was.

    Parameters
    ----------
    column
        Empty for what is asked of the table.
    line
        The key in the contract's page.
    was, now
        As a person would write them; empty where there was, or is, no such line.
    is_looser
        Rows may pass now that did not before.
    """

    column: str
    line: str
    was: str
    now: str
    is_looser: bool


def differences(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Return what changed, in the order of the columns; nothing for equal contracts.

    A change is looser exactly where `core.contract.loosened` says that its rule is.
    """
    return (*_of_table(old, new), *(change for name in _names(old, new) for change in _of(name, old, new)))


def _names(old: Contract, new: Contract) -> list[str]:
    return list(dict.fromkeys((*old.names, *new.names)))


def _of_table(old: Contract, new: Contract) -> Iterator[Change]:
    if old.unique != new.unique:
        yield Change("", "unique", old.unique or "", new.unique or "", old.unique is not None)
    if old.min_rows != new.min_rows:
        yield Change("", "min_rows", str(old.min_rows), str(new.min_rows), new.min_rows < old.min_rows)
    if old.max_rows != new.max_rows:
        is_looser = old.max_rows is not None and (new.max_rows is None or new.max_rows > old.max_rows)
        yield Change("", "max_rows", _said(old.max_rows), _said(new.max_rows), is_looser)


def _of(name: str, old: Contract, new: Contract) -> Iterator[Change]:
    if name not in new.names:
        yield Change(name, "column", str(old[name].kind), "", is_looser=True)
    elif name not in old.names:
        yield Change(name, "column", "", str(new[name].kind), is_looser=False)
    else:
        yield from _of_column(old[name], new[name])


def _of_column(was: ColumnRule, now: ColumnRule) -> Iterator[Change]:
    for line, field in _LINES.items():
        before, after = getattr(was, field), getattr(now, field)
        if before != after:
            shown = (_aged(before), _aged(after)) if line == "max_age" else _shown(before, after)
            yield Change(was.column, line, *shown, _is_looser(was, now, field))
    if _hard(was) != _hard(now):
        gone = set(_hard(was)) - set(_hard(now))
        yield Change(was.column, "hard", _list(_hard(was)), _list(_hard(now)), is_looser=bool(gone))


def _is_looser(was: ColumnRule, now: ColumnRule, field: str) -> bool:
    """Say whether this line alone, changed in the old rule, lets more rows through."""
    alone = replace(was, **{field: getattr(now, field)})
    return bool(loosened(Contract((was,)), Contract((alone,))))


def _hard(rule: ColumnRule) -> list[str]:
    return [str(name) for name in GRADED if getattr(rule, f"on_{name}") is Severity.HARD]


def _shown(before: object, after: object) -> tuple[str, str]:
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        return _also(before - after), _also(after - before)
    return _said(before), _said(after)


def _aged(seconds: float | None) -> str:
    return "" if seconds is None else age_text(seconds)


def _also(words: frozenset[str]) -> str:
    return f"also {_list(sorted(words))}" if words else ""


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, frozenset):
        return _list(sorted(value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _list(words: list[str]) -> str:
    shown = ", ".join(words[:_MOST_WORDS])
    return f"{shown} and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else shown
