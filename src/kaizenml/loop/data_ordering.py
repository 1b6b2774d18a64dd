"""Work on a project's data is ordered through the queue, where it asks project code or numerical libraries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from kaizenml.core.declaration import Declaration
from kaizenml.core.digest import Digest
from kaizenml.core.job import Job, JobState, Work
from kaizenml.errors import NotFoundError, StateError
from kaizenml.loop.wiring import House

#: Whose rows are to be erased is noted here, not in the job: of that nothing is left afterwards.
ERASING = "erasing"


class Act(StrEnum):
    """What is done."""

    EXPLORE = "explore"  # show what is in a snapshot
    CLEAN = "clean"  # show what cleaning does
    GC = "gc"  # delete files that nothing needs
    ERASE = "erase"  # take a person's rows out


@dataclass(frozen=True, slots=True)
class Erasing:
    """Whose rows go, and what becomes of snapshots that have them; without a column it is the project's id."""

    value: str
    because: str
    column: str = ""
    gives_up: bool = False


def queue(
    house: House,
    declared: Declaration,
    act: Act,
    *,
    by: str,
    facts: Mapping[str, object],
    erasing: Erasing | None = None,
) -> Job:
    """Queue the work."""
    now = house.clock.now()
    id_ = f"{act}-{declared.project}-{now:%Y%m%d-%H%M%S-%f}"
    asked = {"act": act, "folder": declared.folder, "author": by, **facts}
    with house.records.writing() as books:
        if erasing is not None:
            books.notes.put(ERASING, id_, msgspec.to_builtins(erasing))
        return books.jobs.enqueue(Job(id_, id_, declared.project, Work.DATA, asked, now))


def forget(house: House, job: Job) -> None:
    """Leave nothing of whose rows were to be erased, once the job is over."""
    with house.records.writing() as books:
        if books.notes.get(ERASING, job.id) is not None:
            books.notes.put(ERASING, job.id, None)


def document(house: House, project: str, id_: str) -> bytes:
    """Return, as JSON, what a job about a project's data found; see `found`."""
    return found(house, id_, (Work.DATA,), project)


def found(house: House, id_: str, works: Collection[Work], project: str = "") -> bytes:
    """Return, as JSON, what a job of these kinds found.

    Raises
    ------
    NotFoundError
        When there is no such job, or not of this project.
    StateError
        While it is not done, and when it has failed.
    """
    with house.records.reading() as books:
        job = books.jobs.get(id_)
    if job.work not in works or project not in ("", job.project):
        raise NotFoundError("job", id_, hint="No job of this name finds anything to be shown here.")
    if job.state is not JobState.DONE:
        hint = "Ask again in a moment." if not job.is_over else "Mend that, and ask anew."
        raise StateError(f"{id_} is {job.state}{': ' if job.error else ''}{job.error}", hint, {"state": str(job.state)})
    return house.blobs.get(Digest(str(job.result["document"])))
