"""Ordered through the queue: runs by a person, a trigger, or the arrival of data; looks at sources by the clock."""

from __future__ import annotations

from collections.abc import Mapping

from kaizenml.core.declaration import Declaration
from kaizenml.core.job import Job, Work
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House

#: Notes in which interval a source was looked at last.
_LOOKED = "looked"


def queue_run(
    books: Books, house: House, declared: Declaration, *, by: str, cause: int, more: Mapping[str, object] | None = None
) -> Job:
    """Queue a run of a project; the event that causes it makes the job's key, so that one cause makes one run.

    ``more`` may hold its parameters and its way.
    """
    now = house.clock.now()
    job = Job(
        id=f"{declared.project}-{now:%Y%m%d-%H%M%S}-{cause}",
        key=f"run/{declared.project}/{cause}",
        project=declared.project,
        work=Work.RUN,
        facts={"folder": declared.folder, "author": by, **(more or {})},
        created_at=now,
        cause=cause,
    )
    return books.jobs.enqueue(job)


def queue_tuning(
    books: Books, house: House, declared: Declaration, *, by: str, trials: int, seconds: float | None
) -> Job:
    """Queue a search for better parameters of a project's steps."""
    now = house.clock.now()
    name = f"tune-{declared.project}-{now:%Y%m%d-%H%M%S-%f}"
    facts = {"folder": declared.folder, "author": by, "trials": trials, "seconds": seconds}
    return books.jobs.enqueue(Job(name, name, declared.project, Work.TUNE, facts, now))


def wants_look(books: Books, house: House, declared: Declaration) -> bool:
    """Say whether a project's source is to be looked at now: an interval has begun, and nothing else loads from it."""
    if declared.polling is None or books.notes.get(_LOOKED, declared.project) == declared.polling.turn(
        house.clock.now()
    ):
        return False
    return not any(job.work in (Work.LOOK, Work.RUN) for job in books.jobs.unfinished(declared.project))


def queue_look(books: Books, house: House, declared: Declaration) -> Job:
    """Queue the look of this interval, or the one that somebody asks for where there are no intervals.

    The interval makes the job's key, so that there is one look for each.
    """
    now = house.clock.now()
    turn = f"{now:%Y%m%d-%H%M%S-%f}"
    if declared.polling is not None and wants_look(books, house, declared):
        turn = str(declared.polling.turn(now))
        books.notes.put(_LOOKED, declared.project, declared.polling.turn(now))
    name, facts = f"{declared.project}-{turn}", {"folder": declared.folder}
    return books.jobs.enqueue(Job(f"look-{name}", f"look/{name}", declared.project, Work.LOOK, facts, now))
