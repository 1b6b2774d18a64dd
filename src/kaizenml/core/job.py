"""Queued work: at least once, with a lease, a heartbeat and a fencing token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kaizenml.errors import ConflictError, StateError

#: A worker that has not been heard of for this long has lost its job.
LEASE_SECONDS = 30.0
#: A job that lost its worker this often is given up.
MOST_ATTEMPTS = 3


class JobState(StrEnum):
    """Where a job is. Done, failed and cancelled are final."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Work(StrEnum):
    """What a job does."""

    RUN = "run"  # a pipeline of a project, from its data to a gated release
    WATCH = "watch"  # bring the monitors of an endpoint up to date
    BACKTEST = "backtest"  # compare two releases on labelled history
    PACKAGE = "package"  # build the wheel of a release
    LOOK = "look"  # load what is new in a project's source, and say so
    TUNE = "tune"  # look for better parameters of a project's steps
    COMPARE = "compare"  # say where runs differ
    RERUN = "rerun"  # execute an old run again from its record
    ACCEPT = "accept"  # declare that a step's changed code gives what it gave
    WHY = "why"  # say what made a prediction
    DATA = "data"  # look into a project's data, or clear and erase some of them
    LABEL = "label"  # choose the rows of a project that people are to label, or look at again


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of queued work.

    ``key`` makes asking twice the same as asking once. ``fence`` grows with every claim: a worker whose fence is no
    longer the job's has been replaced, and what it says is refused.
    """

    id: str
    key: str
    project: str
    work: Work
    facts: Mapping[str, object]
    created_at: datetime
    cause: int | None = None
    state: JobState = JobState.QUEUED
    attempts: int = 0
    fence: int = 0
    worker: str = ""
    lease_until: datetime | None = None
    finished_at: datetime | None = None
    result: Mapping[str, object] = field(default_factory=dict)
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to this job."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def claimed(job: Job, worker: str, now: datetime) -> Job:
    """Return the job as taken by a worker until its lease ends."""
    return replace(
        job,
        state=JobState.LEASED,
        worker=worker,
        attempts=job.attempts + 1,
        fence=job.fence + 1,
        lease_until=now + timedelta(seconds=LEASE_SECONDS),
    )


def renewed(job: Job, fence: int, now: datetime) -> Job:
    """Return the job with a fresh lease, for the worker that holds it.

    Raises
    ------
    ConflictError
        When the job has been given to another worker, or is over.
    """
    _check(job, fence)
    return replace(job, lease_until=now + timedelta(seconds=LEASE_SECONDS))


def finished(
    job: Job, fence: int, now: datetime, *, result: Mapping[str, object] | None = None, error: str = ""
) -> Job:
    """Return the job as done, or as failed when there is an error.

    Raises
    ------
    ConflictError
        When the job has been given to another worker, or is over.
    """
    _check(job, fence)
    state = JobState.FAILED if error else JobState.DONE
    return replace(job, state=state, finished_at=now, lease_until=None, result=dict(result or {}), error=error)


def cancelled(job: Job, now: datetime, by: str) -> Job:
    """Return the job as cancelled by somebody.

    Raises
    ------
    StateError
        When it is over.
    """
    if job.is_over:
        raise StateError(f"Job {job.id} is {job.state} already.", "There is nothing to cancel.")
    said = f"Cancelled by {by.removeprefix('person:')}."
    return replace(job, state=JobState.CANCELLED, finished_at=now, lease_until=None, error=said)


def released(job: Job, now: datetime) -> Job:
    """Return a job whose lease has run out: queued again, or failed when it has been tried often enough."""
    if job.state is not JobState.LEASED or (job.lease_until and job.lease_until > now):
        return job
    if job.attempts >= MOST_ATTEMPTS:
        said = f"Its worker died {job.attempts} times."
        return replace(job, state=JobState.FAILED, finished_at=now, lease_until=None, error=said)
    return replace(job, state=JobState.QUEUED, worker="", lease_until=None)


def _check(job: Job, fence: int) -> None:
    if job.state is not JobState.LEASED or job.fence != fence:
        raise ConflictError(
            f"Job {job.id} is {job.state} under token {job.fence}, not held under token {fence}.",
            "Another worker took it over; drop this result.",
            {"job": job.id},
        )
