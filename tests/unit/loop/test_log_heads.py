"""What this home remembers of its log shows what the chain of hashes cannot show alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.core.log_head import ForeignHeadError
from kaizenml.errors import IntegrityError
from kaizenml.interfaces.cli.main import main
from kaizenml.loop import auditing
from kaizenml.loop.controller import reconcile
from kaizenml.loop.log_heads import FILE, check_remembered, remember_head
from kaizenml.loop.wiring import House, open_house, read_settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(read_settings(tmp_path))


def append(house: House, count: int) -> None:
    with house.records.writing() as books:
        for number in range(count):
            books.events.append(Draft("p", "person:ada", Kind.CLOCK_ADVANCED, f"clock:{number}"), NOW)


def check(house: House) -> int:
    with house.records.reading() as books:
        check_remembered(books, house)
        return auditing.verified(books)


def rewrite(house: House, number: int) -> None:
    """Let somebody else have done what an event tells of, and compute all hashes after it anew."""
    with house.records.reading() as books:
        events = books.events.after()
    last: Event | None = None
    with closing(sqlite3.connect(house.settings.home / "kaizen.db")) as raw, raw:
        for event in events:
            actor = "person:eve" if event.id == number else event.actor
            draft = Draft(event.project, actor, event.kind, event.subject, event.cause, event.data_at, event.facts)
            last = chained(draft, after=last, at=event.at)
            body = json.dumps(msgspec.to_builtins(last))
            raw.execute("UPDATE events SET body = ?, hash = ? WHERE id = ?", (body, last.hash, event.id))


def cut(house: House, after: int) -> None:
    with closing(sqlite3.connect(house.settings.home / "kaizen.db")) as raw, raw:
        raw.execute("DELETE FROM events WHERE id > ?", (after,))


def test_a_log_that_grows_stays_as_it_was_remembered(house: House) -> None:
    assert check(house) == 0
    for count in (1, 5, 9):
        append(house, 4 if count > 1 else 1)
        reconcile(house)
        assert check(house) == count
        assert (house.settings.home / FILE).exists()


@pytest.mark.parametrize("kept", [1, 4, 5])
def test_an_end_that_was_cut_off_is_missed(house: House, kept: int) -> None:
    append(house, 6)
    remember_head(house)
    cut(house, kept)

    with house.records.reading() as books:
        assert auditing.verified(books) == kept
    with pytest.raises(IntegrityError, match="Event 6, which this home has seen, is gone"):
        check(house)
    append(house, 9)
    remember_head(house)  # which keeps the proof
    with pytest.raises(IntegrityError, match="Event 6, which this home has seen, is another"):
        check(house)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_an_event_that_was_changed_with_all_hashes_after_it_is_found(house: House, number: int) -> None:
    append(house, 6)
    remember_head(house)
    append(house, 2)
    rewrite(house, number)

    with house.records.reading() as books:
        assert auditing.verified(books) == 8
    with pytest.raises(IntegrityError, match="Event 6, which this home has seen, is another"):
        check(house)


def test_what_was_remembered_with_another_key_or_cannot_be_read_proves_nothing(house: House, tmp_path: Path) -> None:
    append(house, 3)
    remember_head(house)
    with pytest.raises(ForeignHeadError):
        check(replace(house, settings=replace(house.settings, key="another key of this home")))
    (house.settings.home / FILE).write_bytes(b"{")
    with pytest.raises(ForeignHeadError):
        check(house)


def test_the_command_says_so(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    (house.settings.folder / "project.py").write_text(
        'import kaizenml as kz\n\nproject = kz.Project("p", target="y")\n'
    )
    append(house, 6)
    for code in (0, 3):
        with pytest.raises(SystemExit) as left:
            main(["events", "verify", "--project", str(house.settings.folder)])
        assert (left.value.code or 0) == code
        cut(house, 4)
    assert "Event 6, which this home has seen, is gone" in capsys.readouterr().err
