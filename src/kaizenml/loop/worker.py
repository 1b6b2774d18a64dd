"""A worker: takes jobs from the queue, one at a time, and does them. The only place where a user's steps run."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

import msgspec

from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import Job, JobState, Work, finished
from kaizenml.errors import ConflictError, KaizenError
from kaizenml.loop import data_ordering, why_ordering
from kaizenml.loop.cancelling import is_cancelled
from kaizenml.loop.cycle import go_round
from kaizenml.loop.keeping import keeping, worker_here
from kaizenml.loop.label_choosing import fill_open, fill_review
from kaizenml.loop.label_ordering import FillWish
from kaizenml.loop.loading import load_folder
from kaizenml.loop.looking import look
from kaizenml.loop.running import Order, Way, run
from kaizenml.loop.wiring import House, Say

POLL_SECONDS = 0.03
#: How often it looks for a job although nothing has changed.
LOOK_SECONDS = 1.0
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(FillWish), msgspec.json.Decoder(Way))


def work(house: House, works: Collection[Work], say: Say, *, stop: threading.Event) -> None:
    """Do jobs of these kinds until told to stop."""
    seen: tuple[int, ...] = ()
    looked = 0.0
    while not stop.is_set():
        mark = house.mark()
        if mark == seen and time.monotonic() - looked < LOOK_SECONDS:
            stop.wait(POLL_SECONDS)
            continue
        seen, looked = mark, time.monotonic()
        while not stop.is_set() and (job := claim(house, works)) is not None:
            do(house, job, say)


def claim(house: House, works: Collection[Work]) -> Job | None:
    """Take the oldest queued job of these kinds, if there is one."""
    with house.records.reading() as books:
        if not any(job.state is JobState.QUEUED and job.work in works for job in books.jobs.unfinished()):
            return None
    with house.records.writing() as books:
        return books.jobs.claim(works, worker_here(), house.clock.now())


def do(house: House, job: Job, say: Say) -> None:
    """Do one job while keeping its lease, and write how it ended."""
    result: Mapping[str, object] = {}
    error = ""
    with keeping(house, job):
        try:
            result = _do(house, job, say)
        except KaizenError as failure:
            error = str(failure)
        except KeyboardInterrupt:
            with house.records.reading() as books:
                if not is_cancelled(books, job):
                    raise
            error = "cancelled"
        except Exception:
            error = traceback.format_exc(limit=-3)
    say(f"{job.work} {job.id}: {'failed: ' + error if error else 'done'}")
    _end(house, job, result, error)


def _do(house: House, job: Job, say: Say) -> Mapping[str, object]:
    if job.work is Work.WATCH:
        turns = go_round(house, str(job.facts["endpoint"]))
        return {"turns": len(turns), "watched_until": turns[-1].end.isoformat() if turns else None}
    if job.work is Work.LOOK:
        at = Path(str(job.facts["folder"]))
        return asdict(look(load_folder(at).project, at, house, say))
    if job.work is Work.RUN:
        folder = Path(str(job.facts["folder"]))
        parameters = job.facts.get("parameters", {})
        order = Order(
            id=job.id,
            author=str(job.facts["author"]),
            parameters=parameters if isinstance(parameters, dict) else {},
            cause=job.cause,
            job=job,
            way=msgspec.convert(job.facts.get("way", {}), Way),
        )
        done = run(load_folder(folder), folder, house, order, say)
        return {"run": done.id, "state": done.state, "release": done.release}
    if job.work is Work.TUNE:
        return _tune(house, job, say)
    if job.work is Work.DATA:
        from kaizenml.loop import data_work  # looks at data, which most workers never do

        return data_work.perform(house, job)
    if job.work in (Work.COMPARE, Work.RERUN, Work.ACCEPT):
        from kaizenml.loop import run_work

        return run_work.perform(house, job, say)
    if job.work is Work.WHY:
        from kaizenml.loop import why_work

        return why_work.perform(house, job)
    if job.work is Work.LABEL:
        return {"queued": _fill(house, job)}
    raise KaizenError(f"No worker here knows how to {job.work}.", "Start one of this version: `kaizen up`.")


def _tune(house: House, job: Job, say: Say) -> Mapping[str, object]:
    from kaizenml.loop.tuning import tune

    folder, seconds = Path(str(job.facts["folder"])), job.facts.get("seconds")
    way = msgspec.convert(job.facts.get("way", {}), Way)
    order = Order(job.id, str(job.facts["author"]), {}, cause=job.cause, job=job, way=way)
    found = tune(
        load_folder(folder), folder, house, order, say, trials=int(str(job.facts["trials"])),
        jobs=int(str(job.facts.get("jobs", 1))), seconds=float(str(seconds)) if seconds else None,
    )  # fmt: skip
    return {"run": found.run, "best": dict(found.best.parameters), "metric": found.metric, "value": found.value.value}


def _fill(house: House, job: Job) -> int:
    by = str(job.facts["author"])
    if job.facts["deck"] == "review":
        return fill_review(house, job.project, by=by, cause=job.cause)
    wish = msgspec.convert(dict(job.facts), FillWish, strict=False)
    return fill_open(
        house, job.project, choices=wish.choices, wanted=wish.wanted, share=wish.share, by=by, cause=job.cause
    )


def _end(house: House, job: Job, result: Mapping[str, object], error: str) -> None:
    now = house.clock.now()
    try:
        with house.records.writing() as books:
            mine = books.jobs.get(job.id)
            books.jobs.save(finished(mine, job.fence, now, result=result, error=error), fence=job.fence)
            if error:
                facts = {"work": job.work, "error": error[:500]}
                draft = Draft(job.project, "system:worker", Kind.JOB_FAILED, f"job:{job.id}", job.cause, None, facts)
                books.events.append(draft, now)
    except ConflictError:
        return  # another worker has it now; what this one did was fenced off
    if job.work is Work.DATA:
        data_ordering.forget(house, job)
    if job.work is Work.WHY:
        why_ordering.forget_asked(house, job)


def wait_for_end(house: House, job_id: str, *, seconds: float) -> Job:
    """Return a job once it is over, or as it is when the time is up."""
    end = time.monotonic() + seconds
    while True:
        with house.records.reading() as books:
            job = books.jobs.get(job_id)
        if job.is_over or time.monotonic() > end:
            return job
        time.sleep(POLL_SECONDS)
