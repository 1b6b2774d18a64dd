"""Runs that MLflow's clients tell of: they are runs of ours, and answered as the clients know them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from kaizenml.core.mlflow import limits
from kaizenml.core.mlflow.errors import absent, invalid
from kaizenml.core.mlflow.rows import ACTIVE, Document, What
from kaizenml.core.ports import Books
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop.mlflow_messages import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    Pair,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    Told,
    text,
)
from kaizenml.loop.mlflow_mirror import mirrored

NAME = "mlflow.runName"
HISTORY = "mlflow.log-model.history"
RUNNING = "RUNNING"
STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
_READ = msgspec.json.Decoder(Told)
#: What the tag of old clients tells of a model.
_TAG_FIELDS = ("run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors")
_FIRST = ("able", "calm", "clear", "fair", "fleet", "keen", "kind", "merry", "neat", "plain", "quick", "sunny", "warm")
_SECOND = ("alder", "brook", "cedar", "dune", "finch", "heron", "lark", "linden", "otter", "pine", "reed", "wren")


def create(
    books: Books, now: datetime, experiment: str, user: str, start: int, name: str, tags: Sequence[tuple[str, str]]
) -> Told:
    """Begin a run.

    Raises
    ------
    WireError
        When the experiment is deleted or not there, or the run is called by two names.
    """
    of = experiments.active(books, experiment)
    known = {key: limits.checked_tag(key, value, f"tags[{index}]") for index, (key, value) in enumerate(tags)}
    if name and known.get(NAME) and name != known[NAME]:
        raise invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{name}', mlflow.runName='{known[NAME]}')."
        )
    called = name or known.get(NAME) or random_name()
    known.setdefault(NAME, called)
    id_ = uuid4().hex
    where = f"{of.artifact_location.rstrip('/')}/{id_}/artifacts"
    info = RunInfo(id_, id_, called, of.experiment_id, user, RUNNING, start, None, where, ACTIVE)
    told = Told(info, RunData(tags=[Pair(*each) for each in known.items()]), RunInputs(), RunOutputs())
    keep(books, told)
    mirrored(books, now, told, is_new=True)
    return told


def get(books: Books, id_: str) -> Told:
    """Return a run, or raise the error that there is none."""
    found = books.clients.find(What.RUN, id_)
    if found is None:
        raise absent(f"Run with id={id_} not found")
    return _READ.decode(found.body)


def body(books: Books, id_: str) -> str:
    """Return a run's JSON."""
    found = books.clients.find(What.RUN, id_)
    if found is None:
        raise absent(f"Run with id={id_} not found")
    return found.body


def open_run(books: Books, id_: str) -> Told:
    """Return a run that is not deleted."""
    told = get(books, id_)
    if told.info.lifecycle_stage != ACTIVE:
        raise invalid(f"The run {id_} must be in the 'active' state. Current state is {told.info.lifecycle_stage}.")
    return told


def keep(books: Books, told: Told) -> None:
    """Remember a run."""
    books.clients.put(document(told))


def document(told: Told) -> Document:
    """Return a run as it is remembered."""
    of = told.info
    return Document(
        What.RUN, of.run_id, text(told), of.experiment_id, of.user_id, of.status, of.lifecycle_stage,
        of.start_time, of.end_time,
    )  # fmt: skip


def update(books: Books, now: datetime, id_: str, status: str | None, end: int | None, name: str | None) -> RunInfo:
    """Change a run's status, end and name, where they are told."""
    if status is not None and status not in STATUSES:
        raise invalid(f"Invalid value {limits.shown(status)} for parameter 'status' supplied.")
    told = open_run(books, id_)
    before = told.info.status
    told.info.status = status or before
    told.info.end_time = end or told.info.end_time
    if name:
        told.info.run_name = name
        _set(told.data, NAME, name)
    keep(books, told)
    mirrored(books, now, told, was=before)
    return told.info


def move(books: Books, now: datetime, id_: str, stage: str) -> None:
    """Delete or restore a run."""
    told = get(books, id_)
    told.info.lifecycle_stage = stage
    keep(books, told)
    mirrored(books, now, told)


def move_all(books: Books, now: datetime, experiment: str, stage: str) -> None:
    """Delete or restore every run of an experiment."""
    for each in books.clients.all(What.RUN, scopes=[experiment]):
        if each.stage != stage:
            move(books, now, each.id, stage)


def set_tags(books: Books, now: datetime, id_: str, tags: Sequence[tuple[str, str]]) -> None:
    """Set tags; that with the run's name renames it."""
    told = open_run(books, id_)
    put_tags(told, tags)
    keep(books, told)
    mirrored(books, now, told)


def put_tags(told: Told, tags: Sequence[tuple[str, str]]) -> None:
    """Set tags on a run at hand."""
    for key, value in tags:
        _set(told.data, key, value)
        if key == NAME:
            told.info.run_name = value


def delete_tag(books: Books, now: datetime, id_: str, key: str) -> None:
    """Take a tag away."""
    told = open_run(books, id_)
    left = [each for each in told.data.tags if each.key != key]
    if len(left) == len(told.data.tags):
        raise absent(f"No tag with name: {key} in run with id {id_}")
    told.data.tags = left
    keep(books, told)
    mirrored(books, now, told)


def log_param(books: Books, now: datetime, id_: str, key: str, value: str) -> None:
    """Log a parameter: once, or again with the same value."""
    told = open_run(books, id_)
    known = next((each.value for each in told.data.params if each.key == key), None)
    if known is not None and known != value:
        raise limits.changed_param(key, known, id_, value)
    if known is None:
        told.data.params.append(Pair(key, value))
        keep(books, told)
        mirrored(books, now, told)


def put_params(told: Told, params: Sequence[tuple[str, str]]) -> None:
    """Log parameters on a run at hand: all of them, or none when one was told otherwise before."""
    known = {each.key: each.value for each in told.data.params}
    wrong = [
        {"key": key, "old_value": known[key], "new_value": value}
        for key, value in params
        if known.get(key, value) != value
    ]
    if wrong:
        raise invalid(
            f"Changing param values is not allowed. Params were already logged='{wrong}' for run "
            f"ID='{told.info.run_id}'."
        )
    told.data.params += [Pair(key, value) for key, value in params if key not in known]


def log_inputs(
    books: Books, id_: str, datasets: Sequence[tuple[Dataset, Sequence[Pair]]], models: Sequence[str]
) -> None:
    """Note what a run read; a data set that it has read already is not noted again."""
    told = open_run(books, id_)
    known = {(each.dataset.name, each.dataset.digest) for each in told.inputs.dataset_inputs}
    for dataset, tags in datasets:
        if (dataset.name, dataset.digest) not in known:
            known.add((dataset.name, dataset.digest))
            told.inputs.dataset_inputs.append(DatasetInput(list(tags), dataset))
    there = {each.model_id for each in told.inputs.model_inputs}
    told.inputs.model_inputs += [ModelInput(each) for each in dict.fromkeys(models) if each not in there]
    keep(books, told)


def log_outputs(books: Books, id_: str, models: Sequence[tuple[str, int]]) -> None:
    """Note which logged models a run made."""
    told = open_run(books, id_)
    told.outputs.model_outputs += [ModelOutput(*each) for each in models]
    keep(books, told)


def record_model(books: Books, now: datetime, id_: str, model: str) -> None:
    """Note a model in the tag where clients before MLflow 3 look for it."""
    try:
        found = json.loads(model)
    except ValueError:
        raise invalid(f"Malformed model info. \n {model[:1000]} \n is not a valid JSON.") from None
    missing = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(found)
    if missing:
        raise invalid(f"Model json is missing mandatory fields: {missing}")
    told = open_run(books, id_)
    known = json.loads(told.tag(HISTORY) or "[]")
    value = json.dumps([*known, {key: found.get(key) for key in _TAG_FIELDS}])
    set_tags(books, now, id_, [(HISTORY, limits.checked_tag(HISTORY, value))])


def random_name() -> str:
    """Return a name for what has none."""
    return f"{random.choice(_FIRST)}-{random.choice(_SECOND)}-{random.randrange(1000)}"


def _set(data: RunData, key: str, value: str) -> None:
    for each in data.tags:
        if each.key == key:
            each.value = value
            return
    data.tags.append(Pair(key, value))
