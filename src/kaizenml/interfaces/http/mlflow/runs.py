"""The routes of runs, and of what they log besides metrics."""

from __future__ import annotations

from kaizenml.core.account import Permission
from kaizenml.core.mlflow import limits
from kaizenml.core.mlflow.errors import invalid
from kaizenml.core.mlflow.rows import ACTIVE, DELETED, What
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow import run_messages as asked
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.experiments import Tag, stages
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.loop import mlflow_runs as runs
from kaizenml.loop.mlflow_messages import Dataset, Pair
from kaizenml.loop.mlflow_search import search

_STATUSES = dict(enumerate(runs.STATUSES, 1))
_MOST_RESULTS = 1000
_MOST_EXPERIMENTS, _MOST_DATASETS = 20, 1000
_CONTEXT = "mlflow.data.context"


def add_runs(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of, root = Runs(desk), "/api/2.0/mlflow/runs"
    see, do = Permission.VIEW, Permission.RUN
    table.call("POST", f"{root}/create", of.create, asked.Create, permission=do, of=owners.experiment)
    table.call("GET", f"{root}/get", of.get, asked.OfRun, permission=see, of=owners.run)
    table.call("POST", f"{root}/update", of.update, asked.Update, permission=do, of=owners.run)
    table.call("POST", f"{root}/search", of.search, asked.Search, permission=see, of=owners.seen_experiments)
    table.call("POST", f"{root}/delete", of.delete, asked.OfRun, permission=do, of=owners.run)
    table.call("POST", f"{root}/restore", of.restore, asked.OfRun, permission=do, of=owners.run)
    table.call("POST", f"{root}/log-parameter", of.log_param, asked.LogPair, permission=do, of=owners.run)
    table.call("POST", f"{root}/set-tag", of.set_tag, asked.LogPair, permission=do, of=owners.run)
    table.call("POST", f"{root}/delete-tag", of.delete_tag, asked.LogPair, permission=do, of=owners.run)
    table.call("POST", f"{root}/log-inputs", of.log_inputs, asked.LogInputs, permission=do, of=owners.run)
    table.call("POST", f"{root}/outputs", of.log_outputs, asked.LogOutputs, permission=do, of=owners.run)
    table.call("POST", f"{root}/log-model", of.log_model, asked.LogModel, permission=do, of=owners.run)
    datasets = "/api/2.0/mlflow/experiments/search-datasets"
    table.call("POST", datasets, of.search_datasets, asked.Experiments, permission=see, of=owners.seen_experiments)


class Runs:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, told: asked.Create) -> object:
        """Begin a run."""
        of = (told.experiment_id or "", told.user_id or "", told.start_time or 0, told.run_name or "")
        made = self._desk.write(lambda books: runs.create(books, self._desk.now(), *of, pairs(told.tags)))
        return {"run": {"info": made.info, "data": made.data, "inputs": made.inputs}}

    def get(self, told: asked.OfRun) -> bytes:
        """Return a run."""
        return b'{"run":' + self._desk.read(lambda books: runs.body(books, told.run)).encode() + b"}"

    def update(self, told: asked.Update) -> object:
        """Change a run's status, end or name."""
        status = _STATUSES.get(told.status) if isinstance(told.status, int) else told.status
        if told.status is not None and status not in runs.STATUSES:
            raise invalid(f"Invalid value {limits.shown(told.status)} for parameter 'status' supplied.")
        info = self._desk.write(
            lambda books: runs.update(books, self._desk.now(), told.run, status, told.end_time, told.run_name)
        )
        return {"run_info": info}

    def search(self, told: asked.Search) -> bytes:
        """Return runs."""
        most = _MOST_RESULTS if told.max_results is None else told.max_results
        if most > 50_000:
            raise invalid(
                f"Invalid value {most} for parameter 'max_results' supplied:  Hint: Value was of type 'int'. See the "
                "API docs for more information about request parameters."
            )
        view = stages(told.run_view_type)
        found, token = self._desk.read(
            lambda books: search(
                books, told.experiment_ids or [], view, most, told.filter or "", told.order_by or [],
                told.page_token or "",
            )
        )  # fmt: skip
        body = '{"runs":[' + ",".join(found) + "]" if found else "{"
        after = f'"next_page_token":"{token}"' if token else ""
        return f"{body}{',' if found and after else ''}{after}}}".encode()

    def delete(self, told: asked.OfRun) -> None:
        """Delete a run; it can be restored."""
        self._desk.write(lambda books: runs.move(books, self._desk.now(), told.run, DELETED))

    def restore(self, told: asked.OfRun) -> None:
        """Restore a run."""
        self._desk.write(lambda books: runs.move(books, self._desk.now(), told.run, ACTIVE))

    def log_param(self, told: asked.LogPair) -> None:
        """Log a parameter, once."""
        value = limits.checked_param(told.key, told.value or "")
        self._desk.write(lambda books: runs.log_param(books, self._desk.now(), told.run, told.key, value))

    def set_tag(self, told: asked.LogPair) -> None:
        """Set a tag."""
        value = limits.checked_tag(told.key, told.value or "")
        self._desk.write(lambda books: runs.set_tags(books, self._desk.now(), told.run, [(told.key, value)]))

    def delete_tag(self, told: asked.LogPair) -> None:
        """Take a tag away."""
        self._desk.write(lambda books: runs.delete_tag(books, self._desk.now(), told.run, told.key))

    def log_inputs(self, told: asked.LogInputs) -> None:
        """Note what a run read."""
        limits.check_run_id(told.run)
        datasets = [_dataset(each) for each in told.datasets or ()]
        models = [each.model_id or "" for each in told.models or ()]
        self._desk.write(lambda books: runs.log_inputs(books, told.run, datasets, models))

    def log_outputs(self, told: asked.LogOutputs) -> None:
        """Note which logged models a run made."""
        models = [(each.model_id or "", each.step or 0) for each in told.models or ()]
        self._desk.write(lambda books: runs.log_outputs(books, told.run, models))

    def log_model(self, told: asked.LogModel) -> None:
        """Note a model as clients before MLflow 3 do."""
        self._desk.write(lambda books: runs.record_model(books, self._desk.now(), told.run, told.model_json))

    def search_datasets(self, told: asked.Experiments) -> object:
        """Return which data sets the runs of experiments read."""
        ids = told.experiment_ids or []
        if not ids:
            raise invalid("SearchDatasets request must specify at least one experiment_id.")
        if len(ids) > _MOST_EXPERIMENTS:
            raise invalid(
                f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids. Received "
                f"{len(ids)} experiment_ids."
            )
        told_of = self._desk.read(
            lambda books: [runs.get(books, each.id) for each in books.clients.all(What.RUN, scopes=ids)]
        )
        found: dict[tuple[str, str, str, str | None], None] = {}
        for run in told_of:
            for each in run.inputs.dataset_inputs:
                context = next((tag.value for tag in each.tags if tag.key == _CONTEXT), None)
                found[run.info.experiment_id, each.dataset.name, each.dataset.digest, context] = None
        names = ("experiment_id", "name", "digest", "context")
        listed = [
            {name: value for name, value in zip(names, one, strict=True) if value is not None}
            for one in list(found)[:_MOST_DATASETS]
        ]
        return {"dataset_summaries": listed} if listed else {}


def pairs(tags: list[Tag] | None) -> list[tuple[str, str]]:
    """Return keys and values."""
    return [(each.key or "", each.value or "") for each in tags or ()]


def _dataset(told: asked.DatasetInput) -> tuple[Dataset, list[Pair]]:
    if told.dataset is None:
        raise invalid("Dataset cannot be None")
    of = told.dataset
    for part in ("name", "digest", "source", "schema", "profile"):
        limits.check_dataset(part, getattr(of, part))
    made = Dataset(of.name or "", of.digest or "", of.source_type or "", of.source or "", of.schema or "",
                   of.profile or "")  # fmt: skip
    return made, [Pair(key, value) for key, value in pairs(told.tags)]
