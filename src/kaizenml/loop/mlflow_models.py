"""Logged models of MLflow's clients: what `log_model` makes before anything is registered."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import uuid4

import msgspec

from kaizenml.core.mlflow.errors import absent, invalid
from kaizenml.core.mlflow.filter import MODELS, Comparison, Sorting, parsed
from kaizenml.core.mlflow.limits import experiment_number
from kaizenml.core.mlflow.matching import holds, sorted_by
from kaizenml.core.mlflow.rows import ACTIVE, DELETED, Document, What
from kaizenml.core.ports import Books
from kaizenml.core.series import spelled
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop.mlflow_messages import LoggedModel, Metric, ModelData, ModelInfo, Pair, text, value_of
from kaizenml.loop.mlflow_runs import random_name

STATUSES = {
    0: "LOGGED_MODEL_STATUS_UNSPECIFIED", 1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}  # fmt: skip
_BAD = ("/", ":", ".", "%", '"', "'")
_READ = msgspec.json.Decoder(LoggedModel)
DEFAULT_MOST = 50


class OrderBy(msgspec.Struct):
    """By what models are sorted."""

    field_name: str
    is_ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


def create(
    books: Books, now: datetime, experiment: str, name: str, kind: str, run: str,
    params: Sequence[tuple[str, str]], tags: Sequence[tuple[str, str]],
) -> LoggedModel:  # fmt: skip
    """Make a model whose files are still to come.

    Raises
    ------
    WireError
        For a name that cannot be, and an experiment that is not there or deleted.
    """
    if name and any(sign in name for sign in _BAD):
        raise invalid(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {_BAD}"
        )
    of = experiments.active(books, experiment)
    id_, at = f"m-{uuid4().hex}", experiments.milliseconds(now)
    info = ModelInfo(
        model_id=id_, experiment_id=of.experiment_id, name=name or random_name(), creation_timestamp_ms=at,
        last_updated_timestamp_ms=at, artifact_uri=f"{of.artifact_location.rstrip('/')}/models/{id_}/artifacts",
        status=STATUSES[1], model_type=kind, source_run_id=run, tags=[Pair(*each) for each in dict(tags).items()],
    )  # fmt: skip
    model = LoggedModel(info, ModelData(params=[Pair(*each) for each in dict(params).items()]))
    _put(books, model)
    return model


def get(books: Books, id_: str, *, with_deleted: bool = False) -> LoggedModel:
    """Return a model, or raise the error that there is none."""
    found = books.clients.find(What.MODEL, id_)
    if found is None or (found.stage == DELETED and not with_deleted):
        raise absent(f"Logged model with ID '{id_}' not found.")
    return _READ.decode(found.body)


def finalize(books: Books, now: datetime, id_: str, status: str) -> LoggedModel:
    """Say that a model's files have come, or will not."""
    model = get(books, id_)
    model.info.status, model.info.last_updated_timestamp_ms = status, experiments.milliseconds(now)
    _put(books, model)
    return model


def delete(books: Books, now: datetime, id_: str) -> None:
    """Delete a model; its files stay."""
    model = get(books, id_)
    model.info.last_updated_timestamp_ms = experiments.milliseconds(now)
    _put(books, model, DELETED)


def set_tags(books: Books, id_: str, tags: Sequence[tuple[str, str]]) -> LoggedModel:
    """Set tags."""
    model = get(books, id_)
    known = {each.key: each.value for each in model.info.tags} | dict(tags)
    model.info.tags = [Pair(*each) for each in known.items()]
    _put(books, model)
    return model


def delete_tag(books: Books, id_: str, key: str) -> None:
    """Take a tag away."""
    model = get(books, id_)
    left = [each for each in model.info.tags if each.key != key]
    if len(left) == len(model.info.tags):
        raise absent(f"No tag with key {key!r} found for model with ID {id_!r}.")
    model.info.tags = left
    _put(books, model)


def log_params(books: Books, id_: str, params: Sequence[tuple[str, str]]) -> None:
    """Add parameters; the same again changes nothing."""
    model = get(books, id_)
    known = {each.key: each.value for each in model.data.params}
    for key, value in params:
        if known.get(key, value) != value:
            raise invalid(f"Changing param values is not allowed. Param with key='{key}' was already logged.")
    model.data.params += [Pair(key, value) for key, value in params if key not in known]
    _put(books, model)


def log_metrics(books: Books, run: str, metrics: Sequence[Metric]) -> None:
    """Note measurements of models, such as of one on a data set; a model that is not there is nobody's."""
    for id_ in dict.fromkeys(each.model_id for each in metrics if each.model_id):
        found = books.clients.find(What.MODEL, id_)
        if found is None:
            continue
        model = _READ.decode(found.body)
        known = {_identity(each) for each in model.data.metrics}
        for each in metrics:
            each.run_id = run
            if each.model_id == id_ and _identity(each) not in known:
                model.data.metrics.append(each)
        _put(books, model, found.stage)


def search(
    books: Books, scopes: Sequence[str], words: str, datasets: Sequence[tuple[str, str]], most: int,
    order: Sequence[OrderBy], token: str,
) -> tuple[list[LoggedModel], str]:  # fmt: skip
    """Return the models that a filter lets through, in an order, and the token of the next page."""
    if any(not name for name, _ in datasets):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    wanted = parsed(words, MODELS)
    ids = [str(experiment_number(each)) for each in scopes]
    asked = {"experiment_ids": list(scopes), "filter": words, "order_by": [msgspec.to_builtins(one) for one in order]}
    start = _start(token, asked)
    found = [_READ.decode(each.body) for each in books.clients.all(What.MODEL, scopes=ids) if each.stage == ACTIVE]
    found = [each for each in found if all(_holds(one, each, datasets) for one in wanted)]
    if datasets and not any(one.kind == "metric" for one in wanted):
        found = [each for each in found if any(_is_on(metric, datasets) for metric in each.data.metrics)]
    found.sort(key=lambda each: each.info.model_id)
    found.sort(key=lambda each: -each.info.creation_timestamp_ms)
    for by in reversed(order):
        found = sorted_by(found, Sorting("", "", by.is_ascending), partial(_sorted_value, by))
    page = found[start : start + most]
    return page, _token(start + most, asked) if len(found) > start + most else ""


def _holds(asked: Comparison, model: LoggedModel, datasets: Sequence[tuple[str, str]]) -> bool:
    match asked.kind:
        case "metric":
            metrics = [each for each in model.data.metrics if each.key == asked.key]
            return any(holds(asked, value_of(each)) for each in metrics if not datasets or _is_on(each, datasets))
        case "parameter" | "tag":
            pairs = model.data.params if asked.kind == "parameter" else model.info.tags
            return holds(asked, next((each.value for each in pairs if each.key == asked.key), None))
        case _:
            return holds(asked, _attribute(model, asked.key))


def _attribute(model: LoggedModel, key: str) -> float | str | None:
    if key == "status":
        return next((str(number) for number, word in STATUSES.items() if word == model.info.status), None)
    value: float | str | None = getattr(model.info, key)
    return value


def _sorted_value(by: OrderBy, model: LoggedModel) -> float | str | None:
    entity, dot, key = by.field_name.partition(".")
    if not dot:
        name = MODELS.names.get(entity, entity)
        if name not in MODELS.attributes:
            raise invalid(f"Invalid order by field name: {by.field_name}")
        return _attribute(model, name)
    if entity != "metrics":
        raise invalid(f"Invalid order by field name: {by.field_name}. Only metrics are supported.")
    datasets = [(by.dataset_name, by.dataset_digest)] if by.dataset_name else []
    found = [each for each in model.data.metrics if each.key == key and (not datasets or _is_on(each, datasets))]
    return value_of(max(found, key=lambda each: (each.timestamp, each.step))) if found else None


def _is_on(metric: Metric, datasets: Sequence[tuple[str, str]]) -> bool:
    return any(metric.dataset_name == name and digest in ("", metric.dataset_digest) for name, digest in datasets)


def _identity(metric: Metric) -> tuple[object, ...]:
    return (metric.key, metric.timestamp, metric.step, str(metric.value), metric.run_id, metric.dataset_name,
            metric.dataset_digest)  # fmt: skip


def measured(key: str, value: float, timestamp: int, step: int, model: str, name: str, digest: str) -> Metric:
    """Return a measurement of a model."""
    return Metric(key, spelled(value), timestamp, step, name, digest, model)


def _start(token: str, asked: Mapping[str, object]) -> int:
    if not token:
        return 0
    try:
        told = json.loads(base64.b64decode(token))
        at, before = int(told.pop("offset")), told
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid(f"Invalid page token: {token[:200]}.") from None
    for name, value in asked.items():
        if before.get(name) != value:
            raise invalid(f"{name} in the page token does not match the requested {name}.")
    return at


def _token(at: int, asked: Mapping[str, object]) -> str:
    return base64.b64encode(json.dumps({**asked, "offset": at}).encode()).decode()


def _put(books: Books, model: LoggedModel, stage: str = ACTIVE) -> None:
    of = model.info
    books.clients.put(
        Document(What.MODEL, of.model_id, text(model), of.experiment_id, of.source_run_id, of.status, stage)
    )
