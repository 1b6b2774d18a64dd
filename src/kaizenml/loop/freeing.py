"""Jobs whose worker is gone go back into the queue."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import datetime

from kaizenml.core.job import Job, JobState, Work, released
from kaizenml.core.ports import Books
from kaizenml.core.run import RunState
from kaizenml.loop.live import kept_console
from kaizenml.loop.processes import is_alive
from kaizenml.loop.step_journal import steps_told
from kaizenml.loop.wiring import House


def free_lost_jobs(books: Books, house: House) -> int:
    """Queue again the jobs whose worker is gone: its lease has run out, or its process is no more; return how many."""
    now, freed = house.clock.now(), 0
    for job in books.jobs.unfinished():
        if job.state is not JobState.LEASED:
            continue
        after = _released(job, now)
        if after.state is not JobState.LEASED:
            books.jobs.save(after, fence=job.fence)
            if after.state is JobState.FAILED and job.work is Work.RUN:
                _fail_run(books, house, after)
            freed += 1
    return freed


def is_lost(job: Job, now: datetime) -> bool:
    """Say whether the worker of a job is gone: its lease has run out, or its process is no more."""
    return job.state is JobState.LEASED and _released(job, now).state is not JobState.LEASED


def _released(job: Job, now: datetime) -> Job:
    return released(job if _has_worker(job) else _lapsed(job), now)


def _fail_run(books: Books, house: House, job: Job) -> None:
    """Let the run of a job that is given up end as failed, so that every run reaches an end."""
    for run in books.runs.newest(job.project):
        if run.id == job.id and run.state is RunState.RUNNING:
            steps = steps_told(house.settings.home, run.id)
            ended = replace(run, state=RunState.FAILED, finished_at=house.clock.now(), error=job.error, steps=steps)
            ended = replace(ended, console=kept_console(house, run))
            books.runs.save(ended)


def _has_worker(job: Job) -> bool:
    machine, _, pid = job.worker.rpartition(":")
    return machine != socket.gethostname() or not pid.isdigit() or is_alive(int(pid))


def _lapsed(job: Job) -> Job:
    return replace(job, lease_until=None)
