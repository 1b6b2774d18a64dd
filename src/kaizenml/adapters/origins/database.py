"""A database of MLflow's, ``mlflow.db`` or one in PostgreSQL: only read, some hundred runs at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from kaizenml.adapters.origins.places import Places, files_in
from kaizenml.adapters.origins.places import opened as opened_file
from kaizenml.adapters.origins.registered_rows import registered_in
from kaizenml.adapters.origins.rows import Row, Rows
from kaizenml.adapters.origins.words import Troubles, is_run_id, moment, pairs, point, stage, text, whole
from kaizenml.core.mlflow.origin import (
    MODEL_STATUSES,
    RUN_STATUSES,
    ForeignDataset,
    ForeignExperiment,
    ForeignFile,
    ForeignMeasurement,
    ForeignModel,
    ForeignRegistered,
    ForeignRun,
)
from kaizenml.core.series import Point
from kaizenml.errors import SourceError

T = TypeVar("T")
_AT_ONCE = 200
_RUN = (
    "run_uuid", "name", "user_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri",
    "experiment_id",
)  # fmt: skip
_MODEL = (
    "model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms", "last_updated_timestamp_ms",
    "status", "lifecycle_stage", "model_type", "source_run_id",
)  # fmt: skip
_METRIC = (
    "model_id", "metric_name", "metric_timestamp_ms", "metric_step", "metric_value", "run_id", "dataset_name",
    "dataset_digest",
)  # fmt: skip


class DatabaseOrigin:
    """A database of MLflow's, of any version since 2.0.

    Parameters
    ----------
    place
        How it is called, without secrets.
    places
        Where artefacts may lie.
    """

    def __init__(self, place: str, rows: Rows, places: Places, troubles: Troubles) -> None:
        self._place = place
        self._rows = rows
        self._places = places
        self._troubles = troubles
        self._run_ids: dict[str, list[str]] | None = None

    @property
    def place(self) -> str:
        """Where it is."""
        return self._place

    def experiments(self) -> list[ForeignExperiment]:
        """Return the experiments, by id."""
        names = ("experiment_id", "name", "lifecycle_stage", "creation_time", "last_update_time", "artifact_location")
        tags = _grouped(self._rows.all("experiment_tags", ("experiment_id", "key", "value")), "experiment_id")
        found = [
            ForeignExperiment(
                id_, text(row["name"]), stage(row["lifecycle_stage"]), moment(row["creation_time"]),
                moment(row["last_update_time"]), text(row["artifact_location"]),
                self._pairs("tag", f"experiment {id_}", tags.get(row["experiment_id"], ())),
            )
            for row in self._rows.all("experiments", names, order="experiment_id")
            if (id_ := text(whole(row["experiment_id"])))
        ]  # fmt: skip
        self._tell_of_traces()
        return found

    def runs(self, experiment: ForeignExperiment) -> Iterator[list[ForeignRun]]:
        """Return the runs of an experiment, by id."""
        yield from self._parts("run", self._ids(experiment), self._runs)

    def models(self, experiment: ForeignExperiment) -> Iterator[list[ForeignModel]]:
        """Return the logged models of an experiment, by id."""
        found = self._rows.where("logged_models", ("model_id",), "experiment_id", [int(experiment.id)])
        yield from self._parts("logged model", sorted(text(row["model_id"]) for row in found), self._models)

    def registered(self) -> Iterator[ForeignRegistered]:
        """Return the registered models, by name."""
        return registered_in(self._rows, self._troubles)

    def files(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> list[ForeignFile]:  # noqa: ARG002
        """Return the files of a run or logged model, where they are on this machine."""
        folder = self._places.find(of.uri, of.id) if of.uri else None
        if folder is None:
            if why := self._places.why_not(of.uri):
                self._troubles.add("artefacts", of.id, why)
            return []
        root = self._places.root_of(folder)
        return files_in(folder, root, lambda path, why: self._troubles.add("artefact", f"{of.id}/{path}", why))

    def open(
        self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel, path: str  # noqa: ARG002
    ) -> Iterator[bytes]:  # fmt: skip
        """Return a file's content in chunks."""
        folder = self._places.find(of.uri, of.id)
        if folder is None:
            raise SourceError(f"The files of {of.id} are not there any more.")
        return opened_file(folder, self._places.root_of(folder), path)

    def close(self) -> None:
        """Close every connection."""
        self._rows.close()

    def _ids(self, experiment: ForeignExperiment) -> list[str]:
        if self._run_ids is None:
            self._run_ids = defaultdict(list)
            for row in self._rows.all("runs", ("run_uuid", "experiment_id"), order="run_uuid"):
                self._run_ids[text(whole(row["experiment_id"]))].append(text(row["run_uuid"]))
        return self._run_ids.get(experiment.id, [])

    def _parts(self, what: str, ids: Sequence[str], read: Callable[[Sequence[str]], list[T]]) -> Iterator[list[T]]:
        """Return things in parts; where one cannot be read, those beside it still come."""
        known = []
        for id_ in ids:
            if is_run_id(id_):
                known.append(id_)
            else:
                self._troubles.add(what, id_, "this is no id")
        for start in range(0, len(known), _AT_ONCE):
            part = known[start : start + _AT_ONCE]
            try:
                yield read(part)
            except SourceError:
                yield [each for id_ in part for each in self._alone(what, id_, read)]

    def _alone(self, what: str, id_: str, read: Callable[[Sequence[str]], list[T]]) -> list[T]:
        try:
            return read([id_])
        except SourceError as error:
            self._troubles.add(what, id_, error.message)
            return []

    def _runs(self, ids: Sequence[str]) -> list[ForeignRun]:
        rows = self._rows
        params = _grouped(rows.where("params", ("run_uuid", "key", "value"), "run_uuid", ids), "run_uuid")
        tags = _grouped(rows.where("tags", ("run_uuid", "key", "value"), "run_uuid", ids), "run_uuid")
        metrics = self._metrics(ids)
        read, models_read, made = self._inputs(ids)
        found = sorted(rows.where("runs", _RUN, "run_uuid", ids), key=lambda row: str(row["run_uuid"]))
        return [
            ForeignRun(
                id=id_,
                name=text(row["name"]) or tagged.get("mlflow.runName", ""),
                user=text(row["user_id"]),
                status=row["status"] if row["status"] in RUN_STATUSES.values() else "RUNNING",
                started_at=whole(row["start_time"]),
                ended_at=whole(row["end_time"]),
                stage=stage(row["lifecycle_stage"]),
                uri=text(row["artifact_uri"]),
                params=self._pairs("parameter", id_, params.get(id_, ())),
                tags=tagged,
                metrics=metrics.get(id_, {}),
                datasets=read.get(id_, ()),
                models_read=sorted(models_read.get(id_, ())),
                models_made=sorted(made.get(id_, ())),
            )
            for row in found
            if (id_ := str(row["run_uuid"])) and (tagged := self._pairs("tag", id_, tags.get(id_, ()))) is not None
        ]

    def _metrics(self, ids: Sequence[str]) -> dict[str, dict[str, list[Point]]]:
        names = ("run_uuid", "key", "timestamp", "step", "value", "is_nan")
        found: dict[str, dict[str, list[Point]]] = {}
        lost: dict[str, int] = {}
        for row in self._rows.where("metrics", names, "run_uuid", ids):
            value = float("nan") if row["is_nan"] else row["value"]
            at = point(row["timestamp"], value, row["step"] if row["step"] is not None else 0)
            if at is None:
                name = f"{row['run_uuid']}/{row['key']}"
                lost[name] = lost.get(name, 0) + 1
            else:
                found.setdefault(str(row["run_uuid"]), {}).setdefault(text(row["key"]), []).append(at)
        for name, count in lost.items():
            self._troubles.add("metric", name, f"{count} of its rows are no measurement")
        return {run: {key: sorted(series, key=_by_time) for key, series in sorted(metrics.items())}
                for run, metrics in found.items()}  # fmt: skip

    def _inputs(
        self, ids: Sequence[str]
    ) -> tuple[dict[str, list[ForeignDataset]], dict[str, list[str]], dict[str, list[tuple[str, int]]]]:
        """Return what runs read, data sets and logged models, and which logged models they made."""
        names = ("input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step")
        to_runs = list(self._rows.where("inputs", names, "destination_id", ids))
        from_runs = list(self._rows.where("inputs", names, "source_id", ids))
        sources = {text(row["source_id"]) for row in to_runs if row["source_type"] == "DATASET"}
        datasets = {text(row["dataset_uuid"]): row for row in self._datasets(sorted(sources))}
        uuids = [row["input_uuid"] for row in to_runs]
        tags = _grouped(
            self._rows.where("input_tags", ("input_uuid", "name", "value"), "input_uuid", uuids), "input_uuid"
        )
        read: dict[str, list[ForeignDataset]] = {}
        for row in to_runs:
            run, source = text(row["destination_id"]), text(row["source_id"])
            if row["source_type"] == "DATASET" and row["destination_type"] == "RUN":
                if source in datasets:
                    tagged = self._pairs("tag of a data set", run, tags.get(row["input_uuid"], ()))
                    read.setdefault(run, []).append(_dataset(datasets[source], tagged))
                else:
                    self._troubles.add("data set", f"{run}/{source}", "the database does not describe it")
        models: dict[str, list[str]] = {}
        made: dict[str, list[tuple[str, int]]] = {}
        for row in from_runs:
            if row["source_type"] == "RUN_INPUT":
                models.setdefault(text(row["source_id"]), []).append(text(row["destination_id"]))
            elif row["source_type"] == "RUN_OUTPUT":
                step = whole(row["step"], 0) or 0
                made.setdefault(text(row["source_id"]), []).append((text(row["destination_id"]), step))
        ordered = {run: sorted(each, key=lambda one: (one.name, one.digest)) for run, each in read.items()}
        return ordered, models, made

    def _datasets(self, ids: Sequence[str]) -> Iterator[Row]:
        names = (
            "dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source", "dataset_schema",
            "dataset_profile",
        )  # fmt: skip
        return self._rows.where("datasets", names, "dataset_uuid", ids)

    def _models(self, ids: Sequence[str]) -> list[ForeignModel]:
        rows = self._rows
        params = _grouped(rows.where("logged_model_params", ("model_id", "param_key", "param_value"), "model_id", ids))
        tags = _grouped(rows.where("logged_model_tags", ("model_id", "tag_key", "tag_value"), "model_id", ids))
        metrics: dict[str, list[ForeignMeasurement]] = {}
        for row in rows.where("logged_model_metrics", _METRIC, "model_id", ids):
            at = point(row["metric_timestamp_ms"], row["metric_value"], row["metric_step"])
            said = [text(row[name]) for name in ("run_id", "dataset_name", "dataset_digest")]
            if at is not None:
                metrics.setdefault(str(row["model_id"]), []).append(
                    ForeignMeasurement(text(row["metric_name"]), at, *said)
                )
        found = sorted(rows.where("logged_models", _MODEL, "model_id", ids), key=lambda row: str(row["model_id"]))
        return [
            ForeignModel(
                id=(id_ := str(row["model_id"])),
                name=text(row["name"]),
                status=MODEL_STATUSES.get(whole(row["status"], 0) or 0, MODEL_STATUSES[0]),
                created_at=moment(row["creation_timestamp_ms"]),
                updated_at=moment(row["last_updated_timestamp_ms"]),
                uri=text(row["artifact_location"]),
                kind=text(row["model_type"]),
                run=text(row["source_run_id"]),
                stage=stage(row["lifecycle_stage"]),
                params=self._pairs("parameter", id_, params.get(id_, ())),
                tags=self._pairs("tag", id_, tags.get(id_, ())),
                metrics=sorted(metrics.get(id_, ()), key=lambda each: (each.key, each.point[:2], each.dataset)),
            )
            for row in found
        ]

    def _pairs(self, what: str, owner: str, rows: Sequence[Row]) -> dict[str, str]:
        return pairs(what, owner, (tuple(row.values())[-2:] for row in rows), self._troubles)

    def _tell_of_traces(self) -> None:
        count = self._rows.count("trace_info")
        if count:
            self._troubles.add("trace", f"{count} of all experiments", "traces are not brought over")


def _grouped(rows: Iterator[Row] | Sequence[Row], key: str = "model_id") -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def _dataset(row: Row, tags: dict[str, str]) -> ForeignDataset:
    return ForeignDataset(
        text(row["name"]), text(row["digest"]), text(row["dataset_source_type"]), text(row["dataset_source"]),
        text(row["dataset_schema"]), text(row["dataset_profile"]), tags,
    )  # fmt: skip


def _by_time(point: Point) -> tuple[int, int, str]:
    return point.at, point.step, repr(point.value)
