"""Ending a run before its end: a person's order, noticed by whoever executes it."""

from __future__ import annotations

import socket
from dataclasses import replace

from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import Job, JobState, Work, cancelled, finished
from kaizenml.core.ports import Books
from kaizenml.core.run import RunState
from kaizenml.errors import NotFoundError, UsageError, bounded
from kaizenml.loop.freeing import is_lost
from kaizenml.loop.live import kept_console
from kaizenml.loop.step_journal import steps_told
from kaizenml.loop.wiring import House

#: How long a step that does not listen has before its process is ended.
GRACE_SECONDS = 10.0


def cancel(house: House, run: str, *, by: str) -> Job:
    """Cancel the job of a run; who executes it stops within a second or two, or is ended after ten.

    Raises
    ------
    NotFoundError
        When no job has this name, and none that is under way begins so.
    UsageError
        When several that are under way begin so.
    StateError
        When it is over.
    """
    with house.records.writing() as books:
        job = _job(books, run)
        now = house.clock.now()
        has_nobody = job.state is JobState.QUEUED or is_lost(job, now)  # who would notice, and end the run
        job = cancelled(job, now, by)
        books.jobs.save(job, fence=job.fence)
        if has_nobody and job.work is Work.RUN:
            end_run(books, house, job.id, by)
        return job


def _job(books: Books, word: str) -> Job:
    try:
        return books.jobs.get(word)
    except NotFoundError as error:
        known = {job.id: job for job in books.jobs.unfinished()}
        begun = [name for name in known if word and name.startswith(word)]
        if not begun:
            raise NotFoundError("run that is under way", word, known) from error
        if len(begun) > 1:
            raise UsageError(
                f"{len(begun)} that are under way begin with {word!r}.", f"Write more of it: {bounded(begun)}."
            ) from error
        return known[begun[0]]


def end_run(books: Books, house: House, run: str, by: str) -> None:
    """Let a run that is under way end as cancelled, with the steps that were over by then."""
    try:
        begun = books.runs.get(run)
    except NotFoundError:
        return  # it has not begun
    if begun.is_over:
        return
    now, steps = house.clock.now(), begun.steps or steps_told(house.settings.home, run)
    said = f"Cancelled by {by.removeprefix('person:')}."
    books.runs.save(replace(begun, state=RunState.CANCELLED, finished_at=now, error=said, steps=steps,
                            console=kept_console(house, begun)))  # fmt: skip
    draft = Draft(begun.project, by, Kind.RUN_CANCELLED, f"run:{run}", None, house.data_at(books), {})
    books.events.append(draft, now)


def is_cancelled(books: Books, job: Job) -> bool:
    """Say whether somebody has cancelled the job meanwhile."""
    return books.jobs.get(job.id).state is JobState.CANCELLED


def end_killed(house: House, pid: int, error: str, hint: str) -> str:
    """Let the run whose process on this machine was killed end as failed; return its name, or nothing."""
    worker = f"{socket.gethostname()}:{pid}"
    with house.records.writing() as books:
        job = next((each for each in books.jobs.unfinished() if each.worker == worker), None)
        if job is None:
            return ""
        end_failed(books, house, job, error, hint)
        return job.id


def end_failed(books: Books, house: House, job: Job, error: str, hint: str) -> None:
    """Let a job whose process is gone, and its run, end as failed."""
    now = house.clock.now()
    books.jobs.save(finished(job, job.fence, now, error=error), fence=job.fence)
    try:
        begun = books.runs.get(job.id)
    except NotFoundError:
        return
    steps = steps_told(house.settings.home, job.id)
    ended = replace(begun, state=RunState.FAILED, finished_at=now, error=error, hint=hint, steps=steps)
    ended = replace(ended, console=kept_console(house, begun))
    books.runs.save(ended)
    facts = {"error": error, "hint": hint}
    draft = Draft(begun.project, "system:loop", Kind.RUN_FAILED, f"run:{job.id}", None, house.data_at(books), facts)
    books.events.append(draft, now)
