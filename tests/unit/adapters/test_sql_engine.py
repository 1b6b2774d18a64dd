"""What the database does that is not the business of the port."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from kaizenml.adapters.sql import SqlRecords, open_records, postgresql
from kaizenml.adapters.sql.migrate import FOLDER
from kaizenml.adapters.sql.tables import METADATA, REVISIONS
from kaizenml.core.event import Draft, Kind, verify
from kaizenml.errors import KaizenError, SettingError, UnavailableError
from postgres_server import PostgresServer

Opening = Callable[[str], SqlRecords]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime
from kaizenml.adapters.sql import SqlRecords, open_records, postgresql
from kaizenml.core.event import Draft, Kind

for number in range(100):
    records = open_records(sys.argv[1]) if number % 10 == 0 else records
    with records.writing() as books:
        count = books.notes.get("count", "all") or 0
        books.notes.put("count", "all", count + 1)
        books.events.append(Draft("flights", "system:test", Kind.RUN_STARTED, f"run:{number}"), datetime.now(UTC))
"""


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/home/kaizen.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new database that processes can share."""
    return url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres").database()


@pytest.fixture
def opening() -> Iterator[Opening]:
    """Return what opens records, which are closed at the end."""
    with ExitStack() as stack:

        def opened(url: str) -> SqlRecords:
            records = open_records(url)
            stack.callback(records.close)
            return records

        yield opened


def test_four_processes_write_at_once_and_none_is_ever_locked_out(shared: str, opening: Opening) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, shared], stderr=subprocess.PIPE) for _ in range(4)]

    errors = [writer.communicate()[1].decode() for writer in writers]

    assert errors == [""] * 4
    with opening(shared).reading() as books:
        assert books.notes.get("count", "all") == 400
        assert verify(books.events.after()) == 400


def test_threads_share_one_database(shared: str, opening: Opening) -> None:
    records = opening(shared)

    def write() -> None:
        for number in range(25):
            with records.writing() as books:
                books.events.append(Draft("flights", "system:test", Kind.RUN_STARTED, f"run:{number}"), NOW)
            with records.reading() as books:
                assert books.events.newest(limit=1)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with records.reading() as books:
        assert verify(books.events.after()) == 200


def test_a_reader_sees_one_state_while_others_write(shared: str, opening: Opening) -> None:
    records = opening(shared)
    with records.writing() as books:
        books.notes.put("n", "n", 1)

    with records.reading() as books:
        assert books.notes.get("n", "n") == 1
        other = opening(shared)
        with other.writing() as theirs:
            theirs.notes.put("n", "n", 2)
        assert books.notes.get("n", "n") == 1


def test_what_changed_is_seen_by_its_mark(shared: str, opening: Opening) -> None:
    records, other = opening(shared), opening(shared)
    before = records.mark()
    assert records.mark() == before

    with other.writing() as books:
        books.notes.put("n", "n", 1)

    assert records.mark() != before


def test_text_with_a_nul_is_kept_by_every_database(shared: str, opening: Opening) -> None:
    records = opening(shared)
    with records.writing() as books:
        books.notes.put("note", "a\0b", "c\0d")

    with records.reading() as books:
        assert books.notes.get("note", "a\0b") == "c\0d"


def test_a_name_that_a_language_would_sort_elsewhere_is_sorted_by_its_letters(shared: str, opening: Opening) -> None:
    records = opening(shared)
    names = ["B", "a", "a-b", "aB", "ab", "Ä", "ä", "🙂"]
    with records.writing() as books:
        for name in reversed(names):
            books.notes.put("note", name, name)

    with records.reading() as books:
        assert list(books.notes.all("note")) == sorted(names)


def test_a_server_that_is_not_there_is_out_of_reach_and_its_password_is_not_told() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(UnavailableError, match="cannot be reached") as refused:
        open_records("postgresql://ada:correct-horse@127.0.0.1:1/kaizen")

    assert "correct-horse" not in f"{refused.value} {refused.value.hint} {refused.value.details}"


def test_a_writer_that_somebody_holds_up_is_told_so(
    postgres: PostgresServer, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_LOCK_SECONDS", 1)
    shared = postgres.database()
    first, second = opening(shared), opening(shared)

    with first.writing(), pytest.raises(UnavailableError, match="held the metadata"), second.writing():
        pass
    with second.writing() as books:
        books.notes.put("n", "n", 1)


def test_commits_are_durable_and_concurrent(tmp_path: Path) -> None:
    records = open_records(url(tmp_path))

    with records._engine.connect() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }

    assert asked == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}


def test_the_migrations_make_exactly_the_tables_that_are_declared() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        from kaizenml.adapters.sql.migrate import upgrade

        upgrade(connection, "memory")
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))

    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(revisions)) == REVISIONS


def test_a_database_of_a_newer_version_is_refused(shared: str, opening: Opening) -> None:
    records = opening(shared)
    with records._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    records.close()

    with pytest.raises(SettingError, match="schema 9999; this version of kaizenml knows up to") as refused:
        opening(shared)
    assert "newer kaizenml" in refused.value.hint


def test_a_migration_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with sqlite3.connect(tmp_path / "home" / "kaizen.db") as connection:
        connection.execute("CREATE TABLE snapshots (something_else TEXT)")
    connection.close()

    with pytest.raises(Exception, match="snapshots"):
        open_records(url(tmp_path))

    with sqlite3.connect(tmp_path / "home" / "kaizen.db") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert tables == ["snapshots"]


@pytest.mark.parametrize("wrong", ["mysql://x/y", "kaizen.db", ""])
def test_other_databases_are_refused_with_a_hint(wrong: str) -> None:
    with pytest.raises(SettingError) as refused:
        open_records(wrong)
    assert "sqlite:///" in refused.value.hint


def test_a_damaged_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kaizen.db").write_bytes(b"this is not a database" * 1000)

    with pytest.raises(KaizenError, match="not a database"):
        open_records(url(tmp_path))


def test_many_threads_may_read_a_kind_of_value_for_the_first_time_at_once() -> None:
    program = """
import dataclasses, sys, threading
from kaizenml.adapters.sql.codec import decoded

sys.setswitchinterval(1e-6)
for number in range(40):
    fields = [(f"a{each}", int, 0) for each in range(8)]
    inner = dataclasses.make_dataclass(f"Inner{number}", fields, frozen=True)
    outer = dataclasses.make_dataclass(f"Outer{number}", [(f"f{each}", inner, None) for each in range(8)], frozen=True)
    text = '{"f1": {"a1": 2}, "f7": {"a7": 3}}'
    start = threading.Barrier(6)
    threads = [threading.Thread(target=lambda: (start.wait(), decoded(text, outer))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, done.stderr) == (0, "")
