"""Tuning: trials are executions of the project's own steps, tested fold by fold on training rows alone.

A trial is the graph of steps with other parameters, up to the score of a fold; so it runs wherever steps run, and what
trials have in common is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from kaizenml.core.digest import digest_of
from kaizenml.core.metric import PRIMARY, Estimate, Task
from kaizenml.core.process import nobody_left_behind
from kaizenml.core.run import Run, RunKind, RunState
from kaizenml.core.space import Range, Space, Tuning, guessed
from kaizenml.errors import KaizenError, NotFoundError, UsageError
from kaizenml.loop.alive import alive
from kaizenml.loop.codebase import own_code
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import Loaded
from kaizenml.loop.observing import Observed, code_of
from kaizenml.loop.order import Order
from kaizenml.loop.steps import given_by
from kaizenml.loop.trying import Lab, Trials
from kaizenml.loop.wiring import House, Say
from kaizenml.packaging.environment import captured
from kaizenml.project import Project, defaults_of
from kaizenml.training.metrics import names_of
from kaizenml.training.tune import Search, Trial, best_of, lead

#: A guessed range is widened so often, when the best value lies on its bound.
MOST_WIDENINGS = 2


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found.

    Parameters
    ----------
    value
        Mean of the metric over the folds of the best trial, with a 95 % interval.
    gained
        How much better that is than the defaults, with a 95 % interval over the folds.
    importance
        Share of the metric's variance that each parameter explains.
    on_bound
        Parameters whose best value lies on the bound of where it was looked for.
    """

    study: str
    metric: str
    trials: tuple[Trial, ...]
    best: Trial
    value: Estimate
    gained: Estimate
    importance: Mapping[str, float]
    on_bound: tuple[str, ...]
    space: Mapping[str, Space]
    run: str = ""


def tune(
    loaded: Loaded, folder: Path, house: House, order: Order, say: Say, *, trials: int, jobs: int = 1,
    seconds: float | None = None,
) -> Tuned:  # fmt: skip
    """Look for better parameters, until so many trials of the study are over.

    Called again, it goes on where it was: the study is told by data, code, space and metric.

    Raises
    ------
    UsageError
        When there is nothing to tune, or nothing that could be told of it.
    StepFailedError
        When trial after trial fails.
    """
    space_of(loaded.project)  # where there is nothing to tune, nothing has begun
    begun = Run(
        order.id, loaded.project.name, RunState.RUNNING, house.clock.now(), code_of(loaded, folder, house), captured(),
        loaded.project.seed, order.parameters, kind=RunKind.TUNING, author=order.author, name=f"tune {trials} trials",
    )  # fmt: skip
    known = alive(house, begun.id) if order.job is None else nullcontext()  # a job has a lease
    with known, Observed(house, begun) as seen:
        _save(house, begun)
        try:
            prepared = prepare(loaded.project, folder, house, say, cause=order.cause or 0)
            with loaded.at_hand():
                lab = Lab(loaded, house, order, given_by(loaded.project, prepared), jobs)
                with nobody_left_behind(), closing(lab):
                    found = _searched(lab, house, say, trials=trials, jobs=jobs, seconds=seconds)
        except BaseException as error:
            _save(house, seen.noted(_failed(begun, house, error)))
            raise
        _save(house, seen.noted(replace(_found(found, begun, house), snapshot=prepared.snapshot.name)))
        return replace(found, run=begun.id)


def _found(found: Tuned, begun: Run, house: House) -> Run:
    """Return the search as a run: its best parameters, its metric, and every trial as an artefact."""
    content = msgspec.json.format(msgspec.json.encode({"study": found.study, "trials": found.trials}), indent=1)
    return replace(
        begun, state=RunState.FINISHED, finished_at=house.clock.now(), parameters=dict(found.best.parameters),
        metrics={found.metric: found.value}, name=f"tune {len(found.trials)} trials",
        artefacts={"study.json": house.blobs.put(content)},
    )  # fmt: skip


def _failed(begun: Run, house: House, error: BaseException) -> Run:
    ended = replace(begun, finished_at=house.clock.now())
    if isinstance(error, KeyboardInterrupt):
        return replace(ended, state=RunState.CANCELLED, error="Interrupted.", hint="Call it again to go on.")
    if isinstance(error, KaizenError):
        return replace(ended, state=RunState.FAILED, error=error.message, hint=error.hint)
    return replace(ended, state=RunState.FAILED, error=f"{type(error).__name__}: {error}"[:500])


def _save(house: House, run: Run) -> None:
    with house.records.writing() as books:
        books.runs.save(run)


def space_of(project: Project) -> dict[str, Space]:
    """Return where parameters are looked for: as declared, or guessed from the defaults of the step `estimator`.

    Raises
    ------
    UsageError
        When nothing is declared, and nothing can be guessed.
    NotFoundError
        For a parameter that no step has.
    """
    tuning: Tuning = project.tuning
    known = {f"{name}.{each}" for name, step in project.steps.items() for each in defaults_of(step)}
    for name, _ in tuning.space:
        if name not in known:
            raise NotFoundError("step parameter", name, sorted(known))
    if tuning.space:
        return dict(tuning.space)
    step = project.steps.get("estimator")
    defaults = defaults_of(step) if step else {}
    found = {f"estimator.{name}": space for name, value in defaults.items() if (space := guessed(value)) is not None}
    if not found:
        raise UsageError(
            f"Project {project.name!r} has nothing to tune: its step `estimator` has no parameter with a number.",
            'Give it one, such as `def estimator(learning_rate=0.1)`, or declare project.tune({"step.param": …}).',
        )
    return found


def _searched(lab: Lab, house: House, say: Say, *, trials: int, jobs: int, seconds: float | None) -> Tuned:
    project, space = lab.project, space_of(lab.project)
    metric = _metric(project, lab.task())
    name = f"{project.name}-{_study(lab, space, metric)[:12]}"
    until = None if seconds is None else house.clock.now().timestamp() + seconds

    def is_late() -> bool:
        return until is not None and house.clock.now().timestamp() >= until

    path = house.settings.home / "tuning" / f"{project.name}.log"
    with closing(Search(path, name, metric, seed=project.seed)) as search:
        if left := search.clear_abandoned():
            say(f"{left} trials of an interrupted search are begun anew")
        search.try_first(_defaults(project, space))
        return _widened(lab, search, name, space, metric, trials, jobs, is_late, say)


def _widened(
    lab: Lab, search: Search, study: str, space: Mapping[str, Space], metric: str, trials: int, jobs: int,
    is_late: Callable[[], bool], say: Say,
) -> Tuned:  # fmt: skip
    """Run trials, and some more further out while the best lies on the bound of a range that was guessed."""
    defaults, widenings = _defaults(lab.project, space), 0
    while True:
        Trials(lab, search, space, metric, trials, is_late, say).run(jobs)
        found = search.trials()
        best = best_of(found, metric)
        if best is None:
            raise UsageError("No trial came to its end.", "Give it more time, or look at why trials fail.")
        edges = _edges(best, space)
        guesses = {n: e for n, e in edges.items() if isinstance(r := space[n], Range) and r.is_guessed}
        wider = {n: r.widened(guesses[n]) if n in guesses and isinstance(r, Range) else r for n, r in space.items()}
        if widenings == MOST_WIDENINGS or is_late() or wider == space:
            return _told(search, study, metric, found, best, tuple(edges), space, lab.project.seed, defaults)
        widenings += 1
        trials = search.over() + max(4, trials // 4)
        say(f"the best value lies on a bound of {', '.join(guesses)}: looking further out")
        space = wider


def _metric(project: Project, task: Task) -> str:
    known = names_of(task)
    wanted = project.tuning.metric or PRIMARY[task]
    if wanted not in known:
        raise NotFoundError("metric", wanted, known)
    return wanted


def _defaults(project: Project, space: Mapping[str, Space]) -> dict[str, object]:
    found = {f"{name}.{key}": value for name, step in project.steps.items() for key, value in defaults_of(step).items()}
    inside = {name for name, each in space.items() if not isinstance(each, Range) or _is_in(each, found[name])}
    return {name: found[name] for name in space if name in inside}


def _is_in(space: Range, value: object) -> bool:
    return isinstance(value, (int, float)) and space.low <= value <= space.high


def _edges(best: Trial, space: Mapping[str, Space]) -> dict[str, str]:
    found = {}
    for name, each in space.items():
        value = best.parameters.get(name)
        if isinstance(each, Range) and isinstance(value, (int, float)) and (edge := each.edge(float(value))):
            found[name] = edge
    return found


def _study(lab: Lab, space: Mapping[str, Space], metric: str) -> str:
    """Return what tells a study: another one where data, code, space or metric are others."""
    steps = {name: lab.code.of(node).digest for name, node in ((n.name, n) for n in lab.nodes({}))}
    tuning = lab.project.tuning
    return digest_of([lab.data, steps, own_code(), msgspec.to_builtins(space), metric, tuning.folds, tuning.gap])


def _told(
    search: Search, name: str, metric: str, trials: list[Trial], best: Trial, on_bound: tuple[str, ...],
    space: Mapping[str, Space], seed: int, defaults: Mapping[str, object],
) -> Tuned:  # fmt: skip
    scores = np.asarray(best.scores)
    half = 0.0
    if len(scores) > 1:
        from scipy import stats

        half = float(stats.t.ppf(0.975, len(scores) - 1) * scores.std(ddof=1) / np.sqrt(len(scores)))
    tried = (each for each in trials if each.value is not None and {**each.parameters, **defaults} == each.parameters)
    first = next(tried, best)
    gained = Estimate(*lead(best, first, metric))
    mean = float(scores.mean())
    return Tuned(
        study=name, metric=metric, trials=tuple(trials), best=best, value=Estimate(mean, mean - half, mean + half),
        gained=gained, importance=search.importance(seed=seed), on_bound=on_bound, space=space,
    )  # fmt: skip
