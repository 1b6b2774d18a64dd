"""Connections to SQLite whose transactions are ours: nobody ever waits in vain, and what is committed is durable."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from kaizenml.adapters.sql.migrate import migrated
from kaizenml.adapters.sql.raw import driver_of
from kaizenml.adapters.sql.turns import Turns

BUSY_TIMEOUT_MS = 30_000
#: After so many writes of a connection its process brings the log into the file, beside the next writers: it takes
#: milliseconds. Where none lives so long, whoever makes the log this long does it while he writes.
_WRITES, _MOST_PAGES = 100, 4_000


def file_of(url: URL) -> Path | None:
    """Return the database's file; None when it is in memory."""
    return None if url.database in (None, "", ":memory:") else Path(str(url.database))


def connected(url: URL) -> Engine:
    """Return an engine on a database whose schema is up to date."""
    file = file_of(url)
    engine = _engine(url, in_memory=file is None)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    if file is None:
        return migrated(engine, str(url))
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file.with_name(file.name + ".lock")):
        _use_wal(engine)
        return migrated(engine, str(file))


def turns(url: URL) -> AbstractContextManager[object]:
    """Return what lets the writers of a file in one at a time, those of other processes too."""
    file = file_of(url)
    return Turns(file.with_name(file.name + ".turn")) if file else nullcontext()


@contextmanager
def begun(connection: Connection) -> Iterator[None]:
    """Have a transaction begin and end, with nothing before and behind it while others wait."""
    driver = driver_of(connection)
    _begin(connection)
    try:
        yield
        driver.commit()
    except BaseException:
        driver.rollback()  # within the turn: what could not be committed would keep the next one out
        raise


def settle(connection: Connection) -> None:
    """Bring the log into the file from time to time, while others write; that it fails undoes no commit."""
    written = connection.info["written"] = connection.info.get("written", 0) + 1
    if written % _WRITES == 0:
        with suppress(sqlite3.Error):
            driver_of(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def mark(url: URL) -> tuple[int, ...]:
    """Return numbers that change when something has been written."""
    file = file_of(url)
    return () if file is None else (*_changed(file), *_changed(file.with_name(file.name + "-wal")))


def _changed(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


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
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    if not driver_of(connection).in_transaction:  # else it is `begun`
        _begin(connection)


def _begin(connection: Connection) -> None:
    writes, driver = connection.get_execution_options().get("writes", False), driver_of(connection)
    if connection.info.get("writes") is not writes:
        driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.info["writes"] = writes
    # A transaction that begins as a reader and then writes fails with "locked" as soon as somebody else has written.
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process at a time through; the lock goes with the process that holds it."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
