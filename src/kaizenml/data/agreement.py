"""How far annotators agree beyond chance: Cohen's and Fleiss' kappa, and what they disagree about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

#: task, annotator, label
Said = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators: on how many tasks both said something, on which share the same, and Cohen's kappa."""

    one: str
    other: str
    tasks: int
    agreed: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far all annotators agree.

    ``fleiss`` is over the ``tasks`` that have the most usual number of labels above one, ``raters``; None when there
    are none, or when only one label was ever given, so that there is nothing to agree about.
    """

    tasks: int
    raters: int
    fleiss: float | None
    pairs: tuple[Pair, ...]
    disputed: tuple[str, ...]


def cohen_kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Return (p_o − p_e) / (1 − p_e) of two annotators over the same tasks, from −1 to 1.

    None where both gave one and the same label throughout: chance agrees fully, too.

    Notes
    -----
    p_o is the share of tasks with the same label, p_e = Σ_k p_k q_k what chance would give with each annotator's own
    shares. Source: Cohen (1960), equation 1.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} labels beside {len(other)}")
    if not one:
        return None
    n = len(one)
    first, second = Counter(one), Counter(other)
    by_chance = sum(first[label] * second[label] for label in first) / n**2
    if by_chance == 1:
        return None
    return (sum(map(str.__eq__, one, other)) / n - by_chance) / (1 - by_chance)


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float | None:
    """Return Fleiss' kappa of tasks that the same number of annotators labelled, from −1 to 1.

    Parameters
    ----------
    counts
        Shape (tasks, labels): how many annotators gave a task a label; all rows have the same sum, at least 2.

    Notes
    -----
    P_i = (Σ_j n_ij² − n) / (n (n − 1)), p_j = Σ_i n_ij / (N n), κ = (mean P_i − Σ p_j²) / (1 − Σ p_j²).
    Source: Fleiss (1971), equations 2 to 7.
    """
    if not counts:
        return None
    n = sum(counts[0])
    if n < 2 or any(sum(row) != n for row in counts):
        raise ValueError("every task needs the same number of labels, at least 2")
    observed = sum((sum(x * x for x in row) - n) / (n * (n - 1)) for row in counts) / len(counts)
    shares = [sum(column) / (n * len(counts)) for column in zip(*counts, strict=True)]
    by_chance = sum(share**2 for share in shares)
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def agreement(said: Iterable[Said]) -> Agreement:
    """Return how far annotators agree; each said one thing of a task."""
    by_task: dict[str, dict[str, str]] = defaultdict(dict)
    for task, who, label in said:
        by_task[task][who] = label
    several = {task: votes for task, votes in by_task.items() if len(votes) > 1}
    sizes = Counter(len(votes) for votes in several.values())
    raters = max(sizes, key=lambda size: (sizes[size], size), default=0)
    labels = sorted({label for votes in several.values() for label in votes.values()})
    same = [_counts(votes, labels) for votes in several.values() if len(votes) == raters]
    disputed = sorted(task for task, votes in several.items() if len(set(votes.values())) > 1)
    return Agreement(len(same), raters, fleiss_kappa(same) if same else None, _pairs(several), tuple(disputed))


def _counts(votes: Mapping[str, str], labels: Sequence[str]) -> list[int]:
    found = Counter(votes.values())
    return [found[label] for label in labels]


def _pairs(by_task: Mapping[str, Mapping[str, str]]) -> tuple[Pair, ...]:
    both: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for votes in by_task.values():
        for one, other in combinations(sorted(votes), 2):
            both[one, other][0].append(votes[one])
            both[one, other][1].append(votes[other])
    return tuple(
        Pair(one, other, len(a), sum(map(str.__eq__, a, b)) / len(a), cohen_kappa(a, b))
        for (one, other), (a, b) in sorted(both.items())
    )
