"""What is true when annotators disagree, and how good each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kaizenml.data.agreement import Said

#: Pseudo-votes of a new annotator: as if they had labelled so many tasks, with this share right.
PRIOR_TASKS = 4.0
PRIOR_RIGHT = 0.8
MOST_ROUNDS = 100
ENOUGH = 1e-6


@dataclass(frozen=True, slots=True)
class Consensus:
    """What annotators say together.

    ``probabilities`` has shape (tasks, labels), rows sum to 1. ``confusion`` has, for each annotator, shape (labels,
    labels): how often they say the column where the row is true. ``quality`` is the share that they get right.
    """

    tasks: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    confusion: Mapping[str, NDArray[np.float64]]
    quality: Mapping[str, float]

    @property
    def winners(self) -> dict[str, tuple[str, float]]:
        """The likeliest label of each task, with its probability; of equally likely ones the first by name."""
        best = np.round(self.probabilities, 9).argmax(axis=1) if len(self.tasks) else []
        return {
            task: (self.labels[at], float(self.probabilities[row, at]))
            for row, (task, at) in enumerate(zip(self.tasks, best, strict=True))
        }

    def chances(self, labels: Sequence[str]) -> list[float]:
        """Return the probability of one label for each task, in the order of ``tasks``."""
        codes = {name: at for at, name in enumerate(self.labels)}
        return [float(self.probabilities[row, codes[label]]) for row, label in enumerate(labels)]


def dawid_skene(said: Sequence[Said]) -> Consensus:
    """Return the consensus of annotators who err in their own ways, by expectation maximisation.

    Parameters
    ----------
    said
        Task, annotator, label; an annotator says one thing of a task. Tasks may have any number of labels.

    Notes
    -----
    E: P(t_i = k) ∝ p_k Π_a π^a_{k, x_ia}. M: p and every π^a are the shares under these probabilities, with
    `PRIOR_TASKS` pseudo-votes that are right with `PRIOR_RIGHT`, so that two tasks make nobody infallible. It starts
    from the majority; among annotators who are equally good it ends there. Source: Dawid and Skene (1979), equations
    2.3 to 2.5; the smoothing is the MAP estimate under Dirichlet priors.
    """
    tasks, task = _coded([each[0] for each in said])
    people, who = _coded([each[1] for each in said])
    labels, label = _coded([each[2] for each in said])
    n, a, k = len(tasks), len(people), len(labels)
    if not n:
        return Consensus((), (), np.zeros((0, 0)), {}, {})
    belief = _shares(np.bincount(task * k + label, minlength=n * k).reshape(n, k).astype(float))
    prior = _prior(k)
    for _ in range(MOST_ROUNDS):
        before = belief
        confusion = _confusion(belief, task, who, label, a) + prior
        confusion /= confusion.sum(axis=2, keepdims=True)
        base = (belief.sum(axis=0) + 1) / (n + k)
        votes = np.log(confusion)[who, :, label]  # what each vote says for each truth
        logs = np.stack([np.bincount(task, votes[:, at], n) for at in range(k)], axis=1) + np.log(base)
        belief = _shares(np.exp(logs - logs.max(axis=1, keepdims=True)))
        if np.abs(belief - before).max() < ENOUGH:
            break
    right = {name: float((base * np.diag(confusion[at])).sum()) for at, name in enumerate(people)}
    return Consensus(tasks, labels, belief, dict(zip(people, confusion, strict=True)), right)


def _coded(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    order = sorted(set(names))
    codes = {name: at for at, name in enumerate(order)}
    return tuple(order), np.array([codes[name] for name in names], dtype=np.int64)


def _prior(k: int) -> NDArray[np.float64]:
    wrong = (1 - PRIOR_RIGHT) / (k - 1) if k > 1 else 0.0
    found: NDArray[np.float64] = PRIOR_TASKS * (np.full((k, k), wrong) + np.eye(k) * (PRIOR_RIGHT - wrong))
    return found if k > 1 else np.full((1, 1), PRIOR_TASKS)


def _confusion(
    belief: NDArray[np.float64], task: NDArray[np.int64], who: NDArray[np.int64], label: NDArray[np.int64], a: int
) -> NDArray[np.float64]:
    k = belief.shape[1]
    cells = who * k + label
    summed = [np.bincount(cells, belief[task, truth], a * k).reshape(a, k) for truth in range(k)]
    return np.stack(summed, axis=1)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return found
