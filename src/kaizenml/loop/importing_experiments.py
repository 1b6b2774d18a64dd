"""Experiments that are brought over: each becomes one of ours, under its own id where that is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kaizenml.core.mlflow.limits import LONGEST_EXPERIMENT
from kaizenml.core.mlflow.origin import ForeignExperiment
from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.ports import Books
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop.importing_marks import mark_of
from kaizenml.loop.mlflow_messages import Experiment, Pair


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where an experiment went: its id, name and project here; what is new; what a person should know."""

    id: str
    name: str
    project: str
    is_new: bool = False
    has_grown: bool = False
    note: str = ""


class _Known(msgspec.Struct):
    id: str
    mark: str


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(_Known),)


def bring(books: Books, now: datetime, place: str, foreign: ForeignExperiment, name: str) -> Arrival:
    """Bring an experiment over under a name; one that has this name already takes the runs in."""
    key, mark = f"experiment/{place}/{foreign.id}", mark_of(foreign)
    known = books.clients.find(What.ORIGIN, key)
    if known is None:
        found = books.clients.all(What.EXPERIMENT, name=name)
        arrival = _joined(books, found[0], foreign) if found else _made(books, now, foreign, name)
    else:
        said = msgspec.json.decode(known.body, type=_Known)
        arrival = _again(books, said.id, foreign, has_changed=said.mark != mark)
    body = msgspec.json.encode(_Known(arrival.id, mark)).decode()
    if known is None or known.body != body:
        books.clients.put(Document(What.ORIGIN, key, body, scope=place))
    return arrival


def called(foreign: ForeignExperiment) -> str:
    """Return an experiment's name as it can be kept here."""
    return foreign.name[:LONGEST_EXPERIMENT] or f"experiment {foreign.id}"


def _made(books: Books, now: datetime, foreign: ForeignExperiment, name: str) -> Arrival:
    number = foreign.id
    note = ""
    if books.clients.find(What.EXPERIMENT, number) is not None:
        number = str(max(int(each.id) for each in books.clients.all(What.EXPERIMENT)) + 1)
        note = f"Experiment {name!r} has the id {number} here: {foreign.id} is another's."
    at = experiments.milliseconds(now)
    made = Experiment(
        number, name, f"mlflow-artifacts:/{number}", foreign.stage, foreign.updated_at or foreign.created_at or at,
        foreign.created_at or at, _pairs(foreign.tags),
    )  # fmt: skip
    project = experiments.project_for(books, name)
    experiments.put(books, made, project)
    return Arrival(number, name, project, is_new=True, note=note)


def _joined(books: Books, found: Document, foreign: ForeignExperiment) -> Arrival:
    """Let the runs go to the experiment that is here under this name; its tags stay as they are, and get more."""
    here = experiments.get(books, found.id)
    known = {each.key: each.value for each in here.tags or ()}
    has_grown = bool(set(foreign.tags) - set(known))
    if has_grown:
        here.tags = _pairs({**foreign.tags, **known})
        experiments.put(books, here)
    is_default = foreign.id == found.id == experiments.DEFAULT
    note = "" if is_default else f"Experiment {here.name!r} was here already; the runs have joined it."
    return Arrival(here.experiment_id, here.name, found.state, has_grown=has_grown, note=note)


def _again(books: Books, number: str, foreign: ForeignExperiment, *, has_changed: bool) -> Arrival:
    here = experiments.get(books, number)
    if has_changed:
        known = {each.key: each.value for each in here.tags or ()}
        here.tags = _pairs({**known, **foreign.tags})
        here.lifecycle_stage = foreign.stage
        here.last_update_time = max(here.last_update_time, foreign.updated_at)
        experiments.put(books, here)
    return Arrival(number, here.name, experiments.project_of(books, number), has_grown=has_changed)


def _pairs(tags: Mapping[str, str]) -> list[Pair] | msgspec.UnsetType:
    found = [Pair(key, value) for key, value in tags.items()]
    return found or msgspec.UNSET
