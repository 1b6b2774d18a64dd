"""Tuning: trials are executions of the project's own steps, tested fold by fold on training rows alone.

A trial is the graph of steps with other parameters, up to the score of a fold; so it runs wherever steps run, and what
trials have in common is made once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from kaizenml.core.digest import digest_of
from kaizenml.core.metric import PRIMARY, Estimate, Task
from kaizenml.core.run import Run, RunKind, RunState
from kaizenml.core.space import Range, Space, Tuning, guessed
from kaizenml.errors import KaizenError, NotFoundError, StepFailedError, UsageError
from kaizenml.loop.codebase import ProjectCode, own_code
from kaizenml.loop.executing import runner_of
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import Loaded
from kaizenml.loop.observing import code_of
from kaizenml.loop.order import Order
from kaizenml.loop.performing import Performer
from kaizenml.loop.steps import FOLD, GIVEN, given_by, steps_beside, steps_of
from kaizenml.loop.wiring import House, Say, open_step_cache
from kaizenml.packaging.environment import captured
from kaizenml.project import Project, defaults_of
from kaizenml.training.engine import Asked, Engine
from kaizenml.training.graph import Node, graph, needed_for
from kaizenml.training.metrics import names_of
from kaizenml.training.shelf import Shelf
from kaizenml.training.tune import Search, Trial, best_of, lead

#: A guessed range is widened so often, when the best value lies on its bound.
MOST_WIDENINGS = 2
#: After so many failed trials in a row the search is given up.
MOST_FAILURES = 5


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
    begun = Run(
        order.id, loaded.project.name, RunState.RUNNING, house.clock.now(), code_of(loaded, folder, house), captured(),
        loaded.project.seed, order.parameters, kind=RunKind.TUNING, author=order.author,
    )  # fmt: skip
    prepared = prepare(loaded.project, folder, house, say, cause=order.cause or 0)
    with loaded.at_hand():
        lab = _Lab(loaded, house, order, given_by(loaded.project, prepared), jobs)
        with closing(lab):
            found = _searched(lab, house, say, trials=trials, jobs=jobs, seconds=seconds)
    return _recorded(found, begun, house, prepared.snapshot.name)


def _recorded(found: Tuned, begun: Run, house: House, snapshot: str) -> Tuned:
    """Write the search down as a run: its best parameters, its metric, and every trial as an artefact."""
    content = msgspec.json.format(msgspec.json.encode({"study": found.study, "trials": found.trials}), indent=1)
    ended = replace(
        begun, state=RunState.FINISHED, finished_at=house.clock.now(), snapshot=snapshot,
        parameters=dict(found.best.parameters), metrics={found.metric: found.value},
        name=f"tune {len(found.trials)} trials", artefacts={"study.json": house.blobs.put(content)},
    )  # fmt: skip
    with house.records.writing() as books:
        books.runs.save(ended)
    return replace(found, run=ended.id)


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


class _Lab:
    """Where trials are executed: one runner and one shelf for all of them."""

    def __init__(self, loaded: Loaded, house: House, order: Order, given: Mapping[str, object], jobs: int) -> None:
        self.project, self._house, self._order = loaded.project, house, order
        self._cache = open_step_cache(house.settings)
        self.code = ProjectCode(loaded, ignore=(house.settings.home,))
        self._shelf = Shelf(self._cache, self.code.of_code)
        nodes = self._nodes({})
        perform = Performer({node.name: node for node in nodes}, self._shelf, self.code)
        wanted = order.way.runner or ("pool" if jobs > 1 else "")
        self._runner = runner_of(loaded, house, wanted, perform)
        self._given = {name: self._shelf.given(value) for name, value in given.items()}
        if jobs > 1 or wanted:
            self._given = {name: self._shelf.settled(ref) for name, ref in self._given.items()}
        self.data = digest_of({name: ref.digest for name, ref in sorted(self._given.items())})

    def task(self) -> Task:
        """Return what kind of problem it is."""
        return self._engine({}, "problem").value("problem").task  # type: ignore[no-any-return]

    def score(self, parameters: Mapping[str, object], fold: int, metric: str) -> float:
        """Return the metric of a trial in one fold."""
        tuning = self.project.tuning
        more = {f"{FOLD}.number": fold, f"{FOLD}.of": tuning.folds, f"{FOLD}.gap": tuning.gap, f"{FOLD}.metric": metric}
        return float(self._engine({**parameters, **more}, FOLD).value(FOLD))

    def close(self) -> None:
        """End the processes."""
        self._runner.close()

    def _nodes(self, parameters: Mapping[str, object]) -> list[Node]:
        steps = steps_of(self.project) | steps_beside()
        return graph(steps, GIVEN, {**self._order.parameters, **parameters}, self.project.options)

    def _engine(self, parameters: Mapping[str, object], goal: str) -> Engine:
        asked = Asked(self.project.name, self._order.id, self.project.seed, uses_cache=self._order.way.uses_cache)
        nodes = needed_for(self._nodes(parameters), [goal])
        engine = Engine(
            asked, nodes, code=self.code, cache=self._cache, shelf=self._shelf, runner=self._runner,
            told=lambda _: None, clock=self._house.clock.now,
        )  # fmt: skip
        engine.execute(self._given)
        return engine


def _searched(lab: _Lab, house: House, say: Say, *, trials: int, jobs: int, seconds: float | None) -> Tuned:
    project, space = lab.project, space_of(lab.project)
    metric = _metric(project, lab.task())
    name = f"{project.name}-{_study(lab, space, metric)[:12]}"
    search = Search(house.settings.home / "tuning" / f"{project.name}.log", name, metric, seed=project.seed)
    if left := search.clear_abandoned():
        say(f"{left} trials of an interrupted search are begun anew")
    search.try_first(_defaults(project, space))
    until = None if seconds is None else house.clock.now().timestamp() + seconds
    widenings = 0
    while True:
        _run_trials(lab, search, space, metric, trials, jobs, say, until, house)
        found = search.trials()
        best = best_of(found, metric)
        if best is None:
            raise UsageError("No trial came to its end.", "Give it more time, or look at why trials fail.")
        edges = _edges(best, space)
        guesses = {n: e for n, e in edges.items() if isinstance(r := space[n], Range) and r.is_guessed}
        is_over = until is not None and house.clock.now().timestamp() >= until
        if not guesses or widenings == MOST_WIDENINGS or is_over:
            return _told(search, name, metric, found, best, tuple(edges), space, project.seed)
        wider = {n: r.widened(guesses[n]) if n in guesses and isinstance(r, Range) else r for n, r in space.items()}
        if wider == space:
            return _told(search, name, metric, found, best, tuple(edges), space, project.seed)
        widenings += 1
        trials = len(_over(found)) + max(4, trials // 4)
        say(f"the best value lies on a bound of {', '.join(guesses)}: looking further out")
        space = wider


def _metric(project: Project, task: Task) -> str:
    known = names_of(task)
    wanted = project.tuning.metric or PRIMARY[task]
    if wanted not in known:
        raise NotFoundError("metric", wanted, known)
    return wanted


def _run_trials(
    lab: _Lab, search: Search, space: Mapping[str, Space], metric: str, trials: int, jobs: int, say: Say,
    until: float | None, house: House,
) -> None:  # fmt: skip
    lock, state = threading.Lock(), {"left": trials - len(_over(search.trials())), "failures": 0}
    errors: list[KaizenError] = []

    def one() -> None:
        while not errors:
            with lock:
                if state["left"] <= 0 or (until is not None and house.clock.now().timestamp() >= until):
                    return
                state["left"] -= 1
                trial, parameters = search.ask(space)
            scores: list[float] = []
            try:
                is_pruned = _tried(lab, search, lock, trial, parameters, metric, scores)
            except StepFailedError as error:
                with lock:
                    search.tell(trial, scores, error=error.message)
                    state["failures"] += 1
                    say(f"trial {trial.number + 1}: failed: {error.message}")
                    if state["failures"] >= MOST_FAILURES:
                        errors.append(error)
                continue
            with lock:
                state["failures"] = 0
                search.tell(trial, scores, is_pruned=is_pruned)
                say(_line(search, trial.number, parameters, scores, metric, is_pruned=is_pruned, trials=trials))

    with ThreadPoolExecutor(max(1, jobs)) as threads:
        for future in [threads.submit(one) for _ in range(max(1, jobs))]:
            future.result()
    if errors:
        raise errors[0]


def _tried(
    lab: _Lab, search: Search, lock: threading.Lock, trial: object, parameters: Mapping[str, object], metric: str,
    scores: list[float],
) -> bool:  # fmt: skip
    """Test a trial fold by fold; return whether it was ended early."""
    for fold in range(lab.project.tuning.folds):
        scores.append(lab.score(parameters, fold, metric))
        with lock:
            is_hopeless = search.report(trial, scores)
        if is_hopeless and fold + 1 < lab.project.tuning.folds:
            return True
    return False


def _line(
    search: Search, number: int, parameters: Mapping[str, object], scores: list[float], metric: str, *,
    is_pruned: bool, trials: int,
) -> str:  # fmt: skip
    best = best_of(search.trials(), metric)
    shown = ", ".join(f"{n.partition('.')[2]}={v:.4g}" if isinstance(v, float) else f"{n.partition('.')[2]}={v}"
                      for n, v in parameters.items())  # fmt: skip
    said = f"{metric} {np.mean(scores):.4f}" + (" after its first folds, ended early" if is_pruned else "")
    return f"trial {number + 1} of {trials}: {said}; best {best.value if best else float('nan'):.4f} ({shown})"


def _over(trials: list[Trial]) -> list[Trial]:
    return [each for each in trials if each.state in ("complete", "pruned")]


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


def _study(lab: _Lab, space: Mapping[str, Space], metric: str) -> str:
    """Return what tells a study: another one where data, code, space or metric are others."""
    steps = {name: lab.code.of(node).digest for name, node in ((n.name, n) for n in lab._nodes({}))}  # noqa: SLF001
    tuning = lab.project.tuning
    return digest_of([lab.data, steps, own_code(), msgspec.to_builtins(space), metric, tuning.folds, tuning.gap])


def _told(
    search: Search, name: str, metric: str, trials: list[Trial], best: Trial, on_bound: tuple[str, ...],
    space: Mapping[str, Space], seed: int,
) -> Tuned:  # fmt: skip
    scores = np.asarray(best.scores)
    half = 0.0
    if len(scores) > 1:
        from scipy import stats

        half = float(stats.t.ppf(0.975, len(scores) - 1) * scores.std(ddof=1) / np.sqrt(len(scores)))
    first = next((each for each in trials if each.number == 0 and each.value is not None), best)
    gained = Estimate(*lead(best, first, metric))
    mean = float(scores.mean())
    return Tuned(
        study=name, metric=metric, trials=tuple(trials), best=best, value=Estimate(mean, mean - half, mean + half),
        gained=gained, importance=search.importance(seed=seed), on_bound=on_bound, space=space,
    )  # fmt: skip
