"""Metrics that MLflow's clients log: series of ours, and the latest value in the run's own JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from kaizenml.core.mlflow.errors import invalid
from kaizenml.core.ports import Books
from kaizenml.core.series import Point, order, spelled
from kaizenml.core.series import latest as last_of
from kaizenml.loop import mlflow_runs as runs
from kaizenml.loop.mlflow_messages import Metric, Told, value_of
from kaizenml.loop.mlflow_mirror import mirrored
from kaizenml.loop.mlflow_models import log_metrics

#: One measurement: name, value, milliseconds since 1970, step.
Measured = tuple[str, float, int, int]


def log(
    books: Books,
    now: datetime,
    id_: str,
    metrics: Sequence[Measured],
    params: Sequence[tuple[str, str]] = (),
    tags: Sequence[tuple[str, str]] = (),
    of_models: Sequence[Metric] = (),
    *,
    shows: bool = False,
) -> Told:
    """Log metrics, parameters and tags of a run: all of them, or nothing.

    A measurement that has been logged already is not logged again, so that a retry changes nothing. Our own lists
    show the metrics when ``shows`` says so, and at the run's end; questions find them at once.
    """
    told = runs.open_run(books, id_)
    runs.put_params(told, params)
    runs.put_tags(told, tags)
    if metrics:
        put_metrics(books, told, metrics)
    if of_models:
        log_metrics(books, id_, of_models)
    runs.keep(books, told)
    if params or tags or shows:
        mirrored(books, now, told)
    return told


def put_metrics(books: Books, told: Told, metrics: Sequence[Measured]) -> None:
    """Add measurements to the series of a run, and its latest values to the run at hand."""
    id_ = told.info.run_id
    latest = {each.key: each for each in told.data.metrics}
    new: dict[str, list[Point]] = {}
    for key, value, timestamp, step in metrics:
        new.setdefault(key, []).append(Point(step, timestamp * 1000, value))
    for key, points in new.items():
        known = latest.get(key)
        if len({each.step for each in points}) < len(points):
            points[:] = {_identity(each): each for each in points}.values()
        if known is not None and not _are_behind(points, _point(known)):
            there = {_identity(each) for each in books.series.read(id_, key)}
            points[:] = [each for each in points if _identity(each) not in there]
        if not points:
            continue
        last = last_of(points)
        if known is None:
            made = Metric(key, spelled(last.value), last.at // 1000, last.step)
            latest[key] = made
            told.data.metrics.append(made)
        elif order(last) > order(_point(known)):
            known.value, known.timestamp, known.step = spelled(last.value), last.at // 1000, last.step
    books.series.append(id_, new)


def history(books: Books, id_: str, key: str) -> list[Metric]:
    """Return every measurement of a metric by time, step and value."""
    runs.get(books, id_)
    points = sorted(books.series.read(id_, key), key=_by_time)
    return [Metric(key, spelled(each.value), each.at // 1000, each.step) for each in points]


def sampled(found: Sequence[Metric], start: int | None, end: int | None, most: int) -> list[Metric]:
    """Return at most so many measurements between two steps, with the first and the last of them."""
    if start is not None and end is not None and start > end:
        raise invalid(f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.")
    low, high = (-math.inf if start is None else start), (math.inf if end is None else end)
    inner = sorted((each for each in found if low <= each.step <= high), key=lambda each: (each.step, each.timestamp))
    if len(inner) <= most:
        return inner
    picked = {round(index * (len(inner) - 1) / (most - 1)) for index in range(most)} if most > 1 else {0}
    return [inner[index] for index in sorted(picked)]


def _point(metric: Metric) -> Point:
    return Point(metric.step, metric.timestamp * 1000, value_of(metric))


def _are_behind(points: Sequence[Point], known: Point) -> bool:
    """Say whether all points are later than the latest one that is known, so that none of them can be there already."""
    return min((each.step, each.at) for each in points) > (known.step, known.at)


def _identity(point: Point) -> tuple[int, int, str]:
    return point.step, point.at, repr(point.value)


def _by_time(point: Point) -> tuple[int, int, float]:
    return point.at, point.step, 0.0 if math.isnan(point.value) else point.value
