"""Runs that an older version wrote are runs like any other."""

import sqlite3
from contextlib import closing
from pathlib import Path

from record_samples import run

from kaizenml.adapters.sql import open_records
from kaizenml.core.query_text import parsed
from kaizenml.core.run import RunState

#: The tables that the first schema had and that no migration has changed since.
FIRST = {
    "events", "jobs", "snapshots", "loads", "models", "releases", "endpoints", "rollouts", "alerts", "notes",
    "declarations", "alembic_version",
}  # fmt: skip


def test_runs_of_the_first_schema_are_found_after_the_upgrade(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kaizen.db"
    records = open_records(url)
    with records.writing() as books:
        books.runs.save(run(1))
        books.runs.save(run(2, state=RunState.FINISHED))
    records.close()
    with closing(sqlite3.connect(tmp_path / "kaizen.db")) as raw:
        rows = raw.execute("SELECT id, project, state, started_at, body FROM runs").fetchall()
        tables = raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for name in [name for (name,) in tables if name not in FIRST]:
            raw.execute(f"DROP TABLE {name}")
        raw.executescript("""
            CREATE TABLE runs (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
                state TEXT NOT NULL, started_at BIGINT NOT NULL, body TEXT NOT NULL);
            CREATE INDEX runs_by_age ON runs (started_at, seq);
            CREATE INDEX runs_of_project ON runs (project, started_at, seq);
            UPDATE alembic_version SET version_num = '0001';
        """)
        raw.executemany("INSERT INTO runs (id, project, state, started_at, body) VALUES (?, ?, ?, ?, ?)", rows)
        raw.commit()

    records = open_records(url)

    with records.reading() as books:
        found = books.runs.search(parsed("metrics.roc_auc = 0.7 AND state = 'finished'"))
        assert [line.id for line in found] == ["run-2"]
        assert books.runs.get("run-1").seed == 7
    records.close()
