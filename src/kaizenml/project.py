"""What a user declares in `project.py`: values only; nothing is read, trained or served by declaring it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from kaizenml.core.declaration import Delivery, Retraining
from kaizenml.core.gate import AtLeast, BeatsBaselines, BeatsChampion, NotWorse, Requirement, Slices
from kaizenml.core.monitor import Bias, Drift, Latency, Monitor, Performance, Resources, Staleness, every
from kaizenml.core.names import checked_name
from kaizenml.core.pipeline import Pipeline
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
from kaizenml.core.step import Each, StepOptions, bytes_of, seconds_of
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
    "each",
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
        self.options: dict[str, StepOptions] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.requirements: tuple[Requirement, ...] = ()
        self.delivery = Delivery()
        self.monitors: tuple[Monitor, ...] = ()
        self.retraining = Retraining()

    @overload
    def step(self, function: S) -> S: ...

    @overload
    def step(
        self,
        *,
        name: str = ...,
        retries: int = ...,
        backoff: str | float = ...,
        timeout: str | float | None = ...,
        cpus: float = ...,
        gpus: float = ...,
        memory: str | int | None = ...,
        files: str | Sequence[str] = ...,
        environment: str | Sequence[str] = ...,
        cache: bool = ...,
        when: str = ...,
    ) -> Callable[[S], S]: ...

    def step(
        self,
        function: S | None = None,
        *,
        name: str = "",
        retries: int = 0,
        backoff: str | float = 1.0,
        timeout: str | float | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        memory: str | int | None = None,
        files: str | Sequence[str] = (),
        environment: str | Sequence[str] = (),
        cache: bool = True,
        when: str = "",
    ) -> S | Callable[[S], S]:
        """Add a step, or replace the built-in one of the same name; the function stays as it is.

        An argument that is called as another step is its input; ``seed`` and ``rng`` (a NumPy generator) are handed in,
        the same for the same project seed; any other argument is a parameter and needs a default.

        Parameters
        ----------
        name
            What the step is called, where that is not the function's name: one function can be several steps.
        retries, backoff
            How often it is tried again after it raised, and how long to wait before: seconds, or ``"2s"``; each wait
            is twice as long as the one before.
        timeout
            How long a try may take, such as ``"10m"``; what takes longer is stopped.
        cpus, gpus, memory
            What it needs (``memory="2GB"``); what takes more memory is stopped.
        files, environment
            Files (or patterns) and environment variables that it reads: a change of one makes it run again.
        cache
            Whether its result may be used again while nothing that it was made of has changed.
        when
            Name of a step or of one of its own parameters: where that is false, the step is skipped and its value is
            None.

        Raises
        ------
        ProjectError
            When two steps have one name, or an option cannot be.
        """
        options = StepOptions(
            retries=_at_least_zero("retries", retries),
            backoff_seconds=seconds_of(backoff, "backoff") or 0.0,
            timeout_seconds=seconds_of(timeout, "timeout"),
            cpus=_at_least_zero("cpus", cpus),
            gpus=_at_least_zero("gpus", gpus),
            memory_bytes=bytes_of(memory, "memory"),
            files=_names(files),
            environment=_names(environment),
            is_cached=cache,
            when=when,
        )
        if function is None:
            return lambda given: self._add(given, name, options)
        return self._add(function, name, options)

    def _add(self, function: S, name: str, options: StepOptions) -> S:
        name = name or function.__name__
        if name in self.steps and self.steps[name] is not function:
            raise ProjectError(f"Project {self.name!r} has two steps called {name!r}.", "Rename one of them.")
        self.steps[name] = function
        self.options[name] = options
        return function

    def pipeline(self, name: str, *goals: str | Step) -> None:
        """Name a part of the steps that can be run alone: `kaizen run --pipeline NAME`.

        Pipelines share steps, and what one has made the other need not make again.

        Parameters
        ----------
        goals
            The steps, or their names, that it is run for; what they need is run before.
        """
        if not goals:
            raise ProjectError(f"The pipeline {name!r} has no goal.", "Name the step it is run for.")
        names = tuple(goal if isinstance(goal, str) else goal.__name__ for goal in goals)
        self.pipelines[checked_name("pipeline", name)] = Pipeline(name, names)

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


def each(step: str) -> Any:
    """Return the default of an argument that is one item of what a step returned: the step runs for every item.

    ``def scored(part=kz.each("parts"), model=None)``; what comes of it is a list, in the order of the items. Several
    such arguments are taken side by side. Called by hand, the function takes one item.
    """
    return Each(step)


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
    """Return the parameters of a step that have a default, by name; items of other steps are no parameters."""
    found = _parameters(function)
    return {
        name: each.default
        for name, each in found.items()
        if each.default is not inspect.Parameter.empty and not isinstance(each.default, Each)
    }


def inputs_of(function: Step) -> tuple[str, ...]:
    """Return the names of the step's inputs: its parameters without a default."""
    found = _parameters(function)
    return tuple(name for name, each in found.items() if each.default is inspect.Parameter.empty)


def items_of(function: Step) -> Mapping[str, Each]:
    """Return the arguments that are one item of another step's value, by name."""
    found = _parameters(function)
    return {name: each.default for name, each in found.items() if isinstance(each.default, Each)}


def _parameters(function: Step) -> Mapping[str, inspect.Parameter]:
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters
    return {name: each for name, each in found.items() if each.kind not in open_ended}


def _at_least_zero(what: str, value: Any) -> Any:
    if value < 0:
        raise ProjectError(f"{what}={value} is less than nothing.", "Give 0 or more.")
    return value


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
