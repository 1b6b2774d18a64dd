"""What a user declares in `project.py`: values only; nothing is read, trained or served by declaring it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from kaizenml.core.approval import Review
from kaizenml.core.assessment import Examination, Study
from kaizenml.core.behaviour import Behaviour, named, requirement_of
from kaizenml.core.declaration import Delivery, Polling, Retraining
from kaizenml.core.gate import Own, Requirement
from kaizenml.core.monitor import Monitor, every
from kaizenml.core.names import checked_name
from kaizenml.core.pipeline import Pipeline
from kaizenml.core.preparation import Cleaning, Preparation
from kaizenml.core.source import PushSource, Source
from kaizenml.core.space import Space, Tuning
from kaizenml.core.step import StepOptions, above_zero, at_least_zero, bytes_of, seconds_of
from kaizenml.errors import NotFoundError, ProjectError
from kaizenml.project.preparing import cleaning, preparation
from kaizenml.project.reviewing import aliases_of, review_of
from kaizenml.project.signature import Step

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
    group
        The column that says which rows belong together, such as a customer or a patient, if there is one: no group is
        both learned from and tested on. It is no feature, and requests bring it.
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
        group: str | None = None,
        ignore: Sequence[str] = (),
        seed: int = 0,
        holdout: float | str = 0.2,
    ) -> None:
        if group is not None and group in (target, time, *ignore):
            raise ProjectError(
                f"group={group!r} is the target, the time, or ignored.",
                "Name the column that tells which rows belong together.",
            )
        self.name = checked_name("project", name)
        self.source = source
        self.target = target
        self.id = id
        self.time = time
        self.group = group
        self.ignore = tuple(ignore)
        self.seed = seed
        self.holdout = holdout if isinstance(holdout, str) else _checked_share(holdout)
        if isinstance(holdout, str):
            every(holdout)
        self.steps: dict[str, Step] = {}
        self.options: dict[str, StepOptions] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.cleanings: tuple[Cleaning, ...] = ()
        self.preparations: tuple[Preparation, ...] = ()
        self.tuning = Tuning()
        self.requirements: tuple[Requirement, ...] = ()
        self.checks: dict[str, Callable[..., Any]] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.examination = Examination()
        self.delivery = Delivery()
        self.monitors: tuple[Monitor, ...] = ()
        self.retraining = Retraining()
        self.polling: Polling | None = None

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
            What it needs (``memory="2GB"``): where that is not to be had it fails at once, and what takes more memory
            is stopped.
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
            retries=at_least_zero("retries", retries),
            backoff_seconds=at_least_zero("backoff", seconds_of(backoff, "backoff") or 0.0),
            timeout_seconds=above_zero("timeout", seconds_of(timeout, "timeout")),
            cpus=at_least_zero("cpus", cpus),
            gpus=at_least_zero("gpus", gpus),
            memory_bytes=above_zero("memory", bytes_of(memory, "memory")),
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

    def clean(
        self, column: str, *, outliers: str = "flag", low: float | None = None, high: float | None = None
    ) -> None:
        """Say what cleaning does to the numbers of a raw column that are far from all others.

        Parameters
        ----------
        column
            A raw column of numbers; not the target.
        outliers
            ``"clip"``: values beyond the bounds become the bounds, in training and at serving; the raw rows stay as
            they are. ``"flag"``: they are told of by `kaizen clean` and stay.
        low, high
            The bounds. Where neither is given they are learned from the training rows: three interquartile ranges
            beyond the quartiles, of the values or, if wider, of their logarithms.
        """
        if any(each.column == column for each in self.cleanings):
            raise ProjectError(f"The column {column!r} is cleaned twice.", "Say all of it in one line.")
        if column in (self.target, self.id, self.time):
            raise ProjectError(
                f"{column!r} is the target, the id or the time: cleaning does not change its values.",
                "Leave rows out in the step `select` instead.",
            )
        self.cleanings += (cleaning(column, outliers, low, high),)

    def prepare(
        self, column: str, *, scale: str | None = None, missing: str | None = None, encode: str | None = None
    ) -> None:
        """Say how a column is prepared for the model, where its kind should not decide.

        Parameters
        ----------
        column
            A feature, as the step `features` returns it.
        scale
            Of a number: ``"log"`` (the inverse hyperbolic sine, then standardised), ``"standard"``, ``"power"``
            (Yeo-Johnson) or ``"none"``.
        missing
            Of a number: ``"median"``, ``"zero"``, ``"flag"`` (the median and a column that says so) or ``"none"``.
        encode
            Of a category: ``"one_hot"``, ``"target"`` or ``"ordinal"``; of text ``"text"``: it is read for its words,
            as prose is unless told otherwise; of any column ``"drop"``.
        """
        if any(each.column == column for each in self.preparations):
            raise ProjectError(f"The column {column!r} is prepared twice.", "Say all of it in one line.")
        self.preparations += (preparation(column, scale=scale, missing=missing, encode=encode),)

    def tune(
        self, space: Mapping[str, Space] | None = None, *, metric: str = "", folds: int = 3, gap: str = ""
    ) -> None:
        """Say where `kaizen tune` looks for better parameters, and how it tests them.

        Parameters
        ----------
        space
            ``{"estimator.learning_rate": kz.between(0.01, 0.3, log=True)}``, or ``kz.choice(…)``. Without, it is
            guessed from the defaults of the step `estimator`.
        metric
            What is made better; the task's first metric unless told otherwise.
        folds, gap
            How many folds of the training rows, and how far apart in time (``"7d"``), as long as labels take.
        """
        self.tuning = Tuning(tuple((space or {}).items()), metric, folds, gap)

    def gate(self, *requirements: Requirement | Callable[..., Any]) -> None:
        """Say what a model version must pass before it can become a release; a function is a `check` of your own."""
        for each in requirements:
            if callable(each):
                self.check(each)
            else:
                self.requirements += (each,)

    def check(self, function: S) -> S:
        """Add a check of your own to the gate: a function of what the evaluation found.

        It takes one argument, the facts (see `Facts`), and returns whether they will do, or that and its evidence; a
        failed `assert` is a check that did not pass, with its message as the evidence. It runs where steps run.
        """
        name = function.__name__
        if name in self.checks:
            raise ProjectError(f"Project {self.name!r} has two checks called {name!r}.", "Rename one of them.")
        self.checks[name] = function
        says = (function.__doc__ or "").strip().partition("\n")[0]
        self.requirements += (Own(name=name, says=says),)
        return function

    def behaves(self, *behaviours: Behaviour) -> None:
        """Say what a model does whatever its metrics say; each is tried in every gate, also on the champion."""
        for each in behaviours:
            if named(each) in self.behaviours:
                raise ProjectError(f"Two behaviours are called {named(each)!r}.", "Give one of them another `name`.")
            self.behaviours[named(each)] = each
            self.requirements += (requirement_of(each),)

    def evaluate(
        self,
        *,
        slices: Sequence[str] = (),
        groups: Sequence[str] = (),
        also: Sequence[str] = (),
        importance_seconds: float = Examination().importance_seconds,
    ) -> None:
        """Say what each evaluation looks at beyond metrics, calibration and the worst slices.

        Parameters
        ----------
        slices
            Columns of which every value gets a line.
        groups
            Columns whose groups must be treated alike: the fairness table.
        also
            Studies that train models anew, of every run: ``"importance"`` (of all rows), ``"learning_curve"``,
            ``"staleness"``. `kaizen run --with` asks for one run.
        importance_seconds
            How long to look, within a sample, for what each column is worth; 0: not at all.
        """
        unknown = [name for name in also if name not in tuple(Study)]
        if unknown:
            raise NotFoundError("study", unknown[0], [each.value for each in Study])
        self.examination = Examination(_names(slices), _names(groups), tuple(map(Study, also)), importance_seconds)

    def serve(
        self,
        *,
        canary: Sequence[int] = (5, 25, 100),
        approval: str | Review = "person",
        automatic: bool = True,
        requests: int = 100,
        protected: Sequence[str] = (),
    ) -> None:
        """Say how a release reaches its users.

        Parameters
        ----------
        canary
            Percentages of traffic, rising to 100.
        approval
            ``"person"``: somebody runs `kaizen approve`; ``"policy"``: the gate; or ``kz.people(2)``, ``kz.policy(…)``.
        automatic
            Whether an approved release is rolled out by itself; else somebody runs `kaizen ship`.
        requests
            How many requests the new release must have answered in a canary step before the next.
        protected
            Aliases of its models, and stages, that move only with an approval, besides those that the home protects.
        """
        self.delivery = Delivery(tuple(canary), automatic, requests, review_of(approval), aliases_of(protected))

    def monitor(self, *monitors: Monitor) -> None:
        """Say what is watched once a release serves."""
        self.monitors += monitors

    def retrain(
        self, *, cooldown_days: float = 14.0, most: int = 6, per_days: float = 90.0, min_new_days: float = 7.0
    ) -> None:
        """Say how often the model may be trained anew by itself."""
        self.retraining = Retraining(cooldown_days, most, per_days, min_new_days)

    def poll(self, interval: str, *, run: bool = False) -> None:
        """Say how often the source is looked at for new files, rows or messages while `kaizen up` runs.

        Parameters
        ----------
        interval
            Such as ``"5m"`` or ``"1h"``; at least a second.
        run
            Whether new data start a run, once the contract lets them through.
        """
        if isinstance(self.source, PushSource):
            raise ProjectError(
                "Rows that are pushed arrive by themselves.",
                'Push them with {"run": true} where they shall start a run.',
            )
        seconds = every(interval).seconds
        if seconds < 1:
            raise ProjectError(f"poll({interval!r}) is more often than once a second.", 'Write "1s" or more.')
        self.polling = Polling(seconds, run)


def _checked_share(share: float) -> float:
    if 0 < share < 1:
        return share
    raise ProjectError(f"holdout={share} is no share of the rows.", "Give a number between 0 and 1, such as 0.2.")


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
