"""What every adapter of the `Records` port does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import DATABASES, url_of
from record_samples import NOW, alert, declaration, draft, endpoint, job, later, model, release, rollout, run, snapshot

from kaizenml.adapters.sql import SqlRecords, open_records
from kaizenml.core.alert import AlertState
from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import JobState, Work, finished
from kaizenml.core.ports import Books, Records
from kaizenml.core.release import ReleaseState
from kaizenml.core.rollout import Phase
from kaizenml.core.run import RunState
from kaizenml.core.trail import Trail
from kaizenml.errors import ConflictError, NotFoundError, StateError, UsageError


@pytest.fixture(params=DATABASES)
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRecords]:
    opened = open_records(url_of(request, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def books(records: SqlRecords) -> Iterator[Books]:
    with records.writing() as opened:
        yield opened


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


def test_asking_for_the_same_work_twice_is_asking_once(books: Books) -> None:
    first = books.jobs.enqueue(job(1, key="run flights today"))
    second = books.jobs.enqueue(job(2, key="run flights today"))

    assert second == first
    assert len(books.jobs.newest()) == 1


def test_the_oldest_job_of_the_wanted_kinds_is_claimed_first(books: Books) -> None:
    for number, work in [(3, Work.RUN), (1, Work.WATCH), (2, Work.RUN)]:
        books.jobs.enqueue(job(number, work=work))

    taken = books.jobs.claim([Work.RUN], "worker-1", NOW)

    assert taken is not None
    assert (taken.id, taken.state, taken.fence, taken.worker) == ("job-2", JobState.LEASED, 1, "worker-1")
    assert books.jobs.get("job-2") == taken
    assert [one.id for one in books.jobs.unfinished()] == ["job-1", "job-2", "job-3"]
    assert [one.id for one in books.jobs.newest(limit=2)] == ["job-3", "job-2"]


def test_a_job_is_claimed_once(books: Books) -> None:
    books.jobs.enqueue(job())

    assert books.jobs.claim([Work.RUN, Work.WATCH], "one", NOW) is not None
    assert books.jobs.claim([Work.RUN, Work.WATCH], "two", NOW) is None
    assert books.jobs.claim([], "two", NOW) is None


def test_a_worker_that_lost_its_lease_is_refused(books: Books) -> None:
    books.jobs.enqueue(job())
    mine = books.jobs.claim([Work.RUN], "one", NOW)
    assert mine is not None
    books.jobs.save(replace(mine, state=JobState.QUEUED, worker=""), fence=1)
    theirs = books.jobs.claim([Work.RUN], "two", NOW)
    assert theirs is not None

    with pytest.raises(ConflictError, match="token 2"):
        books.jobs.save(finished(mine, 1, NOW), fence=1)
    books.jobs.save(finished(theirs, 2, NOW, result={"run": "run-1"}), fence=2)
    assert books.jobs.get("job-0").result == {"run": "run-1"}


def test_a_job_that_is_over_stays_as_it_is(books: Books) -> None:
    books.jobs.enqueue(job())
    mine = books.jobs.claim([Work.RUN], "one", NOW)
    assert mine is not None
    done = finished(mine, 1, NOW)
    books.jobs.save(done, fence=1)

    books.jobs.save(done, fence=1)
    with pytest.raises(ConflictError):
        books.jobs.save(finished(mine, 1, NOW, error="no"), fence=1)
    assert books.jobs.unfinished() == []


def test_an_unknown_job_is_not_found(books: Books) -> None:
    books.jobs.enqueue(job(7))

    with pytest.raises(NotFoundError, match="job-8"):
        books.jobs.get("job-8")


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


@pytest.mark.parametrize("name", ["flights", "flights/", "/1", "flights/x", "flights/1/2", "", "flights/²"])
def test_a_name_that_is_no_release_is_not_found(books: Books, name: str) -> None:
    books.releases.add(release(1))

    with pytest.raises(NotFoundError):
        books.releases.get(name)


def test_a_release_moves_only_from_the_state_that_was_seen(books: Books) -> None:
    books.releases.add(release())
    approved = replace(release(), state=ReleaseState.APPROVED, approved_by="eve", approved_at=NOW)

    books.releases.move(approved, seen=ReleaseState.GATED)

    assert books.releases.get("flights/1") == approved
    with pytest.raises(ConflictError, match="approved, not gated"):
        books.releases.move(replace(release(), state=ReleaseState.DECLINED), seen=ReleaseState.GATED)
    with pytest.raises(ConflictError, match="already"):
        books.releases.add(release())
    with pytest.raises(NotFoundError):
        books.releases.move(release(9), seen=ReleaseState.GATED)


def test_the_newest_releases_come_first(books: Books) -> None:
    for number in (1, 3, 2):
        books.releases.add(release(number))
    books.releases.add(release(1, project="taxis"))

    assert [one.name for one in books.releases.newest("flights", limit=2)] == ["flights/3", "flights/2"]
    assert len(books.releases.newest()) == 4


def test_the_newest_of_a_project_is_that_of_the_highest_number_whatever_the_clock_said(books: Books) -> None:
    for number, at in [(1, NOW), (2, later(2)), (3, later(1))]:
        books.releases.add(replace(release(number), created_at=at))
        books.models.add(replace(model(number), created_at=at))

    assert [one.number for one in books.releases.newest("flights")] == [3, 2, 1]
    assert [one.number for one in books.models.newest("flights")] == [3, 2, 1]
    assert [one.number for one in books.releases.newest()] == [2, 3, 1]


def test_an_endpoint_changes_only_from_the_generation_that_was_seen(books: Books) -> None:
    assert books.endpoints.find("flights") is None
    books.endpoints.save(endpoint(1), seen=0)

    books.endpoints.save(endpoint(2, champion="flights/2"), seen=1)

    assert books.endpoints.get("flights").champion == "flights/2"
    with pytest.raises(ConflictError, match="generation 2, not 1"):
        books.endpoints.save(endpoint(2, champion="flights/3"), seen=1)
    with pytest.raises(ConflictError, match="already"):
        books.endpoints.save(endpoint(1), seen=0)
    with pytest.raises(NotFoundError, match="flights"):
        books.endpoints.get("flight")


def test_endpoints_are_listed_by_name(books: Books) -> None:
    for name in ("taxis", "flights"):
        books.endpoints.save(endpoint(name=name), seen=0)

    assert [one.name for one in books.endpoints.all()] == ["flights", "taxis"]


def test_a_rollout_that_ended_stays_as_it_is(books: Books) -> None:
    books.endpoints.save_rollout(rollout(1))
    books.endpoints.save_rollout(rollout(2))
    aborted = replace(rollout(1), state=Phase.ABORTED, reason="too many errors")
    books.endpoints.save_rollout(aborted)

    assert books.endpoints.rollout("rollout-1") == aborted
    assert [one.id for one in books.endpoints.rollouts("flights")] == ["rollout-2", "rollout-1"]
    with pytest.raises(StateError, match="aborted"):
        books.endpoints.save_rollout(rollout(1))
    with pytest.raises(NotFoundError):
        books.endpoints.rollout("rollout-9")


def test_an_alert_changes_until_it_is_resolved(books: Books) -> None:
    for state in (AlertState.PENDING, AlertState.FIRING, AlertState.ACKNOWLEDGED):
        books.alerts.save(alert(state))
        assert [one.state for one in books.alerts.unresolved("flights")] == [state]

    books.alerts.save(alert(AlertState.RESOLVED))
    assert books.alerts.unresolved() == []
    assert len(books.alerts.newest()) == 1


def test_after_a_resolved_alert_the_next_is_a_new_entry(books: Books) -> None:
    books.alerts.save(alert(AlertState.RESOLVED))
    books.alerts.save(alert(AlertState.PENDING, hours=5))
    books.alerts.save(alert(AlertState.FIRING, hours=6))

    assert [one.state for one in books.alerts.newest()] == [AlertState.FIRING, AlertState.RESOLVED]
    assert books.alerts.unresolved("taxis") == []


def test_only_a_pending_alert_is_forgotten(books: Books) -> None:
    books.alerts.save(alert(AlertState.PENDING, subject="hour"))
    books.alerts.save(alert(AlertState.FIRING, subject="day"))

    for one in books.alerts.newest():
        books.alerts.forget(one.id)

    assert [one.subject for one in books.alerts.newest()] == ["day"]


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


def test_jobs_are_counted_by_state(books: Books) -> None:
    books.jobs.enqueue(job(1))
    books.jobs.enqueue(job(2))
    books.jobs.claim([Work.RUN], "one", NOW)

    counts = books.jobs.counts()
    assert (counts[JobState.QUEUED], counts[JobState.LEASED], counts[JobState.DONE]) == (1, 1, 0)


def test_of_jobs_that_are_over_the_newest_of_a_kind_are_kept(books: Books) -> None:
    for number in range(6):
        books.jobs.enqueue(job(number, work=Work.LOOK))
    books.jobs.enqueue(job(9, work=Work.RUN))
    for _ in range(5):
        mine = books.jobs.claim([Work.LOOK], "one", NOW)
        assert mine is not None
        books.jobs.save(finished(mine, mine.fence, NOW), fence=mine.fence)

    assert books.jobs.clear(Work.LOOK, keep=2) == 3
    assert books.jobs.clear(Work.LOOK, keep=2) == 0
    assert [one.id for one in books.jobs.newest()] == ["job-9", "job-5", "job-4", "job-3"]


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
