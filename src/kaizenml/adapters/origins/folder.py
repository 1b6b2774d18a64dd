"""A folder of MLflow's, ``mlruns``: YAML for what things are, a file for every parameter, tag and metric."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kaizenml.adapters.origins.places import Places, files_in, opened
from kaizenml.adapters.origins.registered_folder import registered_in
from kaizenml.adapters.origins.safe_files import is_within, subfolders
from kaizenml.adapters.origins.value_files import measurements, series, values
from kaizenml.adapters.origins.words import (
    Troubles,
    is_experiment_id,
    is_run_id,
    moment,
    pairs,
    plain,
    stage,
    text,
    whole,
)
from kaizenml.adapters.origins.yaml_files import mapping
from kaizenml.core.mlflow.origin import (
    MODEL_STATUSES,
    RUN_STATUSES,
    ForeignDataset,
    ForeignExperiment,
    ForeignFile,
    ForeignModel,
    ForeignRegistered,
    ForeignRun,
)
from kaizenml.errors import SourceError

META = "meta.yaml"
TRASH = ".trash"
#: What lies among the runs of an experiment and is none.
_NO_RUNS = frozenset({"datasets", "models", "tags", "traces"})
_AT_ONCE = 200


class FolderOrigin:
    """A folder of MLflow's, of any version that writes one.

    Parameters
    ----------
    root
        The folder with the experiments.
    places
        Where artefacts may lie besides the runs' own folders.
    """

    def __init__(self, root: Path, places: Places, troubles: Troubles) -> None:
        self._root = os.path.realpath(root)
        self._places = places
        self._troubles = troubles
        self._folders: dict[str, str] = {}

    @property
    def place(self) -> str:
        """Where it is."""
        return self._root

    def experiments(self) -> list[ForeignExperiment]:
        """Return the experiments, also of the trash, by id."""
        found = [
            each
            for parent in (self._root, os.path.join(self._root, TRASH))
            for name in subfolders(parent)
            if is_experiment_id(name) and (each := self._experiment(os.path.join(parent, name), name)) is not None
        ]
        return sorted(found, key=lambda each: int(each.id))

    def runs(self, experiment: ForeignExperiment) -> Iterator[list[ForeignRun]]:
        """Return the runs of an experiment, by id."""
        folder = self._folders[experiment.id]
        names = [name for name in subfolders(folder) if name not in _NO_RUNS]
        traces = len(subfolders(os.path.join(folder, "traces")))
        if traces:
            self._troubles.add("trace", f"{traces} of experiment {experiment.name}", "traces are not brought over")
        datasets = self._datasets(folder)
        for start in range(0, len(names), _AT_ONCE):
            found = [self._run(folder, name, datasets) for name in names[start : start + _AT_ONCE]]
            yield [each for each in found if each is not None]

    def models(self, experiment: ForeignExperiment) -> Iterator[list[ForeignModel]]:
        """Return the logged models of an experiment, by id."""
        folder = os.path.join(self._folders[experiment.id], "models")
        names = subfolders(folder)
        for start in range(0, len(names), _AT_ONCE):
            found = [self._model(folder, name) for name in names[start : start + _AT_ONCE]]
            yield [each for each in found if each is not None]

    def registered(self) -> Iterator[ForeignRegistered]:
        """Return the registered models, by name."""
        return registered_in(os.path.join(self._root, "models"), self._root, self._troubles)

    def files(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> list[ForeignFile]:
        """Return the files of a run or logged model."""
        found = self._artefacts(experiment, of)
        if found is None:
            if why := self._places.why_not(of.uri):
                self._troubles.add("artefacts", of.id, why)
            return []
        return files_in(*found, lambda path, why: self._troubles.add("artefact", f"{of.id}/{path}", why))

    def open(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel, path: str) -> Iterator[bytes]:
        """Return a file's content in chunks."""
        found = self._artefacts(experiment, of)
        if found is None:
            raise SourceError(f"The files of {of.id} are not there any more.")
        return opened(*found, path)

    def close(self) -> None:
        """Nothing is open."""

    def _artefacts(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> tuple[str, str] | None:
        """Return the folder of the artefacts, and the root that nothing may lead out of."""
        parent = self._folders[experiment.id]
        own = os.path.join(parent, *(["models"] if isinstance(of, ForeignModel) else []), of.id, "artifacts")
        if os.path.isdir(own) and is_within(own, self._root):
            return own, self._root
        found = self._places.find(of.uri, of.id) if of.uri else None
        return None if found is None else (found, self._places.root_of(found))

    def _experiment(self, folder: str, name: str) -> ForeignExperiment | None:
        said = self._said("experiment", folder, name)
        if said is None:
            return None
        if text(said.get("experiment_id")) != name:
            self._troubles.add("experiment", name, f"its file says that it is {said.get('experiment_id')!r}")
            return None
        self._folders[name] = folder
        tags = values(os.path.join(folder, "tags"), self._root, "tag", f"experiment {name}", self._troubles)
        return ForeignExperiment(
            name, text(said.get("name")), stage(said.get("lifecycle_stage")), moment(said.get("creation_time")),
            moment(said.get("last_update_time")), text(said.get("artifact_location")), tags,
        )  # fmt: skip

    def _run(self, parent: str, name: str, datasets: Mapping[str, ForeignDataset]) -> ForeignRun | None:
        folder = os.path.join(parent, name)
        said = self._said_by_id("run", folder, name)
        if said is None:
            return None
        if text(said.get("run_id") or said.get("run_uuid")) != name:
            self._troubles.add("run", name, f"its file says that it is {said.get('run_id')!r}")
            return None
        tags = values(os.path.join(folder, "tags"), self._root, "tag", name, self._troubles)
        read, models_read = self._inputs(folder, name, datasets)
        return ForeignRun(
            id=name,
            name=text(said.get("run_name") or said.get("name")) or tags.get("mlflow.runName", ""),
            user=text(said.get("user_id")),
            status=_status(said.get("status")),
            started_at=whole(said.get("start_time")),
            ended_at=whole(said.get("end_time")),
            stage=stage(said.get("lifecycle_stage")),
            uri=text(said.get("artifact_uri")),
            params=values(os.path.join(folder, "params"), self._root, "parameter", name, self._troubles),
            tags=tags,
            metrics=series(os.path.join(folder, "metrics"), self._root, name, self._troubles),
            datasets=read,
            models_read=models_read,
            models_made=self._outputs(folder, name),
        )

    def _inputs(
        self, folder: str, run: str, datasets: Mapping[str, ForeignDataset]
    ) -> tuple[list[ForeignDataset], list[str]]:
        """Return the data sets and the logged models that a run read."""
        read: list[ForeignDataset] = []
        models: list[str] = []
        for said in self._all_said("input", os.path.join(folder, "inputs"), run):
            source = text(said.get("source_id"))
            if said.get("source_type") != "DATASET":
                models.append(text(said.get("destination_id") or source))
            elif source in datasets:
                of = datasets[source]
                tags = pairs("tag of a data set", run, plain(said.get("tags")).items(), self._troubles)
                read.append(ForeignDataset(of.name, of.digest, of.source_type, of.source, of.schema, of.profile, tags))
            else:
                self._troubles.add("data set", f"{run}/{source}", "the experiment does not describe it")
        return sorted(read, key=lambda each: (each.name, each.digest)), sorted(models)

    def _outputs(self, folder: str, run: str) -> Sequence[tuple[str, int]]:
        said = self._all_said("output", os.path.join(folder, "outputs"), run)
        return sorted((text(each.get("destination_id")), whole(each.get("step"), 0) or 0) for each in said)

    def _datasets(self, folder: str) -> dict[str, ForeignDataset]:
        parent = os.path.join(folder, "datasets")
        found: dict[str, ForeignDataset] = {}
        for name in subfolders(parent):
            said = self._said("data set", os.path.join(parent, name), name)
            if said is not None:
                found[name] = ForeignDataset(
                    text(said.get("name")), text(said.get("digest")), text(said.get("source_type")),
                    text(said.get("source")), text(said.get("schema")), text(said.get("profile")),
                )  # fmt: skip
        return found

    def _model(self, parent: str, name: str) -> ForeignModel | None:
        folder = os.path.join(parent, name)
        said = self._said_by_id("logged model", folder, name)
        if said is None:
            return None
        return ForeignModel(
            id=name,
            name=text(said.get("name")),
            status=MODEL_STATUSES.get(whole(said.get("status"), 0) or 0, MODEL_STATUSES[0]),
            created_at=moment(said.get("creation_timestamp")),
            updated_at=moment(said.get("last_updated_timestamp")),
            uri=text(said.get("artifact_location")),
            kind=text(said.get("model_type")),
            run=text(said.get("source_run_id")),
            stage=stage(said.get("lifecycle_stage")),
            params=values(os.path.join(folder, "params"), self._root, "parameter", name, self._troubles),
            tags=values(os.path.join(folder, "tags"), self._root, "tag", name, self._troubles),
            metrics=measurements(os.path.join(folder, "metrics"), self._root, name, self._troubles),
        )

    def _said(self, what: str, folder: str, name: str) -> Mapping[str, Any] | None:
        """Return what the YAML file of a thing says; None, and why is told, when nothing."""
        try:
            return mapping(os.path.join(folder, META))
        except SourceError as error:
            self._troubles.add(what, name, f"{META}: {error.message}")
            return None

    def _all_said(self, what: str, parent: str, owner: str) -> list[Mapping[str, Any]]:
        found = [self._said(what, os.path.join(parent, name), f"{owner}/{name}") for name in subfolders(parent)]
        return [each for each in found if each is not None]

    def _said_by_id(self, what: str, folder: str, name: str) -> Mapping[str, Any] | None:
        if is_run_id(name):
            return self._said(what, folder, name)
        self._troubles.add(what, name, "the name of its folder is no id")
        return None


def _status(value: object) -> str:
    """Return a run's status; what says nothing is running, as it is for MLflow."""
    return text(value) if value in RUN_STATUSES.values() else RUN_STATUSES.get(whole(value, 1) or 1, "RUNNING")
