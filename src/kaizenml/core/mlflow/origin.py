"""What another store of MLflow's holds, whichever way it is read: what an import brings over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kaizenml.core.mlflow.rows import ACTIVE
from kaizenml.core.series import Point

#: The statuses of runs and logged models by the numbers under which files and tables keep them.
RUN_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATUSES = {
    0: "LOGGED_MODEL_STATUS_UNSPECIFIED", 1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ForeignExperiment:
    """An experiment; times are milliseconds since 1970. ``location`` is where its files are unless a run says so."""

    id: str
    name: str
    stage: str = ACTIVE
    created_at: int = 0
    updated_at: int = 0
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignDataset:
    """A data set that a run read; the tags say how it was used."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """A run; times are milliseconds since 1970, those of points microseconds.

    Parameters
    ----------
    uri
        Where its files are, as the store says it.
    models_read
        The logged models that it read, by id. ``models_made``: those that it made, each with the step.
    """

    id: str
    name: str
    user: str
    status: str
    started_at: int | None
    ended_at: int | None = None
    stage: str = ACTIVE
    uri: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    datasets: Sequence[ForeignDataset] = ()
    models_read: Sequence[str] = ()
    models_made: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class ForeignMeasurement:
    """A metric of a logged model, which a run measured, on a data set where one is named."""

    key: str
    point: Point
    run: str = ""
    dataset: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A logged model; times are milliseconds since 1970."""

    id: str
    name: str
    status: str
    created_at: int
    updated_at: int
    uri: str = ""
    kind: str = ""
    run: str = ""
    stage: str = ACTIVE
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[ForeignMeasurement] = ()


@dataclass(frozen=True, slots=True)
class ForeignVersion:
    """A version of a registered model."""

    number: int
    created_at: int
    updated_at: int
    source: str = ""
    run: str = ""
    model: str = ""
    link: str = ""
    description: str = ""
    stage: str = "None"
    status: str = "READY"
    status_message: str = ""
    user: str = ""
    storage: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignRegistered:
    """A registered model with its versions; ``aliases`` are names of versions."""

    name: str
    created_at: int
    updated_at: int
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: Sequence[ForeignVersion] = ()


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file of a run or logged model: its path below their folder, and what changes when its content does."""

    path: str
    size_bytes: int
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that cannot be brought over: what, which, and why. The rest goes on."""

    what: str
    name: str
    why: str


class Origin(Protocol):
    """A store that is read: a folder, a database, a server. What cannot be read is told as `Trouble` on the way."""

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    def experiments(self) -> list[ForeignExperiment]:
        """Return the experiments, deleted ones too, by id."""
        ...

    def runs(self, experiment: ForeignExperiment) -> Iterator[list[ForeignRun]]:
        """Return the runs of an experiment, deleted ones too, some hundred at once."""
        ...

    def models(self, experiment: ForeignExperiment) -> Iterator[list[ForeignModel]]:
        """Return its logged models, some hundred at once."""
        ...

    def registered(self) -> Iterator[ForeignRegistered]:
        """Return the registered models, with all their versions."""
        ...

    def files(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel) -> list[ForeignFile]:
        """Return the files of a run or logged model, by path; none when it has none."""
        ...

    def open(self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel, path: str) -> Iterator[bytes]:
        """Return a file's content in chunks; raise `SourceError` when it cannot be read."""
        ...

    def close(self) -> None:
        """Close every connection to it."""
        ...
