"""Runs are ordered through the queue: by a person, a trigger, or the arrival of data."""

from __future__ import annotations

from kaizenml.core.declaration import Declaration
from kaizenml.core.job import Job, Work
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House


def queue_run(books: Books, house: House, declared: Declaration, *, by: str, cause: int) -> Job:
    """Queue a run of a project; the event that causes it makes the job's key, so that one cause makes one run."""
    now = house.clock.now()
    job = Job(
        id=f"{declared.project}-{now:%Y%m%d-%H%M%S}-{cause}",
        key=f"run/{declared.project}/{cause}",
        project=declared.project,
        work=Work.RUN,
        facts={"folder": declared.folder, "author": by},
        created_at=now,
        cause=cause,
    )
    return books.jobs.enqueue(job)
