"""Trials of a search, executed: the project's own steps with other parameters, fold by fold, several side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.metric import Task
from kaizenml.core.space import Space
from kaizenml.errors import StepFailedError
from kaizenml.loop.codebase import ProjectCode
from kaizenml.loop.executing import runner_of
from kaizenml.loop.loading import Loaded
from kaizenml.loop.order import Order
from kaizenml.loop.performing import Performer
from kaizenml.loop.steps import FOLD, GIVEN, steps_beside, steps_of
from kaizenml.loop.wiring import House, Say, open_step_cache
from kaizenml.training.engine import INTERRUPTIBLE_SECONDS, Asked, Engine
from kaizenml.training.graph import Node, graph, needed_for
from kaizenml.training.shelf import Shelf
from kaizenml.training.tune import Search, best_of

#: After so many failed trials in a row the search is given up.
MOST_FAILURES = 5


class Lab:
    """Where trials are executed: one runner and one shelf for all of them."""

    def __init__(self, loaded: Loaded, house: House, order: Order, given: Mapping[str, object], jobs: int) -> None:
        self.project, self._house, self._order = loaded.project, house, order
        self._cache = open_step_cache(house.settings)
        self.code = ProjectCode(loaded, ignore=(house.settings.home,))
        self._shelf = Shelf(self._cache, self.code.of_code)
        perform = Performer({node.name: node for node in self.nodes({})}, self._shelf, self.code)
        where = order.way.runner or house.settings.runner
        if where == "local" and jobs > 1 and not order.way.runner:
            where = "pool"
        self._runner = runner_of(loaded, house, where, perform)
        self._given = {name: self._shelf.given(value) for name, value in given.items()}
        if where != "local" or jobs > 1:
            self._given = {name: self._shelf.settled(ref) for name, ref in self._given.items()}
        self.data: Digest = digest_of({name: ref.digest for name, ref in sorted(self._given.items())})

    def task(self) -> Task:
        """Return what kind of problem it is."""
        return self._engine({}, "problem").value("problem").task  # type: ignore[no-any-return]

    def score(self, parameters: Mapping[str, object], fold: int, metric: str) -> float:
        """Return the metric of a trial in one fold."""
        tuning = self.project.tuning
        more = {f"{FOLD}.number": fold, f"{FOLD}.of": tuning.folds, f"{FOLD}.gap": tuning.gap, f"{FOLD}.metric": metric}
        return float(self._engine({**parameters, **more}, FOLD).value(FOLD))

    def nodes(self, parameters: Mapping[str, object]) -> list[Node]:
        """Return the steps of a trial with these parameters."""
        steps = steps_of(self.project) | steps_beside()
        return graph(steps, GIVEN, {**self._order.parameters, **parameters}, self.project.options)

    def close(self) -> None:
        """End what is running, and give back what was taken."""
        self._runner.close()

    def _engine(self, parameters: Mapping[str, object], goal: str) -> Engine:
        asked = Asked(self.project.name, self._order.id, self.project.seed, uses_cache=self._order.way.uses_cache)
        nodes = needed_for(self.nodes(parameters), [goal])
        engine = Engine(
            asked, nodes, code=self.code, cache=self._cache, shelf=self._shelf, runner=self._runner,
            told=lambda _: None, clock=self._house.clock.now,
        )  # fmt: skip
        engine.execute(self._given)
        return engine


@dataclass(slots=True)
class Trials:
    """Trials of a study, until so many are over.

    Parameters
    ----------
    wanted
        How many the study has in the end, of those that failed none.
    is_late
        Says whether none may begin any more.
    """

    lab: Lab
    search: Search
    space: Mapping[str, Space]
    metric: str
    wanted: int
    is_late: Callable[[], bool]
    say: Say
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: int = 0
    _failures: int = 0
    _is_over: bool = False

    def run(self, jobs: int) -> None:
        """Run them, so many side by side.

        Raises
        ------
        StepFailedError
            When trial after trial fails.
        """
        self._left = self.wanted - self.search.over()
        if jobs <= 1:
            self._one_after_the_other()  # in this thread, which Ctrl-C interrupts wherever it is
            return
        with ThreadPoolExecutor(jobs) as threads:
            try:
                begun = [threads.submit(self._one_after_the_other) for _ in range(jobs)]
                while (now := wait(begun, INTERRUPTIBLE_SECONDS, FIRST_EXCEPTION)).not_done:
                    _raise_from(now.done)
                _raise_from(now.done)
            except BaseException:
                self._is_over = True
                self.lab.close()  # what the others wait for will not come
                raise

    def _one_after_the_other(self) -> None:
        try:
            while (begun := self._begin()) is not None:
                self._try(*begun)
        except BaseException:
            self._is_over = True
            raise

    def _begin(self) -> tuple[object, dict[str, object]] | None:
        with self._lock:
            if self._is_over or self._left <= 0 or self.is_late():
                return None
            self._left -= 1
            return self.search.ask(self.space)

    def _try(self, trial: object, parameters: Mapping[str, object]) -> None:
        scores: list[float] = []
        try:
            is_pruned = self._scored(trial, parameters, scores)
        except StepFailedError as error:
            self._fail(trial, scores, error)
            return
        with self._lock:
            self._failures = 0
            self.search.tell(trial, scores, is_pruned=is_pruned)
            self.say(self._line(trial, parameters, scores, is_pruned=is_pruned))

    def _scored(self, trial: object, parameters: Mapping[str, object], scores: list[float]) -> bool:
        """Test a trial fold by fold; return whether it was ended early."""
        folds = self.lab.project.tuning.folds
        for fold in range(folds):
            scores.append(self.lab.score(parameters, fold, self.metric))
            with self._lock:
                is_hopeless = self.search.report(trial, scores)
            if is_hopeless and fold + 1 < folds:
                return True
        return False

    def _fail(self, trial: object, scores: list[float], error: StepFailedError) -> None:
        with self._lock:
            if self._is_over:
                raise error  # it was stopped, and is begun anew when the search goes on
            self.search.tell(trial, scores, error=error.message)
            self._failures += 1
            self.say(f"trial {self.search.number(trial)}: failed: {error.message}")
            if self._failures >= MOST_FAILURES:
                raise error

    def _line(self, trial: object, parameters: Mapping[str, object], scores: list[float], *, is_pruned: bool) -> str:
        best = best_of(self.search.trials(), self.metric)
        shown = ", ".join(f"{name.partition('.')[2]}={_short(value)}" for name, value in parameters.items())
        said = f"{self.metric} {np.mean(scores):.4f}" + (" after its first folds, ended early" if is_pruned else "")
        of = f"trial {self.search.number(trial)} of {self.wanted}"
        return f"{of}: {said}; best {best.value if best else float('nan'):.4f} ({shown})"


def _raise_from(over: Iterable[Future[None]]) -> None:
    for each in over:
        each.result()


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
