"""Which databases there are, and what they say in our own words when they fail."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from kaizenml.adapters.sql import postgresql, sqlite
from kaizenml.adapters.sql.raw import SQLITE, is_sqlite
from kaizenml.errors import KaizenError, SettingError, StateError, UnavailableError

#: PostgreSQL's word for a lock that was not given in time.
_LOCK_NOT_AVAILABLE = "55P03"
POSTGRESQL = "postgresql"
_FORMS = "Write sqlite:///path/to/kaizen.db or postgresql://USER:PASSWORD@HOST/DATABASE."


def parsed(url: str) -> URL:
    """Return the URL, when it is of a database that is supported.

    Raises
    ------
    SettingError
        Otherwise.
    """
    try:
        made = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except ArgumentError as error:
        raise SettingError("This is not a database URL.", _FORMS) from error
    kind = made.get_backend_name()
    if kind not in (SQLITE, POSTGRESQL):
        raise SettingError(f"Databases of the kind {kind!r} are not supported.", _FORMS)
    return made


def connected(url: URL) -> Engine:
    """Return an engine on a database whose schema is up to date."""
    with database_errors():
        return sqlite.connected(url) if url.get_backend_name() == SQLITE else postgresql.connected(url)


def is_in_memory(url: URL) -> bool:
    """Whether the database ends with this process."""
    return url.get_backend_name() == SQLITE and sqlite.file_of(url) is None


def turns(url: URL) -> AbstractContextManager[object]:
    """Return what lets the writers of a database in one at a time."""
    return sqlite.turns(url) if url.get_backend_name() == SQLITE else threading.Lock()


def begun(connection: Connection) -> AbstractContextManager[object]:
    """Return what begins a transaction, and ends it: durable, or as nothing after an error."""
    return sqlite.begun(connection) if is_sqlite(connection) else connection.begin()


def settle(connection: Connection) -> None:
    """Do what a write leaves to do and nobody need wait for."""
    if is_sqlite(connection):
        sqlite.settle(connection)


def mark(engine: Engine) -> tuple[int, ...]:
    """Return numbers that change when something has been written; looking is cheap."""
    return sqlite.mark(engine.url) if engine.dialect.name == SQLITE else postgresql.mark(engine)


@contextmanager
def database_errors() -> Iterator[None]:
    """Say in our own words what the database could not do."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> KaizenError:
    cause = getattr(error, "orig", None) or error
    said = " ".join(str(cause).split())
    if "readonly database" in said or "read-only transaction" in said:
        return StateError("The books are open to read, so nothing can be written.", "Open them with `writing()`.")
    if getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return UnavailableError("Another writer has held the metadata for too long.", "Try again in a moment.")
    if isinstance(error, OperationalError) and type(cause).__module__.startswith("psycopg"):
        return UnavailableError(f"The metadata database cannot be reached: {said}.", "Start it, or mend the setting.")
    return KaizenError(f"The metadata database failed: {said}.", "Check its disk: space, permissions, health.")
