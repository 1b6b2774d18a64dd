"""The event log, verified part by part."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaizenml.adapters.sql import open_records
from kaizenml.core.event import Draft, Kind
from kaizenml.errors import IntegrityError
from kaizenml.loop import auditing

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_AT_ONCE", 3)


def written(folder: Path, events: int) -> str:
    url = f"sqlite:///{folder}/kaizen.db"
    records = open_records(url)
    with records.writing() as books:
        for number in range(events):
            books.events.append(Draft("p", "person:ada", Kind.CLOCK_ADVANCED, f"clock:{number}"), NOW)
    records.close()
    return url


def verified(url: str) -> int:
    records = open_records(url)
    try:
        with records.reading() as books:
            return auditing.verified(books)
    finally:
        records.close()


@pytest.mark.parametrize("events", [0, 1, 3, 4, 10])
def test_every_event_is_looked_at(tmp_path: Path, events: int) -> None:
    assert verified(written(tmp_path, events)) == events


@pytest.mark.parametrize("number", range(1, 8))
def test_an_event_that_was_changed_is_found_wherever_it_is(tmp_path: Path, number: int) -> None:
    url = written(tmp_path, 8)
    with sqlite3.connect(tmp_path / "kaizen.db") as raw:
        body = json.loads(raw.execute("SELECT body FROM events WHERE id = ?", (number,)).fetchone()[0])
        raw.execute("UPDATE events SET body = ? WHERE id = ?", (json.dumps(body | {"actor": "person:eve"}), number))
    raw.close()
    with pytest.raises(IntegrityError):
        verified(url)


@pytest.mark.parametrize("number", range(1, 8))
def test_an_event_that_was_taken_out_is_missed(tmp_path: Path, number: int) -> None:
    url = written(tmp_path, 8)
    with sqlite3.connect(tmp_path / "kaizen.db") as raw:
        raw.execute("DELETE FROM events WHERE id = ?", (number,))
    raw.close()
    with pytest.raises(IntegrityError):
        verified(url)
