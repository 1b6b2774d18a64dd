"""Work that a command does itself, known to everybody as a job: it can be cancelled from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from kaizenml.core.job import LEASE_SECONDS, Job, JobState, Work, cancelled, finished
from kaizenml.errors import CancelledError, ConflictError, KaizenError


@contextmanager
def own_job(
    house: Any, project: str, work: Work, facts: Mapping[str, object], *, again: str, prefix: str = ""
) -> Iterator[Job]:
    """Queue work as a job that this process holds already, while the block does it.

    Parameters
    ----------
    again
        How the work is gone on with when it was cancelled; ``{}`` stands for the job's name.

    Raises
    ------
    CancelledError
        When somebody cancelled it.
    """
    from kaizenml.loop.keeping import keeping

    job = _queued(house, project, work, facts, prefix)
    try:
        with keeping(house, job):
            yield job
    except BaseException as error:
        _end(house, job, error, again)
        raise
    _end(house, job, None, again)


def _queued(house: Any, project: str, work: Work, facts: Mapping[str, object], prefix: str) -> Job:
    from kaizenml.loop.keeping import worker_here

    now = house.clock.now()
    id_ = f"{prefix}{project}-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    job = Job(id_, id_, project, work, facts, now, state=JobState.LEASED, attempts=1, fence=1, worker=worker_here())
    with house.records.writing() as books:
        return books.jobs.enqueue(replace(job, lease_until=now + timedelta(seconds=LEASE_SECONDS)))  # type: ignore[no-any-return]


def _ended(mine: Job, job: Job, error: BaseException | None, now: datetime) -> Job:
    """Return the job as done or failed; by Ctrl-C it is cancelled, as its run is, by whom it is of."""
    if isinstance(error, KeyboardInterrupt) and not mine.is_over:
        return cancelled(mine, now, str(job.facts["author"]))
    said = "" if error is None else str(error) or type(error).__name__
    return finished(mine, job.fence, now, error=said)


def _end(house: Any, job: Job, error: BaseException | None, again: str) -> None:
    try:
        with house.records.writing() as books:
            mine = books.jobs.get(job.id)
            books.jobs.save(_ended(mine, job, error, house.clock.now()), fence=job.fence)
    except ConflictError as lost:
        if mine.state is JobState.CANCELLED:
            raise CancelledError(f"Run {job.id}: {mine.error}", again.format(job.id)) from lost
        raise KaizenError("Another worker took this run over.", "See `kaizen runs`.") from lost
