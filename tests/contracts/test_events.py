"""What every adapter of the event log does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from record_samples import NOW, draft, later

from kaizenml.adapters.sql import open_records
from kaizenml.core.event import Draft, Kind, verify
from kaizenml.core.ports import Books, Records
from kaizenml.errors import IntegrityError, NotFoundError, UsageError


def test_the_log_is_a_chain(records: Records) -> None:
    for number in range(5):
        with records.writing() as books:
            books.events.append(draft(number, note=f"n° {number}", ratio=0.1 + 0.2, parts=(1, 2)), later(number))

    with records.reading() as books:
        log = books.events.after()
    assert verify(log) == 5
    assert log[3].facts == {"note": "n° 3", "ratio": 0.1 + 0.2, "parts": [1, 2]}


def test_an_appended_event_is_returned_as_it_is_read_later(books: Books) -> None:
    event = books.events.append(draft(parts=(1, 2), by={3: "three"}), NOW)

    assert books.events.get(event.id) == event


def test_an_event_whose_facts_are_not_json_is_refused(books: Books) -> None:
    with pytest.raises(UsageError, match="cannot be stored as JSON"):
        books.events.append(draft(score=float("nan")), NOW)
    with pytest.raises(UsageError):
        books.events.append(draft(when=NOW), NOW)


def test_events_are_found_by_place_kind_subject_and_project(books: Books) -> None:
    books.events.append(draft(1), NOW)
    books.events.append(draft(2, kind=Kind.RUN_FAILED), NOW)
    books.events.append(draft(1, project="taxis"), NOW)

    assert [event.id for event in books.events.after(1)] == [2, 3]
    assert [event.id for event in books.events.after(limit=1)] == [1]
    assert [event.id for event in books.events.newest(limit=2)] == [3, 2]
    assert [event.id for event in books.events.newest(project="flights")] == [2, 1]
    assert [event.id for event in books.events.find(Kind.RUN_STARTED)] == [1, 3]
    assert [event.id for event in books.events.find(Kind.RUN_STARTED, "run:1", project="taxis")] == [3]
    assert books.events.find(Kind.RUN_STARTED, "run:2") == []
    with pytest.raises(NotFoundError):
        books.events.get(99)


def test_who_did_things_of_some_kinds_is_told_by_project_and_place(books: Books) -> None:
    def did(who: str, kind: Kind, project: str = "flights") -> int:
        return books.events.append(replace(draft(kind=kind, project=project), actor=who), NOW).id

    did("person:old", Kind.DATA_ARRIVED)
    start = did("person:ada", Kind.RUN_STARTED)
    did("person:bob", Kind.DATA_ARRIVED)
    did("person:bob", Kind.LABEL_ADDED)
    did("person:eve", Kind.LABEL_ADDED, "shop")

    kinds = (Kind.DATA_ARRIVED, Kind.LABEL_ADDED)
    assert books.events.actors("flights", kinds, after=start) == {"person:bob": Kind.LABEL_ADDED}
    assert set(books.events.actors("flights", kinds)) == {"person:old", "person:bob"}
    assert books.events.actors("flights", ()) == {}


def test_an_event_filed_under_another_kind_is_found(tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path / 'books.db'}")
    with records.writing() as books:
        for subject in ("run:a", "run:b"):
            books.events.append(Draft("shop", "person:ada", Kind.RUN_STARTED, subject), NOW)
    with closing(sqlite3.connect(tmp_path / "books.db")) as file:
        file.execute("update events set kind = 'run.failed' where id = 2")
        file.commit()

    with records.reading() as books, pytest.raises(IntegrityError, match="Event 2"):
        books.events.after()
