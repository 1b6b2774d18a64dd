"""A SQLite file's log: brought into the file beside the writers, and no failure of a write that was committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaizenml.adapters.sql import open_records, sqlite
from kaizenml.core.event import Draft, Kind
from kaizenml.errors import KaizenError

PAGE = 4096


def _write(url: str, writes: int) -> None:
    records = open_records(url)
    for _ in range(writes):
        with records.writing() as books:
            books.events.append(Draft("p", "person:ann", Kind.CLOCK_ADVANCED, "clock:data"), datetime.now(UTC))
    assert records.mark()


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/kaizen.db"
    open_records(url).close()
    return url


def test_a_process_that_writes_on_and_on_keeps_its_log_short(url: str, tmp_path: Path) -> None:
    _write(url, 1_500)
    log = (tmp_path / "kaizen.db-wal").stat().st_size // PAGE
    assert 100 < log < sqlite._MOST_PAGES / 2  # of about 6,000 pages that were written


def test_one_large_write_is_brought_into_the_file_at_once(url: str, tmp_path: Path) -> None:
    records = open_records(url)
    with records.writing() as books:
        for _ in range(20):
            facts = {"text": "x" * 2_000_000}
            books.events.append(
                Draft("p", "person:ann", Kind.CLOCK_ADVANCED, "clock:data", facts=facts), datetime.now(UTC)
            )
    assert (tmp_path / "kaizen.db").stat().st_size > 20 * 2_000_000


def test_a_log_that_cannot_be_brought_into_the_file_fails_no_write(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WRITES", 1)
    reader = sqlite3.connect(tmp_path / "kaizen.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchall()  # what it sees must stay in the log
    _write(url, 3)
    reader.close()
    monkeypatch.setattr(sqlite, "driver_of", _Broken.of(sqlite.driver_of))
    _write(url, 3)
    records = open_records(url)
    with records.reading() as books:
        assert len(books.events.after(0)) == 6


def test_a_commit_that_fails_leaves_nothing_and_keeps_nobody_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite.driver_of
    monkeypatch.setattr(sqlite, "driver_of", _Full.of(real))
    records, open_within_turn = open_records(url), []
    monkeypatch.setattr(records, "_writer", _Turn(lambda: open_within_turn.append(_Full.last.in_transaction)))
    with pytest.raises(KaizenError, match="disk is full"), records.writing() as books:
        books.events.append(Draft("p", "person:ann", Kind.CLOCK_ADVANCED, "clock:data"), datetime.now(UTC))
    assert open_within_turn == [False]  # it was undone before the next writer came
    monkeypatch.setattr(sqlite, "driver_of", real)
    _write(url, 1)
    with records.reading() as books:
        assert len(books.events.after(0)) == 1


class _Turn:
    """A turn that asks something when it is given back."""

    def __init__(self, asked: Callable[[], None]) -> None:
        self._asked = asked

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._asked()


class _Broken:
    """A connection whose disk is full when the log is to be brought into the file."""

    last: _Broken

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        type(self).last = self

    @classmethod
    def of(cls, real: object) -> object:
        return lambda connection: cls(real(connection))  # type: ignore[operator]

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str) -> sqlite3.Cursor:
        if "wal_checkpoint" in statement:
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(statement)


class _Full(_Broken):
    """A connection whose disk is full when it commits; what was begun stays begun, as SQLite leaves it."""

    def execute(self, statement: str) -> sqlite3.Cursor:
        return self._connection.execute(statement)

    def commit(self) -> None:
        raise sqlite3.OperationalError("database or disk is full")
