"""Logged models that are brought over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kaizenml.core.mlflow.origin import ForeignModel
from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.core.series import spelled
from kaizenml.loop.importing_experiments import Arrival
from kaizenml.loop.importing_marks import changed, note
from kaizenml.loop.mlflow_messages import LoggedModel, Metric, ModelData, ModelInfo, Pair, text


def bring(books: Books, place: str, to: Arrival, found: Sequence[ForeignModel], tally: Tally) -> None:
    """Bring logged models over, in the transaction at hand; of one that is here the source is the newer word."""
    marks = changed(books, What.MODEL, found)
    known = books.clients.find_all(What.MODEL, marks)
    models = [(each, _model(each, to)) for each in found if each.id in marks]
    books.clients.put_all(
        [
            Document(What.MODEL, each.id, text(model), to.id, each.run, model.info.status, each.stage)
            for each, model in models
        ]
    )
    tally.brought["logged models"] += len(models) - len(known)
    tally.grown["logged models"] += len(known)
    note(books, What.MODEL, place, marks)


def _model(of: ForeignModel, to: Arrival) -> LoggedModel:
    info = ModelInfo(
        model_id=of.id, experiment_id=to.id, name=of.name, creation_timestamp_ms=of.created_at,
        last_updated_timestamp_ms=of.updated_at, artifact_uri=f"mlflow-artifacts:/{to.id}/models/{of.id}/artifacts",
        status=of.status, model_type=of.kind, source_run_id=of.run, tags=_pairs(of.tags),
    )  # fmt: skip
    metrics = [
        Metric(
            each.key, spelled(each.point.value), each.point.at // 1000, each.point.step, each.dataset, each.digest,
            of.id, each.run,
        )
        for each in of.metrics
    ]  # fmt: skip
    return LoggedModel(info, ModelData(_pairs(of.params), metrics))


def _pairs(found: Mapping[str, str]) -> list[Pair]:
    return [Pair(key, value) for key, value in found.items()]
