"""Going on with a run that was interrupted: what it was asked for, with what is asked now in its place."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kaizenml.core.job import Job, JobState, Work
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, StateError
from kaizenml.loop.cancelling import end_failed
from kaizenml.loop.freeing import is_lost
from kaizenml.loop.order import Way
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House

#: What of a way was not asked for.
_UNASKED: tuple[object, ...] = ("", TRAINING, True, (), [])
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = msgspec.json.Decoder(Way)


def as_before(
    house: House, project: str, parameters: Mapping[str, object], asked: Mapping[str, object]
) -> tuple[dict[str, object], Way]:
    """Return the parameters and the way of a run; of one that resumes another, that one's where nothing else is said.

    Parameters
    ----------
    asked
        What `Way` has. The run to go on with may be called as everywhere: by its id, how that begins, or its name.

    Raises
    ------
    NotFoundError
        When there is no such run.
    StateError
        When it was none of a pipeline of this project, or is not over.
    """
    if not asked.get("resumes"):
        return dict(parameters), msgspec.convert(asked, Way)
    with house.records.writing() as books:
        job = _job(books, project, str(asked["resumes"]))
        _end(books, house, job)
    now = {name: value for name, value in asked.items() if value not in _UNASKED} | {"resumes": job.id}
    before = msgspec.convert(job.facts.get("parameters", {}), dict[str, object])
    way = msgspec.convert(job.facts.get("way", {}), dict[str, object])
    return {**before, **parameters}, msgspec.convert({**way, **now}, Way)


def _end(books: Books, house: House, job: Job) -> None:
    """Let a run whose process is gone end as failed, so that no worker takes it over beside the one that goes on."""
    if job.is_over:
        return
    if not is_lost(job, house.clock.now()):
        raise StateError(
            f"{job.id} is {'waiting for a worker' if job.state is JobState.QUEUED else 'under way'}.",
            f"Wait for its end, or end it: `kaizen cancel {job.id}`.",
        )
    end_failed(books, house, job, "Its process died.", f"Go on with it: `kaizen run --resume {job.id}`.")


def asked_before(house: House, project: str, facts: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a job is asked for, with that of the run that it goes on with; see `as_before`."""
    way = msgspec.convert(facts.get("way", {}), dict[str, object])
    if not way.get("resumes"):
        return facts
    given = msgspec.convert(facts.get("parameters", {}), dict[str, object])
    parameters, found = as_before(house, project, given, way)
    return {**facts, "parameters": parameters, "way": msgspec.to_builtins(found)}


def _job(books: Books, project: str, word: str) -> Job:
    try:
        job = books.jobs.get(word)  # one that was cancelled before it began is no run yet
    except NotFoundError:
        run = found_run(books, word)
        try:
            job = books.jobs.get(run.id)
        except NotFoundError:
            raise _no_pipeline(run.id, project) from None
    if job.work is not Work.RUN or job.project != project:
        raise _no_pipeline(job.id, project)
    return job


def _no_pipeline(run: str, project: str) -> StateError:
    return StateError(
        f"{run} is no run of a pipeline of {project} that could be gone on with.",
        f"`kaizen show {run}` says what it was.",
    )
