"""Jobs are claimed once, in order, and whoever lost one is refused, in every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_samples import NOW, job

from kaizenml.core.job import JobState, Work, finished
from kaizenml.core.ports import Books
from kaizenml.errors import ConflictError, NotFoundError


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
