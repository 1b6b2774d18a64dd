"""Whether a metadata database can be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from kaizenml.adapters.sql.engine import database_errors, parsed
from kaizenml.adapters.sql.online_copy import books_file, counted
from kaizenml.adapters.sql.raw import SQLITE
from kaizenml.adapters.sql.records import open_records
from kaizenml.errors import IntegrityError


def check_database(url: str) -> None:
    """Check that the database is there, whole (where its file is at hand), and of a schema that is known.

    Raises
    ------
    KaizenError
        Saying what is wrong.
    """
    if parsed(url).get_backend_name() == SQLITE:
        path = books_file(url)
        try:
            with database_errors(), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as books:
                counted(books)
        except IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise IntegrityError(f"{path} is no database any more: {error}.", "Restore it from a backup.") from error
    open_records(url).close()
