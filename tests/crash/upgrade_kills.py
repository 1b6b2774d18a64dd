"""Kill the upgrade of a database at every statement, and see what is left: `python upgrade_kills.py URL EVERY OLD…`.

The modules are loaded once; every attempt is a fork that kills itself, as `kill -9` does. URL is of a database that may
be emptied, OLD the schemas to begin with. Of so many statements one is that of a kill: EVERY 1 means all of them. What
is printed, a line of JSON for each schema: how many kills there were, and whether what was left each time was the old
database, whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event

sys.path.insert(0, str(Path(__file__).parents[1] / "contracts"))

from record_samples import alert, declaration, draft, endpoint, job, model, release, rollout, run, snapshot

from kaizenml.adapters.sql import open_records
from kaizenml.adapters.sql.copying import counted
from kaizenml.adapters.sql.migrate import FOLDER
from kaizenml.adapters.sql.raw import Raw, is_sqlite
from kaizenml.adapters.sql.tables import METADATA
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.run import RunState
from kaizenml.core.series import Point

Rows = dict[str, list[dict[str, Any]]]


def sample_rows() -> Rows:
    """Return the rows of a database with something of everything, by table."""
    records = open_records("sqlite:///:memory:")
    with records.writing() as books:
        books.declarations.save(declaration())
        books.snapshots.add(snapshot())
        for number in range(6):
            books.runs.save(run(number, state=RunState.FINISHED))
            books.series.append(f"run-{number}", {"loss": [Point(step, 1_000_000 + step, 0.5) for step in range(3)]})
            books.jobs.enqueue(job(number))
            books.events.append(draft(number), run().started_at)
        books.models.add(model(1))
        books.releases.add(release(1))
        books.endpoints.save(endpoint(1), seen=0)
        books.endpoints.save_rollout(rollout(1))
        books.alerts.save(alert())
        books.notes.put("clock", "data", "2026-03-01T00:00:00+00:00")
    with records.exclusively() as connection:
        found = {t.name: [dict(row) for row in connection.execute(sa.select(t)).mappings()] for t in tables()}
    records.close()
    return found


def tables() -> list[sa.Table]:
    return METADATA.sorted_tables


def plain(url: str) -> sa.Engine:
    """Return an engine that knows nothing of ours; its connections end with their use."""
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)


def lay(url: str, schema: str, rows: Rows) -> None:
    """Make the database what an older version left, with the rows that its tables can hold."""
    engine = plain(url)
    with engine.begin() as connection:
        old = sa.MetaData()
        old.reflect(connection)
        old.drop_all(connection)
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
        made = sa.MetaData()
        made.reflect(connection)
        for table in made.sorted_tables:
            known = [{c: row[c] for c in row if c in table.c and c != "seq"} for row in rows.get(table.name, ())]
            if known:
                connection.execute(table.insert(), known)


SHAPES = {
    "sqlite": ("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",),
    "postgresql": (
        "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 2",
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    ),
}


def state(url: str) -> tuple[str, str]:
    """Return the schema of a database and the digest of all that is in it, as a stranger sees it."""
    engine, found = plain(url), hashlib.sha256()
    with engine.connect() as connection:
        shapes = [connection.execute(sa.text(ask)).all() for ask in SHAPES[engine.dialect.name]]
        found.update(repr(shapes).encode())
        for name in sorted(sa.inspect(connection).get_table_names()):
            found.update(repr(sorted(map(repr, connection.execute(sa.text(f'SELECT * FROM "{name}"'))))).encode())
        schema = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    return str(schema), found.hexdigest()


def dies_at(nth: int) -> Callable[..., None]:
    """Return what kills this process when it is called for the n-th time."""
    left = [nth]

    def count(*_: object, **__: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def _listen_to_raw(hook: Callable[..., None]) -> None:
    """Call the hook before statements too that go to the driver as they are; to PostgreSQL they go by SQLAlchemy."""
    execute = Raw._executed

    def heard(self: Raw, connection: sa.Connection, given: Any) -> Any:
        if is_sqlite(connection):
            hook()
        return execute(self, connection, given)

    Raw._executed = heard  # type: ignore[method-assign]


def upgraded_in_fork(url: str, nth: int | None) -> bool:
    """Open the database in a fork that is killed before its n-th statement or commit; say whether it came to an end."""
    assert threading.active_count() == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if nth is not None:
                hook = dies_at(nth)
                event.listen(sa.Engine, "before_cursor_execute", hook)
                event.listen(sa.Engine, "commit", hook)
                _listen_to_raw(hook)
            open_records(url).close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), code
    return code == 0


def at_once(url: str, count: int) -> list[int]:
    """Open the database in so many forks at the same time; return how each ended."""
    ready, go = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(go)
                os.read(ready, 1)  # all begin when the other end is closed
                open_records(url).close()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    os.close(ready)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def content(url: str) -> dict[str, tuple[int, str]]:
    """Return the count and digest of every table of an upgraded database."""
    records = open_records(url)
    with records.exclusively() as connection:
        found = {table.name: counted(connection, table) for table in tables()}
    with records.reading() as books:
        assert books.runs.get("run-1").seed == 7
        assert isinstance(books.endpoints.get("flights"), Endpoint)
    records.close()
    return {name: (each.rows, each.digest) for name, each in found.items()}


def drilled(url: str, schema: str, every: int, rows: Rows) -> dict[str, object]:
    """Kill the upgrade from one schema at one statement after the other, until it comes to its end."""
    lay(url, schema, rows)
    before, kills, is_old_each_time = state(url), 0, True
    while not upgraded_in_fork(url, int(schema) % every + kills * every):
        kills += 1
        is_old_each_time &= state(url) == before
    killed = content(url)
    lay(url, schema, rows)
    together = at_once(url, 4)
    return {
        "schema": schema, "kills": kills, "is_old_each_time": is_old_each_time, "before": before[0],
        "after": state(url)[0], "is_same_as_undisturbed": killed == content(url), "together": together,
    }  # fmt: skip


if __name__ == "__main__":
    samples = sample_rows()
    for each in sys.argv[3:]:
        print(json.dumps(drilled(sys.argv[1], each, int(sys.argv[2]), samples)), flush=True)
