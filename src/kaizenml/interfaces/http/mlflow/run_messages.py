"""Requests about runs."""

from __future__ import annotations

from typing import ClassVar

from kaizenml.interfaces.http.mlflow.experiments import Tag
from kaizenml.interfaces.http.mlflow.reading import Message, Whole


class Create(Message):
    """A new run."""

    experiment_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: Whole | None = None
    tags: list[Tag] | None = None


class OfRun(Message):
    """A run, which old clients call ``run_uuid``."""

    needed: ClassVar[tuple[str, ...]] = ("run_id",)

    run_id: str | None = None
    run_uuid: str | None = None

    @property
    def run(self) -> str:
        """The run's id."""
        return self.run_id or self.run_uuid or ""


class Update(OfRun):
    """What changes of a run."""

    status: str | Whole | None = None
    end_time: Whole | None = None
    run_name: str | None = None


class Search(Message):
    """What is asked for."""

    experiment_ids: list[str] | None = None
    filter: str | None = None
    run_view_type: str | Whole | None = None
    max_results: Whole | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class Metric(Message, gc=False):
    """A measurement in a batch."""

    key: str | None = None
    value: float | None = None
    timestamp: Whole | None = None
    step: Whole | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogMetric(OfRun):
    """A measurement."""

    needed: ClassVar[tuple[str, ...]] = ("run_id", "key", "value", "timestamp")

    key: str = ""
    value: float | None = None
    timestamp: Whole | None = None
    step: Whole | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogPair(OfRun):
    """A parameter or tag."""

    needed: ClassVar[tuple[str, ...]] = ("run_id", "key")

    key: str = ""
    value: str | None = None


class LogBatch(OfRun):
    """Many of all."""

    metrics: list[Metric] | None = None
    params: list[Tag] | None = None
    tags: list[Tag] | None = None


class Dataset(Message):
    """A data set."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Message):
    """A data set and how it was used."""

    tags: list[Tag] | None = None
    dataset: Dataset | None = None


class Model(Message):
    """A logged model that a run read or made."""

    model_id: str | None = None
    step: Whole | None = None


class LogInputs(OfRun):
    """What a run read."""

    datasets: list[DatasetInput] | None = None
    models: list[Model] | None = None


class LogOutputs(OfRun):
    """What a run made."""

    needed: ClassVar[tuple[str, ...]] = ("run_id", "models")

    models: list[Model] | None = None


class LogModel(OfRun):
    """A model as clients before MLflow 3 tell of it."""

    needed: ClassVar[tuple[str, ...]] = ("run_id", "model_json")

    model_json: str = ""


class History(OfRun):
    """A metric of a run."""

    needed: ClassVar[tuple[str, ...]] = ("run_id", "metric_key")

    metric_key: str = ""
    page_token: str | None = None
    max_results: Whole | None = None


class Bulk(Message):
    """A metric of several runs."""

    run_id: list[str] | None = None
    metric_key: str | None = None
    max_results: Whole | None = None


class Interval(Message):
    """A metric of several runs between two steps."""

    needed: ClassVar[tuple[str, ...]] = ("run_ids", "metric_key")

    run_ids: list[str] | None = None
    metric_key: str = ""
    start_step: Whole | None = None
    end_step: Whole | None = None
    max_results: Whole | None = None


class Experiments(Message):
    """Several experiments."""

    experiment_ids: list[str] | None = None
