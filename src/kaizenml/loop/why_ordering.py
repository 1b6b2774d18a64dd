"""What made a prediction, asked for through the queue: a worker loads the model and says it.

The job names no row: what was asked, and what was found, are notes, which go when a person's rows are erased.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import count

from kaizenml.core.digest import digest_of
from kaizenml.core.job import Job, JobState, Work
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, StateError
from kaizenml.loop.answered_rows import found, label_of
from kaizenml.loop.wiring import House

#: What was asked for, and what was found, by the name of the job.
ASKED, FOUND = "why-asked", "why-found"
#: So many of the newest answers are kept.
MOST_KEPT = 50
_POLL_SECONDS = 0.05


def queue_why(house: House, endpoint: str, id_: str, *, release: str, by: str) -> Job:
    """Queue the question, or return the job that answers it: one of the same answers, label and release.

    Raises
    ------
    NotFoundError
        When nobody knows the prediction, with the close match.
    """
    _, rows = found(house, [endpoint], f"{endpoint}/{id_}")
    label = label_of(house, endpoint, id_)
    by_release = rows["release"].unique().sort().to_list()
    if release and release not in by_release:
        raise NotFoundError(f"answer to {id_} by release", release, by_release)
    now = house.clock.now()
    with house.records.writing() as books:
        project = books.endpoints.get(endpoint).project
        states = [_state(books, each) for each in by_release]
        facts = [endpoint, id_, release, len(rows), str(rows["at"].max()), str(label.rows()), states]
        key = digest_of(facts)
        for attempt in count():
            name = f"why-{project}-{now:%Y%m%d-%H%M%S-%f}"
            asked = Job(name, f"why/{key}/{attempt}", project, Work.WHY, {"author": by}, now)
            job = books.jobs.enqueue(asked)
            if job.id == name:
                books.notes.put(ASKED, name, {"prediction": f"{endpoint}/{id_}", "release": release})
            if not job.is_over or (job.state is JobState.DONE and books.notes.get(FOUND, job.id) is not None):
                return job
    raise AssertionError  # the count has no end


def waited_for(house: House, job: Job, *, seconds: float) -> Job:
    """Return a job once it is over, or as it is when the time is up."""
    end = time.monotonic() + seconds
    while not job.is_over and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
        with house.records.reading() as books:
            job = books.jobs.get(job.id)
    return job


def answered(house: House, job: Job) -> object:
    """Return what a job found that is over.

    Raises
    ------
    StateError
        When it failed, or its answer was erased meanwhile.
    """
    with house.records.reading() as books:
        document = books.notes.get(FOUND, job.id)
    if job.state is not JobState.DONE or document is None:
        raise StateError(f"{job.id} is {job.state}{': ' if job.error else ''}{job.error}", "Mend that, and ask anew.")
    return document


def asked_of(books: Books, job: Job) -> Mapping[str, str]:
    """Return what a job was asked: the prediction and the release.

    Raises
    ------
    StateError
        When it was erased meanwhile.
    """
    asked = books.notes.get(ASKED, job.id)
    if not isinstance(asked, dict):
        raise StateError(f"What {job.id} was asked is not known any more.", "Ask for it again.")
    return {name: str(value) for name, value in asked.items()}


def keep(books: Books, job: Job, document: object) -> None:
    """Keep what a job found, and of all answers the newest."""
    books.notes.put(FOUND, job.id, document)
    kept = [name for name, found in books.notes.all(FOUND).items() if found is not None]
    for name in sorted(kept, key=lambda name: name.split("-")[-3:])[:-MOST_KEPT]:  # the end of a name is its time
        books.notes.put(FOUND, name, None)
    books.jobs.clear(Work.WHY, keep=MOST_KEPT)


def forget_asked(house: House, job: Job) -> None:
    """Leave nothing of what was asked, once the job is over."""
    with house.records.writing() as books:
        if books.notes.get(ASKED, job.id) is not None:
            books.notes.put(ASKED, job.id, None)


def forget(books: Books, project: str) -> None:
    """Forget all that was asked and found about the predictions of a project."""
    for kind in (ASKED, FOUND):
        for name, noted in books.notes.all(kind).items():
            if noted is not None and name.startswith(f"why-{project}-"):
                books.notes.put(kind, name, None)


def _state(books: Books, release: str) -> str:
    try:
        return str(books.releases.get(release).state)
    except NotFoundError:
        return ""
