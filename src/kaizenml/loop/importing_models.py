"""Logged models that are brought over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kaizenml.core.mlflow.origin import ForeignModel
from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Books
from kaizenml.core.series import spelled
from kaizenml.loop.importing_experiments import Arrival
from kaizenml.loop.importing_marks import is_known, mark_of, note
from kaizenml.loop.mlflow_messages import LoggedModel, Metric, ModelData, ModelInfo, Pair, text


def bring(books: Books, place: str, to: Arrival, found: Sequence[ForeignModel], tally: Tally) -> None:
    """Bring logged models over, in the transaction at hand; of one that is here the source is the newer word."""
    marks: list[tuple[str, str]] = []
    for each in found:
        key, mark = f"model/{each.id}", mark_of(each)
        if is_known(books, key, mark):
            continue
        is_new = books.clients.find(What.MODEL, each.id) is None
        model = _model(each, to)
        books.clients.put(Document(What.MODEL, each.id, text(model), to.id, each.run, model.info.status, each.stage))
        (tally.brought if is_new else tally.grown)["logged models"] += 1
        marks.append((key, mark))
    note(books, place, marks)


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
