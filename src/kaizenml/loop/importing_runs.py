"""Runs that are brought over: new ones whole, known ones with what they have got since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from kaizenml.core.mlflow.origin import ForeignDataset, ForeignRun, Trouble
from kaizenml.core.mlflow.rows import What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.core.series import Point, order, spelled
from kaizenml.core.series import latest as last_of
from kaizenml.loop import mlflow_runs as runs
from kaizenml.loop.importing_experiments import Arrival
from kaizenml.loop.importing_marks import changed, note
from kaizenml.loop.mlflow_messages import (
    Dataset,
    DatasetInput,
    Metric,
    ModelInput,
    ModelOutput,
    Pair,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    Told,
    text,
    value_of,
)
from kaizenml.loop.mlflow_mirror import as_run, run_of

_READ = msgspec.json.Decoder(Told)


def bring(
    books: Books, now: datetime, place: str, to: Arrival, found: Sequence[ForeignRun], tally: Tally
) -> list[Trouble]:
    """Bring runs over, in the transaction at hand; return what of them could not be."""
    marks = changed(books, What.RUN, found)
    known = books.clients.find_all(What.RUN, marks)
    new = [each for each in found if each.id in marks and each.id not in known]
    _add(books, now, place, to, new, tally)
    troubles: list[Trouble] = []
    for each in found:
        if each.id in known:
            troubles += _grow(books, now, each, _READ.decode(known[each.id].body), tally)
    note(books, What.RUN, place, marks)
    return troubles


def _add(books: Books, now: datetime, place: str, to: Arrival, new: Sequence[ForeignRun], tally: Tally) -> None:
    """Write runs that are not there yet, all together."""
    told = [_told(each, to, place) for each in new]
    books.clients.put_all([runs.document(each) for each in told])
    books.runs.add_all([run_of(each, to.project, {}, now) for each in told])
    books.series.add_all({each.id: each.metrics for each in new})
    tally.brought["runs"] += len(new)
    for each, run in zip(told, new, strict=True):
        tally.brought.update(_sizes(each))
        tally.brought["points"] += sum(len(points) for points in run.metrics.values())


def _grow(books: Books, now: datetime, of: ForeignRun, told: Told, tally: Tally) -> list[Trouble]:
    """Add to a run that is here what it has got at its source; return what could not be added."""
    before, said = _sizes(told), text(told)
    troubles = _merge(told, of)
    points = _new_points(books, told, of.metrics)
    _note_latest(told.data, points)
    runs.keep(books, told)
    books.runs.save(as_run(books, now, told))
    books.series.append(of.id, points)
    tally.grown["runs"] += bool(points) or text(told) != said
    tally.brought.update(_sizes(told) - before)
    tally.brought["points"] += sum(len(series) for series in points.values())
    return troubles


def _sizes(told: Told) -> Counter[str]:
    return Counter(
        {
            "parameters": len(told.data.params), "tags": len(told.data.tags),
            "data sets": len(told.inputs.dataset_inputs),
        }
    )  # fmt: skip


def _told(of: ForeignRun, to: Arrival, place: str) -> Told:
    where = f"mlflow-artifacts:/{to.id}/{of.id}/artifacts"
    start = -1 if of.started_at is None else of.started_at
    info = RunInfo(of.id, of.id, of.name, to.id, of.user, of.status, start, of.ended_at, where, of.stage, place)
    tags = dict(of.tags)
    if of.name:
        tags.setdefault(runs.NAME, of.name)
    data = RunData(params=_pairs(of.params), tags=_pairs(tags))
    _note_latest(data, of.metrics)
    inputs = RunInputs([_input(each) for each in of.datasets], [ModelInput(each) for each in of.models_read])
    return Told(info, data, inputs, RunOutputs([ModelOutput(*each) for each in of.models_made]))


def _merge(told: Told, of: ForeignRun) -> list[Trouble]:
    """Add to a run that is here what the source has and it has not; the source's tags and end are the newer ones."""
    params = {each.key: each.value for each in told.data.params}
    told.data.params += [Pair(key, value) for key, value in of.params.items() if key not in params]
    runs.put_tags(told, list(of.tags.items()))
    info = told.info
    info.run_name = of.name or info.run_name
    info.status, info.end_time, info.lifecycle_stage = of.status, of.ended_at, of.stage
    known = {(each.dataset.name, each.dataset.digest) for each in told.inputs.dataset_inputs}
    told.inputs.dataset_inputs += [_input(each) for each in of.datasets if (each.name, each.digest) not in known]
    read = {each.model_id for each in told.inputs.model_inputs}
    told.inputs.model_inputs += [ModelInput(each) for each in of.models_read if each not in read]
    made = {(each.model_id, each.step) for each in told.outputs.model_outputs}
    told.outputs.model_outputs += [ModelOutput(*each) for each in of.models_made if each not in made]
    return [
        Trouble("parameter", f"{of.id}/{key}", "the run has another value here, which stays")
        for key, value in of.params.items()
        if params.get(key, value) != value
    ]


def _new_points(books: Books, told: Told, metrics: Mapping[str, Sequence[Point]]) -> dict[str, Sequence[Point]]:
    """Return the points that a run has at its source and not here; a point may be there twice."""
    known = books.series.last(told.info.run_id)
    found: dict[str, Sequence[Point]] = {}
    for key, points in metrics.items():
        lack = list(points)
        if key in known:
            there = Counter(_identity(each) for each in books.series.read(told.info.run_id, key))
            lack = []
            for each in points:
                if there[_identity(each)] > 0:
                    there[_identity(each)] -= 1
                else:
                    lack.append(each)
        if lack:
            found[key] = lack
    return found


def _note_latest(data: RunData, points: Mapping[str, Sequence[Point]]) -> None:
    """Let the latest values follow."""
    latest = {each.key: each for each in data.metrics}
    for key, series in points.items():
        last, known = last_of(series), latest.get(key)
        if known is None:
            data.metrics.append(Metric(key, spelled(last.value), last.at // 1000, last.step))
        elif order(last) > order(Point(known.step, known.timestamp * 1000, value_of(known))):
            known.value, known.timestamp, known.step = spelled(last.value), last.at // 1000, last.step


def _input(of: ForeignDataset) -> DatasetInput:
    return DatasetInput(_pairs(of.tags), Dataset(of.name, of.digest, of.source_type, of.source, of.schema, of.profile))


def _pairs(found: Mapping[str, str]) -> list[Pair]:
    return [Pair(key, value) for key, value in found.items()]


def _identity(point: Point) -> tuple[int, int, str]:
    return point.step, point.at, repr(point.value)
