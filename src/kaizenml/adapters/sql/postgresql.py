"""Connections to PostgreSQL whose transactions give what those to SQLite give: one writer, readers who see one state.

A writer first takes a lock of its transaction. So the log is one chain, numbers are given once, and no transaction has
to be tried again; a pooler between us and the server does not matter, since nothing is kept from one transaction to
the next. Readers take no lock.
"""

from __future__ import annotations

from importlib.util import find_spec
from zlib import crc32

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from kaizenml.adapters.sql.migrate import migrated
from kaizenml.errors import SettingError

#: The lock that whoever writes holds; in the server it belongs to this database alone.
WRITER_LOCK = int.from_bytes(b"kaizenml", "big")
#: Who waits longer for the lock, or holds it longer without a word, is told so and makes room for the others.
_LOCK_SECONDS, _IDLE_SECONDS, _CONNECT_SECONDS = 30, 60, 10


def connected(url: URL) -> Engine:
    """Return an engine on a database whose schema is up to date.

    Raises
    ------
    SettingError
        When the driver is not installed.
    """
    if find_spec("psycopg") is None:
        raise SettingError("The driver for PostgreSQL is not installed.", "pip install 'kaizenml[postgres]'")
    options = f"-c lock_timeout={_LOCK_SECONDS}s -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), poolclass=QueuePool, pool_size=4, max_overflow=-1,
        pool_pre_ping=True, hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS, "options": options, "application_name": "kaizenml"},
    )  # fmt: skip
    event.listen(engine, "begin", _on_begin)
    return migrated(engine, url.render_as_string(hide_password=True))


def mark(engine: Engine) -> tuple[int, ...]:
    """Return a number that changes when something has been written, by anybody who uses the server."""
    with engine.connect() as connection:
        seen = connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()
    return (crc32(str(seen).encode()),)


def _on_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
