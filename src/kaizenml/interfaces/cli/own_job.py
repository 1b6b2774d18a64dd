"""Work that a command does itself, known to everybody as a job: it can be cancelled from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from kaizenml.core.job import LEASE_SECONDS, Job, JobState, Work, finished
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
        _end(house, job, str(error) or type(error).__name__, again)
        raise
    _end(house, job, "", again)


def _queued(house: Any, project: str, work: Work, facts: Mapping[str, object], prefix: str) -> Job:
    from kaizenml.loop.keeping import worker_here

    now = house.clock.now()
    id_ = f"{prefix}{project}-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    job = Job(id_, id_, project, work, facts, now, state=JobState.LEASED, attempts=1, fence=1, worker=worker_here())
    with house.records.writing() as books:
        return books.jobs.enqueue(replace(job, lease_until=now + timedelta(seconds=LEASE_SECONDS)))  # type: ignore[no-any-return]


def _end(house: Any, job: Job, error: str, again: str) -> None:
    try:
        with house.records.writing() as books:
            mine = books.jobs.get(job.id)
            books.jobs.save(finished(mine, job.fence, house.clock.now(), error=error), fence=job.fence)
    except ConflictError as lost:
        if mine.state is JobState.CANCELLED:
            raise CancelledError(f"Run {job.id}: {mine.error}", again.format(job.id)) from lost
        raise KaizenError("Another worker took this run over.", "See `kaizen runs`.") from lost
