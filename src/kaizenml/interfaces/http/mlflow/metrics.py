"""The routes of metrics."""

from __future__ import annotations

from collections.abc import Sequence

from kaizenml.core.account import Permission
from kaizenml.core.mlflow import limits
from kaizenml.core.mlflow.errors import WireError, invalid
from kaizenml.interfaces.http.mlflow import owners
from kaizenml.interfaces.http.mlflow import run_messages as asked
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.runs import pairs
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.loop import mlflow_metrics as metrics
from kaizenml.loop.mlflow_experiments import next_token, offset
from kaizenml.loop.mlflow_messages import Metric
from kaizenml.loop.mlflow_models import measured

_MOST_RUNS, _MOST_POINTS, _MOST_PER_RUN = 100, 25_000, 2_500
_MORE = " See the API docs for more information about request parameters."


def add_metrics(table: Table, desk: Desk) -> None:
    """Add the routes."""
    of, root = Metrics(desk), "/api/2.0/mlflow"
    see, do = Permission.VIEW, Permission.RUN
    table.call("POST", f"{root}/runs/log-metric", of.log, asked.LogMetric, permission=do, of=owners.run)
    table.call("POST", f"{root}/runs/log-batch", of.log_batch, asked.LogBatch, permission=do, of=owners.run)
    table.call("GET", f"{root}/metrics/get-history", of.history, asked.History, permission=see, of=owners.run)
    table.call("GET", f"{root}/metrics/get-history-bulk", of.bulk, asked.Bulk, permission=see, of=owners.seen_runs)
    table.call(
        "GET",
        f"{root}/metrics/get-history-bulk-interval",
        of.interval,
        asked.Interval,
        permission=see,
        of=owners.seen_runs,
    )


class Metrics:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def log(self, told: asked.LogMetric) -> None:
        """Log a measurement."""
        value, at, step = told.value or 0.0, told.timestamp or 0, told.step or 0
        limits.check_metric(told.key, at, value)
        row, of_model = [(told.key, value, at, step)], _of_models([told])
        due = self._desk.is_due(told.run)
        self._desk.write(
            lambda books: metrics.log(books, self._desk.now(), told.run, row, of_models=of_model, shows=due)
        )

    def log_batch(self, told: asked.LogBatch) -> None:
        """Log many measurements, parameters and tags: all of them, or nothing."""
        given, params, tags = told.metrics or [], pairs(told.params), pairs(told.tags)
        _check_there(told)
        limits.check_run_id(told.run)
        points = [(each.key or "", each.value or 0.0, each.timestamp or 0, each.step or 0) for each in given]
        limits.check_metrics(points)
        params = [(key, limits.checked_param(key, value, f"params[{i}]")) for i, (key, value) in enumerate(params)]
        tags = [(key, limits.checked_tag(key, value, f"tags[{i}]")) for i, (key, value) in enumerate(tags)]
        limits.check_batch(len(points), len(params), len(tags))
        limits.check_unique([key for key, _ in params])
        of_models = _of_models(given)
        self._desk.write(lambda books: metrics.log(books, self._desk.now(), told.run, points, params, tags, of_models))

    def history(self, told: asked.History) -> object:
        """Return every measurement of a metric by time, in pages where these are asked for."""
        most = told.max_results
        if most is not None and most <= 0:
            raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer.")
        found = self._desk.read(lambda books: metrics.history(books, told.run, told.metric_key))
        start = offset(told.page_token)
        page = found[start:] if most is None else found[start : start + most]
        more = most is not None and len(found) > start + most
        answer: dict[str, object] = {"metrics": page} if page else {}
        return answer | ({"next_page_token": next_token(start + (most or 0))} if more else {})

    def bulk(self, told: asked.Bulk) -> object:
        """Return a metric of several runs, for charts."""
        if not told.run_id:
            raise invalid("GetMetricHistoryBulk request must specify at least one run_id.")
        if len(told.run_id) > _MOST_RUNS:
            raise invalid(
                f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids. Received "
                f"{len(told.run_id)} run_ids."
            )
        if not told.metric_key:
            raise invalid("GetMetricHistoryBulk request must specify a metric_key.")
        most = min(told.max_results or _MOST_POINTS, _MOST_POINTS)
        found = [each for run in sorted(told.run_id) for each in self._of_run(run, told.metric_key)]
        return {"metrics": found[:most]}

    def interval(self, told: asked.Interval) -> object:
        """Return some measurements of a metric of several runs, between two steps."""
        ids = told.run_ids or []
        if len(ids) > _MOST_RUNS:
            raise invalid(
                f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids. Received "
                f"{len(ids)} run_ids.{_MORE}"
            )
        most = _MOST_PER_RUN if told.max_results is None else told.max_results
        if not 1 <= most <= _MOST_PER_RUN:
            raise invalid(f"max_results must be between 1 and {_MOST_PER_RUN}.{_MORE}")
        found = [
            each
            for run in sorted(ids)
            for each in metrics.sampled(self._of_run(run, told.metric_key), told.start_step, told.end_step, most)
        ]
        return {"metrics": found} if found else {}

    def _of_run(self, run: str, key: str) -> list[Metric]:
        try:
            found = self._desk.read(lambda books: metrics.history(books, run, key))
        except WireError:
            return []
        for each in found:
            each.run_id = run
        return found


def _of_models(given: Sequence[asked.LogMetric | asked.Metric]) -> list[Metric]:
    """Return the measurements that are of a logged model."""
    return [
        measured(
            each.key or "", each.value or 0.0, each.timestamp or 0, each.step or 0, each.model_id,
            each.dataset_name or "", each.dataset_digest or "",
        )
        for each in given
        if each.model_id
    ]  # fmt: skip


def _check_there(told: asked.LogBatch) -> None:
    for index, each in enumerate(told.metrics or ()):
        if each.key and each.value is not None and each.timestamp is not None:
            continue
        for name in ("key", "value", "timestamp"):
            if getattr(each, name) in (None, ""):
                raise invalid(f"Missing value for required parameter 'metrics[{index}].{name}'.{_MORE}")
    for part in ("params", "tags"):
        for index, pair in enumerate(getattr(told, part) or ()):
            if not pair.key:
                raise invalid(f"Missing value for required parameter '{part}[{index}].key'.{_MORE}")
