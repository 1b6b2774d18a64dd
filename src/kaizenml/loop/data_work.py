"""Work on a project's data, as a worker does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec

from kaizenml.core.job import Job
from kaizenml.errors import KaizenError, UsageError
from kaizenml.loop import versioning
from kaizenml.loop.cleaning import looked_at, told
from kaizenml.loop.data_ordering import ERASING, Act, Erasing
from kaizenml.loop.exploring import explored
from kaizenml.loop.loading import load_folder
from kaizenml.loop.wiring import House

#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Erasing),)


def perform(house: House, job: Job) -> Mapping[str, object]:
    """Do the work; what it finds lies among the blobs, and the result says where."""
    act = Act(str(job.facts["act"]))
    found = _performed(house, job, act)
    content = found if isinstance(found, bytes) else msgspec.json.encode(found)
    return {"act": act, "document": house.blobs.put(content)}


def _performed(house: House, job: Job, act: Act) -> object:
    folder, facts = Path(str(job.facts["folder"])), job.facts
    match act:
        case Act.EXPLORE:
            names = str(facts.get("snapshot", "")), str(facts.get("against", ""))
            return explored(load_folder(folder).project, folder, house, *names).exploration
        case Act.CLEAN:
            return told(looked_at(load_folder(folder).project, folder, house))
        case Act.GC:
            return _cleared(house, facts)
        case Act.ERASE:
            return _erased(house, job)


def _cleared(house: House, facts: Mapping[str, object]) -> object:
    grace = timedelta(hours=float(str(facts["grace_hours"])))
    is_rehearsal = bool(facts["dry_run"])
    return {"is_rehearsal": is_rehearsal, "tables": versioning.clear(house, is_rehearsal=is_rehearsal, grace=grace)}


def _erased(house: House, job: Job) -> object:
    with house.records.reading() as books:
        declared, noted = books.declarations.get(job.project), books.notes.get(ERASING, job.id)
    if noted is None:
        raise KaizenError(f"Whose rows {job.id} is to erase is not known any more.", "Ask for it again.")
    wish = msgspec.convert(noted, Erasing)
    column = wish.column or declared.id
    if column is None:
        raise UsageError(f"{declared.project} has no id column.", "Say which column names the person.")
    return versioning.erase(
        house, declared, column, wish.value, because=wish.because, by=str(job.facts["author"]), gives_up=wish.gives_up
    )
