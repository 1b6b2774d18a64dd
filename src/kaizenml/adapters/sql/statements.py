"""The few statements that all books are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, insert, select, update

from kaizenml.adapters.sql.codec import decoded
from kaizenml.errors import ConflictError, NotFoundError

T = TypeVar("T")

#: How many known names are looked at for the one that was meant.
MOST_NAMES = 200


def found(connection: Connection, table: Table, kind: type[T], **key: object) -> T | None:
    """Return the value under a key, if there is one."""
    body = connection.execute(select(table.c.body).where(*_where(table, key))).scalar_one_or_none()
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
    if _is_there(connection, table, key):
        name = "/".join(str(part) for part in key.values())
        raise ConflictError(
            f"There is a {what} {name} already.", "Somebody else took its place; count anew and try again.", key
        )
    connection.execute(insert(table).values(**key, **values))


def put(connection: Connection, table: Table, key: Mapping[str, object], **values: object) -> None:
    """Write a row in place of the one under its key, if there is one."""
    changed = connection.execute(update(table).where(*_where(table, key)).values(**values))
    if not changed.rowcount:
        connection.execute(insert(table).values(**key, **values))


def missing(connection: Connection, what: str, name: str, names: ColumnElement[str]) -> NotFoundError:
    """Return the error for a name nobody knows, with the closest of the known ones."""
    known = connection.execute(select(names).limit(MOST_NAMES)).scalars().all()
    return NotFoundError(what, name, known)


def numbered(name: str, sign: str) -> tuple[str, int] | None:
    """Return the two parts of ``project/3``; None for anything else."""
    head, found_sign, number = name.rpartition(sign)
    return (head, int(number)) if found_sign and number.isascii() and number.isdigit() and len(number) < 16 else None


def _is_there(connection: Connection, table: Table, key: Mapping[str, object]) -> bool:
    return connection.execute(select(1).select_from(table).where(*_where(table, key))).first() is not None


def _where(table: Table, key: Mapping[str, object]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
