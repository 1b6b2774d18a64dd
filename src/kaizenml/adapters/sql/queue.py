"""The queue of jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds
from kaizenml.adapters.sql.statements import found, listed, missing
from kaizenml.adapters.sql.tables import JOBS
from kaizenml.core.job import Job, JobState, Work, claimed
from kaizenml.errors import ConflictError


class SqlJobs:
    """The queue. Every change is compare-and-set: a worker that lost its lease is refused."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enqueue(self, job: Job) -> Job:
        """Queue a job; when one with its key exists already, return that one instead."""
        known = found(self._connection, JOBS, Job, key=job.key)
        if known is not None:
            return known
        row = {name: getattr(job, name) for name in ("id", "key", "project", "work", "state", "fence")}
        at = microseconds(job.created_at)
        self._connection.execute(insert(JOBS).values(**row, created_at=at, body=encoded(job)))
        return job

    def claim(self, works: Collection[Work], worker: str, now: datetime) -> Job | None:
        """Take the oldest queued job of these kinds, if there is one."""
        waiting = select(JOBS.c.body).where(JOBS.c.state == JobState.QUEUED, JOBS.c.work.in_([str(w) for w in works]))
        oldest = waiting.order_by(JOBS.c.created_at, JOBS.c.seq).limit(1).with_for_update(skip_locked=True)
        body = self._connection.execute(oldest).scalar()
        if body is None:
            return None
        job = decoded(body, Job)
        taken = claimed(job, worker, now)
        self.save(taken, fence=job.fence)
        return taken

    def save(self, job: Job, *, fence: int) -> None:
        """Write a job back.

        Raises
        ------
        ConflictError
            When the stored job has another fence, or is over and not the same.
        """
        known = self.get(job.id)
        if known == job:
            return
        if known.fence != fence or known.is_over or not self._swapped(job, fence):
            raise ConflictError(
                f"Job {job.id} is {known.state} under token {known.fence}, so token {fence} may not change it.",
                "Another worker took it over, or it has ended; drop this result.",
                {"job": job.id},
            )

    def get(self, id_: str) -> Job:
        """Return one job, or raise `NotFoundError`."""
        job = found(self._connection, JOBS, Job, id=id_)
        if job is None:
            raise missing(self._connection, "job", id_, JOBS.c.id)
        return job

    def unfinished(self, project: str | None = None) -> list[Job]:
        """Return the jobs that are queued or leased, oldest first."""
        where: list[ColumnElement[bool]] = [JOBS.c.state.in_([str(JobState.QUEUED), str(JobState.LEASED)])]
        where += [JOBS.c.project == project] if project is not None else []
        return listed(self._connection, JOBS, Job, where, [JOBS.c.created_at, JOBS.c.seq])

    def newest(self, *, limit: int = 100) -> list[Job]:
        """Return the newest jobs, newest first."""
        return listed(self._connection, JOBS, Job, [], [JOBS.c.created_at.desc(), JOBS.c.seq.desc()], limit)

    def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs there are in each state."""
        found = self._connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state)).all()
        return {**dict.fromkeys(JobState, 0), **{JobState(state): count for state, count in found}}

    def clear(self, work: Work, *, keep: int) -> int:
        """Delete the jobs of a kind that are over, but for the newest; return how many went."""
        over = JOBS.c.state.in_([str(JobState.DONE), str(JobState.FAILED), str(JobState.CANCELLED)])
        newest = select(JOBS.c.seq).where(JOBS.c.work == str(work), over).order_by(JOBS.c.seq.desc())
        last = self._connection.execute(newest.offset(keep).limit(1)).scalar()
        if last is None:
            return 0
        gone = delete(JOBS).where(JOBS.c.work == str(work), over, JOBS.c.seq <= last)
        return self._connection.execute(gone).rowcount

    def _swapped(self, job: Job, fence: int) -> bool:
        change = update(JOBS).where(JOBS.c.id == job.id, JOBS.c.fence == fence)
        done = self._connection.execute(change.values(state=job.state, fence=job.fence, body=encoded(job)))
        return done.rowcount == 1
