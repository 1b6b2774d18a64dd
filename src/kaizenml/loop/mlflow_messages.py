"""Things as MLflow's clients are told of them, which is how they are remembered, too."""

from __future__ import annotations

import msgspec


class Pair(msgspec.Struct):
    """A parameter or tag."""

    key: str = ""
    value: str = ""


class Experiment(msgspec.Struct):
    """An experiment; times are milliseconds since 1970."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[Pair] | msgspec.UnsetType = msgspec.UNSET
    workspace: str = "default"


class Metric(msgspec.Struct, omit_defaults=True):
    """The latest value of a metric; one that is no finite number is spelled."""

    key: str
    value: float | str
    timestamp: int
    step: int = msgspec.field(default=-(2**63))
    dataset_name: str = ""
    dataset_digest: str = ""
    model_id: str = ""
    run_id: str = ""


class RunInfo(msgspec.Struct, omit_defaults=True):
    """What is known of a run besides what it logged; ``origin`` is where an import found it."""

    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int = -1
    end_time: int | None = None
    artifact_uri: str = ""
    lifecycle_stage: str = ""
    origin: str = ""


class RunData(msgspec.Struct, omit_defaults=True):
    """What a run logged."""

    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class Dataset(msgspec.Struct, omit_defaults=True):
    """A data set that a run read."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


class DatasetInput(msgspec.Struct, omit_defaults=True):
    """A data set and how it was used."""

    tags: list[Pair] = []
    dataset: Dataset = msgspec.field(default_factory=Dataset)


class ModelInput(msgspec.Struct, omit_defaults=True):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(msgspec.Struct):
    """A logged model that a run made."""

    model_id: str
    step: int = 0


class RunInputs(msgspec.Struct, omit_defaults=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class RunOutputs(msgspec.Struct, omit_defaults=True):
    """What a run made."""

    model_outputs: list[ModelOutput] = []


class Told(msgspec.Struct):
    """A run."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs

    def tag(self, key: str) -> str | None:
        """Return a tag's value, or None."""
        return next((each.value for each in self.data.tags if each.key == key), None)


class Registration(msgspec.Struct):
    """A version of a registered model that a logged model is."""

    name: str
    version: str


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """What is known of a logged model."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str
    source_run_id: str
    tags: list[Pair] = []
    registrations: list[Registration] = []


class ModelData(msgspec.Struct, omit_defaults=True):
    """What was logged for a logged model."""

    params: list[Pair] = []
    metrics: list[Metric] = []


class LoggedModel(msgspec.Struct):
    """A logged model."""

    info: ModelInfo
    data: ModelData


def value_of(metric: Metric) -> float:
    """Return a metric's value as the float that it is."""
    return float(metric.value)


def text(value: msgspec.Struct) -> str:
    """Return the JSON of a thing."""
    return msgspec.json.encode(value).decode()
