"""A copy of SQLite books while others write to them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from kaizenml.adapters.durable import synced
from kaizenml.adapters.sql.engine import database_errors, parsed
from kaizenml.adapters.sql.raw import SQLITE
from kaizenml.adapters.sql.sqlite import BUSY_TIMEOUT_MS, file_of
from kaizenml.errors import IntegrityError, NotFoundError, StateError


def books_file(url: str) -> Path:
    """Return the file of SQLite books.

    Raises
    ------
    StateError
        For books in PostgreSQL, or in memory.
    NotFoundError
        When there is no such file.
    """
    checked = parsed(url)
    if checked.get_backend_name() != SQLITE:
        raise StateError(
            "The metadata are in PostgreSQL, which this cannot back up.",
            "Use pg_dump for them, or copy them with `kaizen migrate --to sqlite:///PATH` and back up from there.",
        )
    path = file_of(checked)
    if path is None:
        raise StateError("The metadata are in memory, so there is nothing to back up.", "Set `database` to a file.")
    if not path.is_file():
        raise NotFoundError("database", str(path), hint="Nothing was ever remembered here.")
    return path


def copy_online(source: Path, target: Path) -> dict[str, int]:
    """Copy the books as they are at one instant, durably and into one file; return how many rows each table has.

    Nobody waits. All pages are copied in one step, because SQLite begins again with a copy that is made in several
    whenever another process has written between two of them: beside a busy writer it would never end.

    Raises
    ------
    IntegrityError
        When the copy is not a sound database; the source is damaged then.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with database_errors(), closing(_opened(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # else the file alone would not be the whole database
        rows = counted(new)
    synced(target)
    return rows


def counted(books: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has, of a database that is sound.

    Raises
    ------
    IntegrityError
        Naming the first thing that is wrong.
    """
    found = books.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise IntegrityError(f"The metadata database is damaged: {found}.", "Restore it from an older backup.")
    names = books.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name: books.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in sorted(names)}


def _opened(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_MS / 1000)
    opened.execute("PRAGMA query_only = ON")
    return opened
