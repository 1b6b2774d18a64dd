"""What made a prediction, as a worker finds out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kaizenml.core.job import Job
from kaizenml.errors import NotFoundError, StateError
from kaizenml.loop.evaluation_report import spelled_out
from kaizenml.loop.explaining import explained
from kaizenml.loop.why_ordering import asked_of, keep
from kaizenml.loop.wiring import House


def perform(house: House, job: Job) -> Mapping[str, object]:
    """Ask the model, and keep what it said beside the job."""
    with house.records.reading() as books:
        asked = asked_of(books, job)
    try:
        found = explained(house, asked["prediction"], release=asked["release"])
    except NotFoundError:  # its words would name what was erased
        raise StateError("The prediction is not there any more.", "It was erased since it was asked for.") from None
    document = spelled_out(msgspec.json.decode(msgspec.json.encode(found)))
    with house.records.writing() as books:
        asked_of(books, job)  # what was erased meanwhile is not kept
        keep(books, job, document)
    return {}
