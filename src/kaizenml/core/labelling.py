"""Labels that people give: which row comes first, who may have it, and what was said of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from kaizenml.core.digest import digest_of_bytes
from kaizenml.errors import NotFoundError, UsageError

#: A task that was handed out is its annotator's for so long; then somebody else may have it.
LEASE_SECONDS = 600.0
#: The share of tasks that is chosen by chance: without it nothing could be said about the rows that no score picks.
CONTROL_SHARE = 0.1
LONGEST_CHOICE = 200
MOST_CHOICES = 1000


class Why(StrEnum):
    """Why a row is to be labelled."""

    UNCERTAIN = "uncertain"  # its scores put it where it is
    CONTROL = "control"  # chosen by chance
    REVIEW = "review"  # annotators disagree, or the label looks wrong
    IMPORTED = "imported"  # somebody brought it


@dataclass(frozen=True, slots=True)
class LabelTask:
    """One row that somebody shall label.

    ``id`` is the key by which the label joins the rows of a snapshot. ``suggestion`` is what ``model`` said of it, with
    its probability. It is finished with ``wanted`` labels, each by another annotator.
    """

    id: str
    row: Mapping[str, object]
    suggestion: str | None = None
    probability: float | None = None
    model: str = ""
    why: Why = Why.IMPORTED
    priority: float = 0.0
    wanted: int = 1
    but_not: tuple[str, ...] = ()  # annotators who have labelled it before: a review is for somebody else


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """What somebody said of a row: who, when, and which model's suggestion they saw."""

    task: str
    value: str
    by: str
    at: datetime
    row: Mapping[str, object] = field(default_factory=dict)
    suggestion: str | None = None
    probability: float | None = None
    model: str = ""
    why: Why = Why.IMPORTED
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands: who has labelled it, who has passed on it, and until when it is held by whom."""

    given: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    held: Mapping[str, float] = field(default_factory=dict)

    def is_full(self, task: LabelTask) -> bool:
        """Say whether it has all the labels that it needs."""
        return len(self.given) >= task.wanted

    def is_over_for(self, task: LabelTask, who: str) -> bool:
        """Say whether it can never be this annotator's (again)."""
        return self.is_full(task) or who in self.given or who in self.skipped or who in task.but_not

    def is_free_for(self, task: LabelTask, who: str, now: float) -> bool:
        """Say whether this annotator may have it now: as many hold or have labelled it as may at once."""
        others = sum(until > now for name, until in self.held.items() if name != who)
        return not self.is_over_for(task, who) and len(self.given) + others < task.wanted

    def taken(self, who: str, now: float) -> Place:
        """Return the place with a fresh lease, and without those that have run out."""
        live = {name: until for name, until in self.held.items() if until > now}
        return replace(self, held={**live, who: now + LEASE_SECONDS})

    def labelled(self, who: str) -> Place:
        """Return the place with a label by this annotator, whose lease ends."""
        return replace(self, given=(*dict.fromkeys([*self.given, who]),), held=_without(self.held, who))

    def passed(self, who: str) -> Place:
        """Return the place as not to be shown to this annotator again."""
        return replace(self, skipped=(*dict.fromkeys([*self.skipped, who]),), held=_without(self.held, who))


def _without(held: Mapping[str, float], who: str) -> dict[str, float]:
    return {name: until for name, until in held.items() if name != who}


def entropy(probabilities: Sequence[float]) -> float:
    """Return Shannon's entropy of a distribution over k classes, over log k: 0 certain, 1 uniform.

    Source: Shannon (1948), section 6; as a measure of what to label, Settles (2009), section 3.1.

    Examples
    --------
    >>> entropy([0.5, 0.5]), entropy([1.0, 0.0])
    (1.0, 0.0)
    """
    if len(probabilities) < 2:
        return 0.0
    found = -sum(p * math.log(p) for p in probabilities if p > 0) / math.log(len(probabilities))
    return min(1.0, max(0.0, found))


def margin(probabilities: Sequence[float]) -> float:
    """Return 1 minus the lead of the likeliest class over the next: 0 certain, 1 torn between two.

    Source: Scheffer, Decomain and Wrobel (2001); Settles (2009), section 3.1.
    """
    if len(probabilities) < 2:
        return 0.0
    first, second = sorted(probabilities, reverse=True)[:2]
    return min(1.0, max(0.0, 1 - (first - second)))


def in_control(key: str, share: float) -> bool:
    """Say whether a row belongs to the random share: by the digest of its key, so the same rows each time."""
    return chance_of(key) < share


def chance_of(key: str) -> float:
    """Return a number in [0, 1) that looks random and is always the same for a key."""
    return int(digest_of_bytes(f"label-control:{key}".encode())[:13], 16) / 16**13


def priority(uncertainty: float, diversity: float, drift: float) -> float:
    """Return how much is learned from a label, in [0, 1].

    Half by uncertainty; the rest by how unlike the rows before it a row is, and by how far it lies from where the rows
    used to be. Uncertainty alone asks for the same kind of row again and again (Settles 2009, section 4).
    """
    return 0.5 * uncertainty + 0.3 * diversity + 0.2 * drift


def interleaved(ranked: Sequence[int], control: Sequence[int]) -> Iterator[int]:
    """Yield both lists as one, so that any beginning of it holds its share of control tasks."""
    total, taken, at = len(ranked) + len(control), 0, 0
    for place in range(1, total + 1):
        if taken * total < place * len(control) and taken < len(control):
            yield control[taken]
            taken += 1
        else:
            yield ranked[at]
            at += 1


def checked_value(value: str, choices: Sequence[str]) -> str:
    """Return a label, when it can be one; without any choices, every text can.

    Raises
    ------
    NotFoundError
        For one that is no choice, with the closest that is.
    UsageError
        For one that is empty or too long.
    """
    if choices and value not in choices:
        raise NotFoundError("choice", value[:LONGEST_CHOICE], choices)
    if not value.strip() or len(value) > LONGEST_CHOICE:
        raise UsageError(
            f"A label of {len(value)} characters cannot be.", f"Write from 1 to {LONGEST_CHOICE} characters."
        )
    return value


def newest_of_each(labels: Sequence[HumanLabel]) -> list[HumanLabel]:
    """Return what every annotator said last of every task."""
    last: dict[tuple[str, str], HumanLabel] = {}
    for label in sorted(labels, key=lambda one: one.at):
        last[label.task, label.by] = label
    return list(last.values())
