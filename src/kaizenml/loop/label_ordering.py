"""The choosing of rows to label is ordered through the queue, because it asks a model: a worker does it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from kaizenml.core.job import Job, Work
from kaizenml.core.labelling import CONTROL_SHARE
from kaizenml.core.names import checked_name
from kaizenml.loop.wiring import House


@dataclass(frozen=True, slots=True)
class FillWish:
    """Which rows somebody wants in the queue of labels: in which deck, and of the open ones how."""

    deck: str = "main"
    choices: tuple[str, ...] = ()
    wanted: int = 1
    share: float = CONTROL_SHARE


def queue_filling(house: House, project: str, wish: FillWish, *, by: str) -> Job:
    """Queue the choosing of rows to label; while one is waiting or under way, return that one."""
    checked_name("project", project)
    now = house.clock.now()
    with house.records.writing() as books:
        for job in books.jobs.unfinished(project):
            if job.work is Work.LABEL and job.facts["deck"] == wish.deck:
                return job
        id_ = f"label-{project}-{wish.deck}-{now:%Y%m%d-%H%M%S-%f}"
        facts = {**asdict(wish), "author": by}
        return books.jobs.enqueue(Job(id_, id_, project, Work.LABEL, facts, now))
