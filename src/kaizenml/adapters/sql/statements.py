"""The few statements that all books are made of, in words of both databases; building them takes longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, select

from kaizenml.adapters.sql.codec import decoded
from kaizenml.adapters.sql.raw import Raw
from kaizenml.errors import ConflictError, NotFoundError

T = TypeVar("T")

#: How many known names are looked at for the one that was meant.
MOST_NAMES = 200


def found(connection: Connection, table: Table, kind: type[T], **key: object) -> T | None:
    """Return the value under a key, if there is one."""
    body = _body(table, tuple(key)).value(connection, _named(key))
    return None if body is None else decoded(body, kind)


def listed(
    connection: Connection,
    table: Table,
    kind: type[T],
    where: Iterable[ColumnElement[bool]],
    order: Iterable[ColumnElement[object]],
    limit: int | None = None,
) -> list[T]:
    """Return the values that fulfil all conditions, in this order."""
    query = select(table.c.body).where(*where).order_by(*order).limit(limit)
    return [decoded(body, kind) for body in connection.execute(query).scalars()]


def add(connection: Connection, table: Table, what: str, key: Mapping[str, object], **values: object) -> None:
    """Write a new row.

    Raises
    ------
    ConflictError
        When its key is taken.
    """
    if _one(table, tuple(key)).value(connection, _named(key)) is not None:
        name = "/".join(str(part) for part in key.values())
        raise ConflictError(
            f"There is a {what} {name} already.", "Somebody else took its place; count anew and try again.", key
        )
    write(connection, table, **key, **values)


def put(connection: Connection, table: Table, key: Mapping[str, object], **values: object) -> None:
    """Write a row in place of the one under its key, if there is one."""
    if not change(connection, table, key, **values):
        write(connection, table, **key, **values)


def write(connection: Connection, table: Table, **values: object) -> None:
    """Write a new row, whose key must be free."""
    addition(table, tuple(values))(connection, values)


def change(connection: Connection, table: Table, key: Mapping[str, object], **values: object) -> bool:
    """Write over the row under a key; say whether there is one."""
    return bool(_changed(table, tuple(key), tuple(values))(connection, {**_named(key), **values}))


def missing(
    connection: Connection, what: str, name: str, names: ColumnElement[str], *, none: str = ""
) -> NotFoundError:
    """Return the error for a name nobody knows, with the closest of the known ones, or what makes the first."""
    known = connection.execute(select(names).limit(MOST_NAMES)).scalars().all()
    return NotFoundError(what, name, known, "" if known else none)


def numbered(name: str, sign: str) -> tuple[str, int] | None:
    """Return the two parts of ``project/3``; None for anything else."""
    head, found_sign, number = name.rpartition(sign)
    return (head, int(number)) if found_sign and number.isascii() and number.isdigit() and len(number) < 16 else None


@cache
def addition(table: Table, names: tuple[str, ...]) -> Raw:
    """Return the statement that adds rows of these columns."""
    columns, values = ", ".join(f'"{name}"' for name in names), ", ".join(f":{name}" for name in names)
    return Raw(f"INSERT INTO {table.name} ({columns}) VALUES ({values})")


@cache
def _body(table: Table, key: tuple[str, ...]) -> Raw:
    return Raw(f"SELECT body FROM {table.name} WHERE {_where(key)}")


@cache
def _one(table: Table, key: tuple[str, ...]) -> Raw:
    return Raw(f"SELECT 1 FROM {table.name} WHERE {_where(key)}")


@cache
def _changed(table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> Raw:
    values = ", ".join(f'"{name}" = :{name}' for name in names)
    return Raw(f"UPDATE {table.name} SET {values} WHERE {_where(key)}")


def _where(key: Iterable[str]) -> str:
    return " AND ".join(f'"{name}" = :key_{name}' for name in key)


def _named(key: Mapping[str, object]) -> dict[str, object]:
    """Return the parts of a key by what they are called in statements: a value of the same row may share the name."""
    return {f"key_{name}": value for name, value in key.items()}
