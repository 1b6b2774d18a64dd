"""What every adapter of the `Records` port does: transactions, runs, data, events, notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from record_samples import NOW, declaration, draft, job, model, run, snapshot

from kaizenml.core.event import Draft, Kind
from kaizenml.core.ports import Books, Records
from kaizenml.core.run import RunState
from kaizenml.core.trail import Trail
from kaizenml.errors import ConflictError, NotFoundError, StateError, UsageError


def test_what_was_written_is_read_in_the_next_transaction(records: Records) -> None:
    with records.writing() as books:
        books.runs.save(run())

    with records.reading() as books:
        assert books.runs.get("run-0").project == "flights"


def test_an_error_leaves_nothing_behind(records: Records) -> None:
    def write_and_fail() -> None:
        with records.writing() as books:
            books.runs.save(run())
            books.events.append(draft(), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with records.reading() as books:
        assert books.runs.newest() == []
        assert books.events.after() == []


def test_books_open_to_read_refuse_to_write(records: Records) -> None:
    with pytest.raises(StateError, match="open to read"), records.reading() as books:
        books.runs.save(run())


def test_writing_within_an_open_transaction_is_refused(records: Records) -> None:
    with pytest.raises(StateError, match="open already"), records.writing(), records.writing():
        pass

    with records.writing() as books:
        books.runs.save(run())


def test_reading_within_writing_sees_what_is_being_written(records: Records) -> None:
    with records.writing() as books:
        books.runs.save(run())
        with records.reading() as same:
            assert len(same.runs.newest()) == 1


def test_a_run_comes_back_as_it_was_saved(books: Books) -> None:
    saved = run(state=RunState.FINISHED)
    books.runs.save(saved)

    read = books.runs.get("run-0")
    assert repr(read) == repr(saved)  # NaN is not equal to itself


def test_a_run_that_ended_stays_as_it_is(books: Books) -> None:
    books.runs.save(run())
    ended = replace(run(state=RunState.FAILED), metrics={})
    books.runs.save(ended)

    books.runs.save(ended)
    with pytest.raises(StateError, match="failed"):
        books.runs.save(replace(ended, state=RunState.FINISHED))


def test_the_newest_runs_come_first(books: Books) -> None:
    for number, project in [(2, "flights"), (3, "taxis"), (1, "flights")]:
        books.runs.save(run(number, project=project))

    assert [one.id for one in books.runs.newest()] == ["run-3", "run-2", "run-1"]
    assert [one.id for one in books.runs.newest("flights", limit=1)] == ["run-2"]


def test_a_misspelt_run_gets_an_offer(books: Books) -> None:
    books.runs.save(run(12))

    with pytest.raises(NotFoundError, match="run-12"):
        books.runs.get("run-21")


def test_snapshots_are_kept_under_their_numbers(books: Books) -> None:
    for number in (1, 3, 2):
        books.snapshots.add(snapshot(number))

    assert books.snapshots.get("flights@3") == snapshot(3)
    assert [one.number for one in books.snapshots.newest("flights", limit=2)] == [3, 2]
    with pytest.raises(ConflictError, match="flights/3"):
        books.snapshots.add(snapshot(3))
    with pytest.raises(NotFoundError, match="flights@3"):
        books.snapshots.get("flights@33")


def test_batches_are_noted_once(books: Books) -> None:
    books.snapshots.load("flights-raw", "january.csv", 1)
    books.snapshots.load("flights-raw", "january.csv", 9)
    books.snapshots.load("flights-raw", "february.csv", 2)

    assert books.snapshots.loaded("flights-raw") == {"january.csv": 1, "february.csv": 2}
    assert books.snapshots.loaded("taxis-raw") == {}


def test_model_versions_are_kept_under_their_numbers(books: Books) -> None:
    books.models.add(model(1))
    books.models.add(model(2))
    books.models.add(model(1, name="taxis"))

    assert books.models.get("flights:2") == model(2)
    assert [one.name for one in books.models.newest("flights")] == ["flights:2", "flights:1"]
    assert len(books.models.newest()) == 3
    with pytest.raises(ConflictError, match="flights/2"):
        books.models.add(model(2))
    with pytest.raises(NotFoundError, match="flights:2"):
        books.models.get("flights:22")


TRAILS = [
    Trail(), Trail(actor="person:ada"), Trail(actor="person:"), Trail(actor="Person:ada"), Trail(actor="person:ad"),
    Trail(kinds=frozenset({Kind.GATE_PASSED, Kind.RUN_STARTED})), Trail(subject="release:flights/1"),
    Trail(subject="release:flights/"), Trail(subject="release:"), Trail(subject="release:flights"),
    Trail(subject="Release:"), Trail(subject="%:"), Trail(projects=frozenset({"taxis"})), Trail(projects=frozenset()),
    Trail(since=NOW + timedelta(minutes=3)), Trail(until=NOW + timedelta(minutes=3)), Trail(after=2, before=6),
    Trail("policy:", frozenset({Kind.APPROVAL_GRANTED}), "release:", frozenset({"flights"}), NOW),
]  # fmt: skip


@pytest.mark.parametrize("trail", TRAILS, ids=[f"trail-{number}" for number in range(len(TRAILS))])
def test_events_are_found_by_who_did_what_to_what_and_when(books: Books, trail: Trail) -> None:
    told = [
        ("flights", "person:ada", Kind.RUN_STARTED, "run:1"),
        ("taxis", "person:adam", Kind.RUN_STARTED, "run:2"),
        ("flights", "system:gate", Kind.GATE_PASSED, "release:flights/1"),
        ("flights", "policy:approval", Kind.APPROVAL_GRANTED, "release:flights/1"),
        ("flights", "person:ada", Kind.APPROVAL_REFUSED, "release:flights/12"),
        ("taxis", "person:Zoë", Kind.GATE_PASSED, "release:taxis/1"),
        ("", "person:ada", Kind.TOKEN_ISSUED, "t:%"),
    ]
    for minute, (project, actor, kind, subject) in enumerate(told):
        books.events.append(Draft(project, actor, kind, subject), NOW + timedelta(minutes=minute))
    all_ = books.events.after()

    fitting = [event for event in all_ if trail.fits(event)]

    assert books.events.search(trail, limit=100) == fitting
    assert books.events.search(trail, limit=100, is_newest_first=True) == fitting[::-1]
    assert books.events.search(trail, limit=2) == fitting[:2]
    assert books.events.search(trail, limit=1, is_newest_first=True) == fitting[::-1][:1]


def test_notes_are_replaced_and_listed_by_name(books: Books) -> None:
    books.notes.put("window", "b", {"rows": 3, "who": "Zoë"})
    books.notes.put("window", "a", [1, None, 0.5])
    books.notes.put("window", "b", {"rows": 4})
    books.notes.put("monitor", "c", "text")

    assert books.notes.get("window", "b") == {"rows": 4}
    assert books.notes.get("window", "z") is None
    assert list(books.notes.all("window").items()) == [("a", [1, None, 0.5]), ("b", {"rows": 4})]
    with pytest.raises(UsageError):
        books.notes.put("window", "b", float("inf"))


def test_a_note_that_is_forgotten_is_gone_and_the_others_stay(books: Books) -> None:
    books.notes.put("session", "a", 1)
    books.notes.put("session", "b", 2)
    books.notes.put("other", "a", 3)

    books.notes.forget("session", "a")
    books.notes.forget("session", "z")

    assert books.notes.get("session", "a") is None
    assert (books.notes.all("session"), books.notes.get("other", "a")) == ({"b": 2}, 3)


def test_the_last_notes_with_a_prefix_are_found(books: Books) -> None:
    for name in ("flights/1", "flights/2", "flights/3", "flight/9", "flights"):
        books.notes.put("window", name, name)

    assert list(books.notes.last("window", "flights/", limit=2)) == ["flights/2", "flights/3"]
    assert books.notes.last("window", "taxis/") == {}


def test_what_a_project_declares_is_replaced(books: Books) -> None:
    books.declarations.save(declaration("taxis"))
    books.declarations.save(declaration("flights"))
    books.declarations.save(replace(declaration("taxis"), target="tip"))

    assert books.declarations.get("taxis").target == "tip"
    assert [one.project for one in books.declarations.all()] == ["flights", "taxis"]
    assert books.declarations.get("flights") == declaration("flights")
    with pytest.raises(NotFoundError, match="taxis"):
        books.declarations.get("taxi")


def test_a_thousand_of_anything_are_listed(records: Records) -> None:
    with records.writing() as books:
        for number in range(1000):
            books.runs.save(run(number))
            books.jobs.enqueue(job(number))
            books.events.append(draft(number), NOW)

    with records.reading() as books:
        assert len(books.runs.newest(limit=1000)) == 1000
        assert len(books.jobs.newest(limit=1000)) == 1000
        assert len(books.events.after()) == 1000
