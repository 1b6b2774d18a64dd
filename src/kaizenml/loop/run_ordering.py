"""Comparisons and repetitions of runs, and the acceptance of code, ordered through the queue: a worker does them."""

from __future__ import annotations

from collections.abc import Sequence

from kaizenml.core.job import Job, Work
from kaizenml.errors import UsageError
from kaizenml.loop.data_ordering import found
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House


def queue_comparison(house: House, words: Sequence[str], *, by: str) -> Job:
    """Queue the comparison of runs with the first of them.

    Raises
    ------
    UsageError
        For fewer than two.
    NotFoundError
        For a run that nobody knows.
    """
    if len(words) < 2:
        raise UsageError("One run alone is not compared.", "Name two or more.")
    return _queued(house, Work.COMPARE, list(words), {"author": by})


def queue_rerun(house: House, word: str, *, by: str, anyway: bool) -> Job:
    """Queue the execution of an old run from its record; `NotFoundError` for one that nobody knows."""
    return _queued(house, Work.RERUN, [word], {"author": by, "anyway": anyway})


def queue_acceptance(house: House, project: str, step: str, *, by: str, because: str) -> Job:
    """Queue the declaration that a step's changed code gives what it gave; `NotFoundError` for an unknown project."""
    now = house.clock.now()
    with house.records.writing() as books:
        facts = {"folder": books.declarations.get(project).folder, "author": by, "step": step, "because": because}
        id_ = f"{Work.ACCEPT}-{project}-{now:%Y%m%d-%H%M%S-%f}"
        return books.jobs.enqueue(Job(id_, id_, project, Work.ACCEPT, facts, now))


def document(house: House, id_: str) -> bytes:
    """Return, as JSON, what such a job found; see `data_ordering.found`."""
    return found(house, id_, (Work.COMPARE, Work.RERUN, Work.ACCEPT))


def _queued(house: House, work: Work, words: list[str], facts: dict[str, object]) -> Job:
    now = house.clock.now()
    with house.records.writing() as books:
        runs = [found_run(books, word) for word in words]
        id_ = f"{work}-{runs[0].project}-{now:%Y%m%d-%H%M%S-%f}"
        asked = {"runs": [run.id for run in runs], **facts}
        return books.jobs.enqueue(Job(id_, id_, runs[0].project, work, asked, now))
