"""The search for better parameters: an Optuna study in a file, asked and told from here.

Trials are proposed by a tree-structured Parzen estimator and ended early when their first folds are worse than the
median of earlier trials' were; the defaults are tried first, so that the best is never worse than they are.

Source: Akiba et al. (2019), *Optuna: a next-generation hyperparameter optimization framework*; Bergstra et al. (2011),
*Algorithms for hyper-parameter optimization* (TPE).
"""

from __future__ import annotations

import fcntl
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from kaizenml.core.metric import is_loss
from kaizenml.core.space import Choice, Range, Space
from kaizenml.errors import UsageError

#: How many trials are random, and are never ended early, before the search looks at what it has.
FIRST_TRIALS = 8
#: Fewer finished trials than this say nothing about which parameter matters.
FEWEST_FOR_IMPORTANCE = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of parameters, and what came of it.

    Parameters
    ----------
    state
        ``complete``, ``pruned`` (ended early), ``failed`` or ``running``.
    scores
        The metric in each fold, as far as it came.
    value
        Their mean; None unless complete.
    """

    number: int
    state: str
    parameters: Mapping[str, object]
    scores: tuple[float, ...]
    value: float | None
    error: str = ""


class Search:
    """A study that is kept in a file: many may ask and tell at once, and an interrupted one goes on.

    Parameters
    ----------
    path
        The study's file.
    name
        Of the study: another name in the same file is another study.
    """

    def __init__(self, path: Path, name: str, metric: str, *, seed: int) -> None:
        optuna = _optuna()
        path.parent.mkdir(parents=True, exist_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        self._optuna, self._path = optuna, path
        self._lock: IO[str] | None = None
        self._study = optuna.create_study(
            study_name=name,
            storage=optuna.storages.JournalStorage(backend),
            direction="minimize" if is_loss(metric) else "maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS),
        )
        done = len(self._study.trials)
        self._study.sampler = optuna.samplers.TPESampler(seed=seed + done, n_startup_trials=FIRST_TRIALS)

    def clear_abandoned(self) -> int:
        """Let trials of an interrupted search be begun anew; return how many. Those of one that goes on are left."""
        if not self._is_alone():
            return 0
        running = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,))
        for trial in running:
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
            self._study.enqueue_trial(trial.params)
        return len(running)

    def close(self) -> None:
        """Let another process find the study alone."""
        if self._lock is not None:
            self._lock.close()

    def _is_alone(self) -> bool:
        """Say whether no other process is at this study; held until it is closed, or this process ends."""
        self._lock = self._path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def try_first(self, parameters: Mapping[str, object]) -> None:
        """Let these parameters be tried before any other, unless they were."""
        self._study.enqueue_trial(dict(parameters), skip_if_exists=True)

    def ask(self, space: Mapping[str, Space]) -> tuple[Any, dict[str, object]]:
        """Return a trial to tell about, and its parameters."""
        trial = self._study.ask()
        return trial, {name: _suggested(trial, name, each) for name, each in space.items()}

    def number(self, trial: Any) -> int:
        """Return which trial of the study it is, from 1."""
        return int(trial.number) + 1

    def over(self) -> int:
        """Return how many trials came to an end of their own."""
        return sum(each.state in ("complete", "pruned") for each in self.trials())

    def report(self, trial: Any, scores: Sequence[float]) -> bool:
        """Tell the folds that are known so far; return whether the trial is to be ended early."""
        trial.set_user_attr("scores", list(scores))
        trial.report(float(np.mean(scores)), len(scores))
        return bool(trial.should_prune())

    def tell(self, trial: Any, scores: Sequence[float], *, is_pruned: bool = False, error: str = "") -> None:
        """Tell how a trial ended."""
        states = self._optuna.trial.TrialState
        if error:
            trial.set_user_attr("error", error[:300])
            self._study.tell(trial, state=states.FAIL)
        elif is_pruned:
            self._study.tell(trial, state=states.PRUNED)
        else:
            self._study.tell(trial, float(np.mean(scores)))

    def trials(self) -> list[Trial]:
        """Return every trial, in the order they were begun."""
        names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
        return [
            Trial(
                each.number,
                names[each.state.name],
                dict(each.params),
                tuple(each.user_attrs.get("scores", ())),
                each.value if each.state.name == "COMPLETE" else None,
                each.user_attrs.get("error", ""),
            )
            for each in self._study.get_trials(deepcopy=False)
            if each.state.name in names
        ]

    def importance(self, *, seed: int) -> dict[str, float]:
        """Return how much of the metric's variance each parameter explains, the greatest first; shares of 1.

        Notes
        -----
        Source: Hutter, Hoos and Leyton-Brown (2014), *An efficient approach for assessing hyperparameter importance*
        (functional ANOVA). Nothing is said of fewer than ten finished trials, or of a single parameter.
        """
        complete = [each for each in self.trials() if each.state == "complete"]
        varied = {name for each in complete for name in each.parameters}
        if len(complete) < FEWEST_FOR_IMPORTANCE or len(varied) < 2:
            return {}
        evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=seed)
        try:
            found = self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        except (RuntimeError, ValueError):  # every trial gave the same
            return {}
        return {name: float(share) for name, share in found.items()}


def best_of(trials: Sequence[Trial], metric: str) -> Trial | None:
    """Return the best trial that came to its end, or None."""
    complete = [each for each in trials if each.value is not None and math.isfinite(each.value)]
    if not complete:
        return None
    sign = 1 if is_loss(metric) else -1
    return min(complete, key=lambda each: (sign * (each.value or 0.0), each.number))


def lead(best: Trial, first: Trial, metric: str) -> tuple[float, float, float]:
    """Return how much better the best trial is than the first, with its 95 % interval over the folds.

    The folds are the same for both, so their differences are taken (Student, 1908). With folds that share training
    rows the interval is a rough one.
    """
    from scipy import stats

    sign = -1.0 if is_loss(metric) else 1.0
    differences = sign * (np.asarray(best.scores) - np.asarray(first.scores))
    mean, n = float(differences.mean()), len(differences)
    if n < 2:
        return mean, mean, mean
    half = float(stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / math.sqrt(n))
    return mean, mean - half, mean + half


def _suggested(trial: Any, name: str, space: Space) -> object:
    if isinstance(space, Choice):
        return trial.suggest_categorical(name, list(space.values))
    assert isinstance(space, Range)
    if space.is_integer:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.is_log)
    return trial.suggest_float(name, space.low, space.high, log=space.is_log)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UsageError("Tuning needs Optuna, which is not installed.", "pip install 'kaizenml[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
