"""What a user declares in `project.py`: values only; nothing is read, trained or served by declaring it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from kaizenml.core.declaration import Delivery, Retraining
from kaizenml.core.gate import AtLeast, BeatsBaselines, BeatsChampion, NotWorse, Requirement, Slices
from kaizenml.core.monitor import Bias, Drift, Latency, Monitor, Performance, Resources, Staleness, every
from kaizenml.core.names import checked_name
from kaizenml.core.source import (
    FilesSource,
    FrameSource,
    Increment,
    KafkaSource,
    PushSource,
    Source,
    SqlSource,
    checked_url,
    overlap_of,
)
from kaizenml.errors import ProjectError

__all__ = [
    "Bias",
    "Drift",
    "Latency",
    "Performance",
    "Project",
    "Resources",
    "Staleness",
    "at_least",
    "beats_baselines",
    "beats_champion",
    "bias",
    "drift",
    "files",
    "frame",
    "kafka",
    "latency",
    "not_worse",
    "performance",
    "push",
    "resources",
    "slices",
    "sql",
    "staleness",
]

Step = Callable[..., Any]
S = TypeVar("S", bound=Step)


class Project:
    """A machine-learning project: where its data come from, what it predicts, how it is gated, served and watched.

    Parameters
    ----------
    name
        Small letters, digits, ``-`` and ``_``; also the name of its model and of its endpoint.
    source
        Where raw rows come from, such as ``kz.files("data/*.csv")``.
    target
        The column to predict.
    id
        The column that tells one row from every other, if there is one.
    time
        The column that says when a row happened, if there is one: rows are then split in time, never at random.
    ignore
        Columns that are no features, such as those known only afterwards.
    seed
        The seed of everything random in a run.
    holdout
        What the model is tested on: a share of the rows, the newest where there is a time; or, as ``"14d"``, the
        newest days.

    Examples
    --------
    >>> import kaizenml as kz
    >>> project = kz.Project("churn", source=kz.files("data/*.csv"), target="churned", id="customer")
    >>> project.gate(kz.at_least("roc_auc", 0.7))
    """

    def __init__(
        self,
        name: str,
        *,
        source: Source,
        target: str,
        id: str | None = None,  # noqa: A002  the word that users know
        time: str | None = None,
        ignore: Sequence[str] = (),
        seed: int = 0,
        holdout: float | str = 0.2,
    ) -> None:
        self.name = checked_name("project", name)
        self.source = source
        self.target = target
        self.id = id
        self.time = time
        self.ignore = tuple(ignore)
        self.seed = seed
        self.holdout = holdout if isinstance(holdout, str) else _checked_share(holdout)
        if isinstance(holdout, str):
            every(holdout)
        self.steps: dict[str, Step] = {}
        self.requirements: tuple[Requirement, ...] = ()
        self.delivery = Delivery()
        self.monitors: tuple[Monitor, ...] = ()
        self.retraining = Retraining()

    def step(self, function: S) -> S:
        """Add a step, or replace the built-in one of the same name; the function stays as it is.

        Raises
        ------
        ProjectError
            When two steps have one name, or a parameter has neither a default nor the name of a step.
        """
        name = function.__name__
        if name in self.steps and self.steps[name] is not function:
            raise ProjectError(f"Project {self.name!r} has two steps called {name!r}.", "Rename one of them.")
        self.steps[name] = function
        return function

    def gate(self, *requirements: Requirement) -> None:
        """Say what a model version must pass before it can become a release."""
        self.requirements += requirements

    def serve(
        self,
        *,
        canary: Sequence[int] = (5, 25, 100),
        approval: str = "person",
        automatic: bool = True,
        requests: int = 100,
    ) -> None:
        """Say how a release reaches its users.

        Parameters
        ----------
        canary
            Percentages of traffic, rising to 100.
        approval
            ``"person"``: somebody runs `kaizen approve`. ``"policy"``: what the gate lets through is approved.
        automatic
            Whether an approved release is rolled out by itself; else somebody runs `kaizen ship`.
        requests
            How many requests the new release must have answered in a canary step before the next.
        """
        if approval not in ("person", "policy"):
            raise ProjectError(f"Nobody is called {approval!r}.", 'Approval is by "person" or by "policy".')
        self.delivery = Delivery(tuple(canary), approval, automatic, requests)

    def monitor(self, *monitors: Monitor) -> None:
        """Say what is watched once a release serves."""
        self.monitors += monitors

    def retrain(
        self, *, cooldown_days: float = 14.0, most: int = 6, per_days: float = 90.0, min_new_days: float = 7.0
    ) -> None:
        """Say how often the model may be trained anew by itself."""
        self.retraining = Retraining(cooldown_days, most, per_days, min_new_days)


def files(*patterns: str) -> FilesSource:
    """Take rows from files: CSV, TSV, Parquet, NDJSON, JSON or Excel, seen from the project's folder.

    Patterns may name object stores: ``s3://bucket/2026/*.csv.gz``, ``gs://``, ``az://``; ``https://`` names one file.
    """
    if not patterns:
        raise ProjectError("kz.files() names no files.", 'Give a pattern, such as kz.files("data/*.csv").')
    return FilesSource(tuple(checked_url(pattern) if "://" in pattern else pattern for pattern in patterns))


def sql(
    url: str,
    query: str = "",
    *,
    table: str = "",
    cursor: str = "",
    overlap: str | float | None = None,
    key: str | Sequence[str] = (),
) -> SqlSource:
    """Take rows from a database: all of them at each run, or with a cursor only those that are new.

    Parameters
    ----------
    url
        ``sqlite:///file.db`` (seen from the project's folder), ``duckdb:///file.duckdb`` or
        ``postgresql://user:${PASSWORD}@host/database``: secrets are named, and come from the environment.
    query, table
        One of the two.
    cursor
        A column that grows, such as ``updated_at`` or a running number.
    overlap
        How late rows may come: each load begins so far behind the greatest cursor seen: ``"36h"``, ``"7d"``, or a
        number for numbers. Rows that come back are told apart, so that none is loaded twice.
    key
        The column (or columns) that tell one row from every other; of its versions the newest counts. Without, whole
        rows are compared.
    """
    if bool(query) == bool(table):
        raise ProjectError("kz.sql() takes a query or a table.", 'Write kz.sql(url, table="orders"), for one.')
    return SqlSource(checked_url(url), query, table, _increment(cursor, overlap, key))


def frame(
    function: Callable[..., Any],
    *,
    cursor: str = "",
    overlap: str | float | None = None,
    key: str | Sequence[str] = (),
) -> FrameSource:
    """Take rows from a function that returns a Polars or pandas frame.

    With a cursor only new rows are loaded; the function may then take ``since``, from where on they are needed
    (None: from the beginning), and may return more than asked. See `sql` for the rest.
    """
    return FrameSource(function, _increment(cursor, overlap, key))


def push(*, key: str | Sequence[str] = ()) -> PushSource:
    """Take rows that programs send: ``POST /api/v1/projects/NAME/rows``. Of rows with one key the last counts."""
    return PushSource(_names(key))


def kafka(
    servers: str, topic: str, *, key: str | Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> KafkaSource:
    """Take the messages of a Kafka topic, each a JSON object.

    Parameters
    ----------
    servers
        ``host:port``, more than one with commas.
    key
        The columns that tell one row from every other; the last message counts.
    settings
        Further settings of librdkafka, such as ``{"sasl.password": "${KAFKA_PASSWORD}"}``.
    """
    for name, value in (settings or {}).items():
        if ("password" in name or "secret" in name) and "${" not in value:
            raise ProjectError(f"kz.kafka() is given {name!r} itself.", "Name an environment variable: ${NAME}.")
    return KafkaSource(servers, topic, _names(key), tuple(sorted((settings or {}).items())))


def at_least(metric: str, limit: float) -> Requirement:
    """Require that the metric reaches the limit on the test rows (a loss: does not exceed it)."""
    return AtLeast(metric=metric, limit=limit)


def beats_champion(metric: str) -> Requirement:
    """Require that the model is better than the one that serves, on the same rows, by more than noise."""
    return BeatsChampion(metric=metric)


def not_worse(metric: str, *, margin: float = 0.02) -> Requirement:
    """Require that the model is no worse than the one that serves: better on average, and surely within the margin.

    ``margin`` is a share of the champion's loss. Suits models that are trained anew because they are old.
    """
    return NotWorse(metric=metric, margin=margin)


def beats_baselines(metric: str = "") -> Requirement:
    """Require that the model is better than one that knows only the target's frequencies or mean."""
    return BeatsBaselines(metric=metric)


def slices(column: str, *, worst: float, metric: str = "", min_rows: int = 200) -> Requirement:
    """Require that the metric reaches ``worst`` for every value of a column that has enough rows."""
    return Slices(column=column, worst=worst, metric=metric, min_rows=min_rows)


def drift(*columns: str, psi_warn: float = Drift().psi_warn) -> Monitor:
    """Watch whether inputs still look like the training data."""
    return Drift(psi_warn=psi_warn, columns=columns)


def performance(metric: str, *, drop: float = 0.03) -> Monitor:
    """Watch whether live predictions are as good as promised, once their labels are known."""
    return Performance(metric, drop)


def bias(limit: float = 0.05) -> Monitor:
    """Watch whether predictions are on average too high or too low."""
    return Bias(limit)


def staleness(*, days: float) -> Monitor:
    """Watch the age of the newest row that the serving model learned from."""
    return Staleness(days)


def latency(*, p99_seconds: float) -> Monitor:
    """Watch how long an answer takes."""
    return Latency(p99_seconds)


def resources(*, memory_bytes: int | None = None, cpu_share: float | None = None) -> Monitor:
    """Watch what serving costs."""
    return Resources(memory_bytes, cpu_share)


def defaults_of(function: Step) -> Mapping[str, object]:
    """Return the parameters of a step that have a default, by name."""
    found = inspect.signature(function).parameters
    return {name: each.default for name, each in found.items() if each.default is not inspect.Parameter.empty}


def inputs_of(function: Step) -> tuple[str, ...]:
    """Return the names of the step's inputs: its parameters without a default."""
    found = inspect.signature(function).parameters
    return tuple(name for name, each in found.items() if each.default is inspect.Parameter.empty)


def _increment(cursor: str, overlap: str | float | None, key: str | Sequence[str]) -> Increment | None:
    if cursor:
        return Increment(cursor, overlap_of(overlap), _names(key))
    if overlap is not None or key:
        raise ProjectError("overlap and key need a cursor.", 'Name the column that grows: cursor="updated_at".')
    return None


def _names(key: str | Sequence[str]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else tuple(key)


def _checked_share(share: float) -> float:
    if 0 < share < 1:
        return share
    raise ProjectError(f"holdout={share} is no share of the rows.", "Give a number between 0 and 1, such as 0.2.")
