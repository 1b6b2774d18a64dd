"""All metadata from one database to another, row for row, and proof that they arrived."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from kaizenml.adapters.sql.engine import database_errors
from kaizenml.adapters.sql.records import SqlRecords
from kaizenml.adapters.sql.tables import METADATA
from kaizenml.errors import IntegrityError, StateError

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Copied:
    """What arrived of a table: how many rows, and the digest of all their cells in the order of their keys."""

    rows: int
    digest: str


def copy(source: SqlRecords, target: SqlRecords, told: Callable[[str, int], None]) -> dict[str, Copied]:
    """Copy every row, in one transaction of the target, while nobody else writes to the source.

    Parameters
    ----------
    told
        Called with each table's name and its number of rows once they are there.

    Raises
    ------
    StateError
        When something is in the target already.
    IntegrityError
        When a table of the target is not what the source's is; nothing is left there then.
    """
    with database_errors(), source.exclusively() as old, target.exclusively() as new:
        tables = METADATA.sorted_tables
        taken = [table.name for table in tables if new.execute(select(func.count()).select_from(table)).scalar()]
        if taken:
            raise StateError(f"The database is not empty: {taken[0]} has rows.", "Name an empty one.")
        found = {}
        for table in tables:
            for rows in _parts(old, table):
                new.execute(insert(table), rows)
            before, after = counted(old, table), counted(new, table)
            if before != after:
                raise IntegrityError(
                    f"{table.name} arrived as {after.rows:,} rows ({after.digest[:12]}), not as the {before.rows:,} "
                    f"({before.digest[:12]}) that were sent.",
                    "Nothing was kept. Report this, with the versions of both databases.",
                )
            _go_on_counting(new, table)
            found[table.name] = after
            told(table.name, after.rows)
        return found


def _parts(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
    while part := rows.fetchmany(_AT_ONCE):
        yield [dict(row) for row in part]


def counted(connection: Connection, table: Table) -> Copied:
    """Return how many rows a table has, and the digest of all their cells in the order of their keys."""
    digest, count = hashlib.sha256(), 0
    for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
        digest.update(b"".join(map(_cell, row)))
        count += 1
    return Copied(count, digest.hexdigest())


def _cell(value: object) -> bytes:
    """Return a cell so that no two different rows are the same bytes, whichever database it comes from."""
    if isinstance(value, float):
        content = b"f" + struct.pack("<d", value)
    elif isinstance(value, bytes | memoryview):
        content = b"b" + bytes(value)
    elif isinstance(value, str):
        content = b"s" + value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()
    else:
        content = b"o" + repr(value).encode()
    return struct.pack("<q", len(content)) + content


def _go_on_counting(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number the next row behind those that were brought with their numbers."""
    if connection.dialect.name == "postgresql" and "seq" in table.c:
        last = func.coalesce(func.max(table.c.seq), 0) + 1
        sequence = func.pg_get_serial_sequence(table.name, "seq")
        connection.execute(select(func.setval(sequence, select(last).scalar_subquery(), text("false"))))
