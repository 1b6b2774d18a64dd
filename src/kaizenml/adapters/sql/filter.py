"""Questions about runs as SQL: the database answers what `core.query.matches` and `ordered` would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, false, func, literal, not_, or_

from kaizenml.adapters.sql.tables import RUN_FACTS, RUN_TEXTS, RUNS
from kaizenml.core.query import TEXTS, All, AnyOf, Compare, Condition, Field, Missing, Not, OneOf, Order

Column = ColumnElement[Any]
_COLUMNS = {attribute: column for column, attribute in RUN_TEXTS.items()}
_TIMES = {
    "started": RUNS.c.started_at,
    "finished": RUNS.c.finished_at,
    "duration": case(
        (RUNS.c.finished_at < RUNS.c.started_at, literal(0.0)),
        else_=(RUNS.c.finished_at - RUNS.c.started_at) / literal(1_000_000.0),
    ),
}


def condition_of(condition: Condition, dialect: str) -> Column:
    """Return the condition on `RUNS`; it is true or false, never null."""
    match condition:
        case All(parts):
            return and_(*(condition_of(part, dialect) for part in parts))
        case AnyOf(parts):
            return or_(*(condition_of(part, dialect) for part in parts))
        case Not(part):
            return not_(condition_of(part, dialect))
        case Missing(field):
            return _missing(field)
        case OneOf(field, values):
            return or_(false(), *(_compared(field, "=", value, dialect) for value in values))
        case Compare(field, sign, value):
            return _compared(field, sign, value, dialect)


def sorting(order: Sequence[Order], dialect: str) -> tuple[FromClause, list[Column]]:
    """Return the runs, joined with what they are sorted by, and the order itself."""
    table: FromClause = RUNS
    columns: list[Column] = []
    for number, each in enumerate(order):
        if each.field.kind == "run":
            column = _attribute(each.field.key)
            if each.field.key in TEXTS:
                columns.append(_turned(bytewise(column, dialect), each))
            else:
                columns += [column.is_(None), _turned(column, each)]
            continue
        facts = RUN_FACTS.alias(f"order_{number}")
        table = table.outerjoin(facts, and_(facts.c.run == RUNS.c.id, *_named(facts, each.field)))
        if each.is_text:
            columns += [facts.c.run.is_(None), _turned(bytewise(facts.c.text, dialect), each)]
            continue
        is_text = facts.c.number.is_(None)
        columns += [facts.c.run.is_(None), is_text, _turned(facts.c.number, each)]
        columns.append(_turned(case((is_text, bytewise(facts.c.text, dialect))), each))
    return table, columns


def _compared(field: Field, sign: str, value: float | str, dialect: str) -> Column:
    if field.kind == "run":
        column = _attribute(field.key)
        if isinstance(value, str):
            return text_compared(column, sign, value, dialect)
        return and_(column.is_not(None), number_compared(column, sign, value))
    holds = (
        text_compared(RUN_FACTS.c.text, sign, value, dialect)
        if isinstance(value, str)
        else number_compared(RUN_FACTS.c.number, sign, value)
    )
    return exists().where(RUN_FACTS.c.run == RUNS.c.id, *_named(RUN_FACTS, field), holds)


def number_compared(column: Column, sign: str, value: float) -> Column:
    """Return whether the number in a column compares so with a value; none at all differs from every value."""
    if sign == "!=":
        return or_(column.is_(None), column != value)
    return and_(column.is_not(None), _signed(column, sign, value))


def text_compared(column: Column, sign: str, value: str, dialect: str) -> Column:
    """Return whether the text in a column compares so with a value."""
    is_sqlite = dialect == "sqlite"
    match sign:
        case "contains":
            return (func.instr(column, value) if is_sqlite else func.strpos(column, value)) > 0
        case "like":  # SQLite's LIKE makes no difference between A and a, its GLOB does
            return column.op("GLOB", is_comparison=True)(_glob(value)) if is_sqlite else column.like(_escaped(value))
        case "ilike":
            lower = func.lower(column) if is_sqlite else func.lower(column.collate("C"))
            folded = "".join(letter.lower() if letter.isascii() else letter for letter in value)
            return lower.op("GLOB", is_comparison=True)(_glob(folded)) if is_sqlite else lower.like(_escaped(folded))
        case _:
            return _signed(bytewise(column, dialect), sign, value)


def _signed(column: Column, sign: str, value: float | str) -> Column:
    return column.op(sign, is_comparison=True)(value)


def _missing(field: Field) -> Column:
    if field.kind == "run":
        column = _attribute(field.key)
        return column == "" if field.key in TEXTS else column.is_(None)
    return not_(exists().where(RUN_FACTS.c.run == RUNS.c.id, *_named(RUN_FACTS, field)))


def _named(facts: Any, field: Field) -> list[Column]:
    return [facts.c.kind == field.kind, facts.c.key == field.key]


def _attribute(key: str) -> Column:
    return _TIMES[key] if key in _TIMES else RUNS.c[_COLUMNS.get(key, key)]


def _turned(column: Column, order: Order) -> Column:
    return column.desc() if order.is_descending else column.asc()


def bytewise(column: Column, dialect: str) -> Column:
    """Return the text so that it compares letter by letter, as SQLite and Python do, not as a language sorts."""
    return column if dialect == "sqlite" else column.collate("C")


def _glob(pattern: str) -> str:
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(signs.get(letter, letter) for letter in pattern)


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")
