"""Connections to SQLite whose transactions are ours: nobody ever waits in vain, and what is committed is durable."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from kaizenml.adapters.sql.migrate import upgrade
from kaizenml.errors import KaizenError, SettingError, StateError

BUSY_TIMEOUT_MS = 30_000


def parsed(url: str) -> URL:
    """Return the URL, when it is of an engine that is supported.

    Raises
    ------
    SettingError
        Otherwise.
    """
    try:
        made = make_url(url)
    except ArgumentError as error:
        raise SettingError(f"{url!r} is not a database URL.", "Write sqlite:///path/to/kaizen.db.") from error
    if made.get_backend_name() != "sqlite":
        raise SettingError(
            f"Databases of the kind {made.get_backend_name()!r} are not supported yet.",
            "Write sqlite:///path/to/kaizen.db.",
        )
    return made


def file_of(url: URL) -> Path | None:
    """Return the database's file; None when it is in memory."""
    return None if url.database in (None, "", ":memory:") else Path(str(url.database))


@contextmanager
def database_errors() -> Iterator[None]:
    """Say in our own words what the database could not do."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise _translated(str(getattr(error, "orig", error))) from error


def connected(url: URL) -> Engine:
    """Return an engine on a database whose schema is up to date."""
    with database_errors():
        return _connected(url)


def _connected(url: URL) -> Engine:
    file = file_of(url)
    engine = _engine(url, in_memory=file is None)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    if file is None:
        _migrate(engine, str(url))
        return engine
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file.with_name(file.name + ".lock")):
        _use_wal(engine)
        _migrate(engine, str(file))
    return engine


def _translated(said: str) -> KaizenError:
    if "readonly database" in said:
        return StateError("The books are open to read, so nothing can be written.", "Open them with `writing()`.")
    return KaizenError(f"The metadata database failed: {said}.", "Check its disk: space, permissions, health.")


def _engine(url: URL, *, in_memory: bool) -> Engine:
    shared: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if in_memory:
        return create_engine(url, poolclass=StaticPool, **shared)
    return create_engine(url, poolclass=QueuePool, pool_size=4, max_overflow=-1, **shared)


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 must not begin or commit anything by itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    # A transaction that begins as a reader and then writes fails with "locked" as soon as somebody else has written.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


def _migrate(engine: Engine, name: str) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        upgrade(connection, name)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process at a time through; the lock goes with the process that holds it."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
