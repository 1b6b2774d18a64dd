"""The `Records` port over SQLAlchemy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Connection, Engine

from kaizenml.adapters.sql.books import SqlBooks
from kaizenml.adapters.sql.engine import (
    begun,
    connected,
    database_errors,
    is_in_memory,
    mark,
    parsed,
    settle,
    turns,
)
from kaizenml.adapters.sql.raw import SQLITE
from kaizenml.errors import StateError


class SqlRecords:
    """Metadata in a relational database: durable, transactional, safe for many threads and processes.

    A thread has one transaction at a time: reading inside an open one joins it, writing inside an open one is refused.
    """

    def __init__(self, engine: Engine, *, in_memory: bool) -> None:
        self._engine = engine
        self._is_file = engine.dialect.name == SQLITE
        # The writers take turns here, without polling, where the database does not see to it by itself.
        self._writer: AbstractContextManager[object] = nullcontext() if in_memory else turns(engine.url)
        # In memory there is one connection, so there is one transaction at a time.
        self._only: AbstractContextManager[object] = threading.Lock() if in_memory else nullcontext()
        self._thread = threading.local()

    @contextmanager
    def reading(self) -> Iterator[SqlBooks]:
        """Open the books to read one consistent state.

        Raises
        ------
        StateError
            When something in the block tries to write.
        """
        books = self._books_of_this_thread()
        if books is not None:
            yield books
            return
        with self._transaction(writes=False) as books:
            yield books

    @contextmanager
    def writing(self) -> Iterator[SqlBooks]:
        """Open the books to write: all of it becomes durable at the end, or nothing when an error leaves the block.

        Raises
        ------
        StateError
            When this thread has the books open already.
        """
        if self._books_of_this_thread() is not None:
            raise StateError(
                "The books are open already in this thread.", "Write with the books that are open, or close them first."
            )
        with self._transaction(writes=True) as books:
            yield books

    @contextmanager
    def exclusively(self) -> Iterator[Connection]:
        """Open a transaction that writes, on the connection itself: for what knows all tables."""
        connect = self._engine.connect
        with self._writer, self._only, connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def mark(self) -> tuple[int, ...]:
        """Return numbers that change when something has been written, by this process or another."""
        with database_errors():
            return mark(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _books_of_this_thread(self) -> SqlBooks | None:
        return getattr(self._thread, "books", None)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[SqlBooks]:
        """Begin a transaction last of all, since others wait while it lasts.

        Who waits for his turn at a file is connected already; at a server, which has only so many connections, he
        holds none.
        """
        turn: AbstractContextManager[object] = self._writer if writes else nullcontext()
        before, within = (nullcontext(), turn) if self._is_file else (turn, nullcontext())
        connect = self._engine.connect
        with database_errors(), self._only, before, connect().execution_options(writes=writes) as connection:
            books = SqlBooks(connection)
            with within, begun(connection):
                self._thread.books = books
                try:
                    yield books
                finally:
                    self._thread.books = None
            if writes:
                settle(connection)


def open_records(url: str) -> SqlRecords:
    """Open the metadata at a URL, made or migrated where needed.

    Parameters
    ----------
    url
        ``sqlite:///path/to/kaizen.db``, ``sqlite:///:memory:`` for tests, or
        ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    Raises
    ------
    SettingError
        For other URLs, and for a database that a newer version of this package has written.
    """
    checked = parsed(url)
    return SqlRecords(connected(checked), in_memory=is_in_memory(checked))
