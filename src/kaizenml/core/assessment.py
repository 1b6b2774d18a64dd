"""What an evaluation found beyond its metrics: the values that a report shows, a gate reads and a blob keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kaizenml.core.chart import Bars, Chart, Grid
from kaizenml.core.metric import Estimate, Task

#: What a run calls the artefact that holds an `Assessment` as JSON.
ASSESSMENT = "evaluation.json"


class Study(StrEnum):
    """What costs more than a look at the test rows: models are trained anew."""

    IMPORTANCE = "importance"
    LEARNING_CURVE = "learning_curve"
    STALENESS = "staleness"


@dataclass(frozen=True, slots=True)
class Examination:
    """What a project wants looked at in each evaluation.

    ``slices`` are columns whose values get a row each, ``groups`` those of the fairness table; ``also`` are studies of
    every run; importance is looked for within ``importance_seconds`` even where it is not asked for (0: not).
    """

    slices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    also: tuple[Study, ...] = ()
    importance_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of about one prediction: its mean, and the mean of what happened."""

    rows: int
    predicted: float
    happened: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether predictions mean what they say.

    ``error`` is the mean distance of predicted and happened, ``by_chance`` what it would be for a model that is
    calibrated; both probabilities, or in the target's unit. ``p`` is the probability of so large a ``statistic`` of the
    ``test`` were it calibrated.
    """

    of: str
    bins: tuple[Bin, ...]
    error: float
    by_chance: float
    test: str
    statistic: float
    p: float

    @property
    def excess(self) -> float:
        """The calibration error beyond chance, ≥ 0."""
        return max(0.0, self.error - self.by_chance)


@dataclass(frozen=True, slots=True)
class Slice:
    """How a model does on some of the rows.

    ``where`` says which: a column and its value, or two of them. ``worse_by`` is mean loss inside less that outside,
    ``p`` the probability of so much were it no worse, and ``p_adjusted`` that for as many looks as were taken.
    ``predicted`` and ``happened`` are means: of the second class, or of the value; None with more classes.
    """

    where: tuple[tuple[str, str], ...]
    rows: int
    value: float
    worse_by: Estimate
    p: float
    p_adjusted: float
    predicted: float | None = None
    happened: float | None = None

    @property
    def name(self) -> str:
        """How people call it: ``carrier = AA and hour = 17 to 20``."""
        return " and ".join(f"{column} = {value}" for column, value in self.where)


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices that were declared, and the worst that a search through ``searched`` of them found.

    ``metric`` is that of ``value``; ``found`` has at most a 5 % chance to hold any slice that is not worse at all.
    """

    metric: str
    overall: float
    declared: tuple[Slice, ...]
    found: tuple[Slice, ...]
    searched: int


@dataclass(frozen=True, slots=True)
class Group:
    """How a model treats one group; ``rates`` by name, None where the group has no such rows."""

    group: str
    rows: int
    rates: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Fairness:
    """How far apart the groups of a column are; ``differences`` by name, each the largest less the smallest."""

    column: str
    of: str
    groups: tuple[Group, ...]
    differences: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Importance:
    """What a column is worth: by how much the loss rises when its values are shuffled.

    ``shadow`` is the same for its shadow, a shuffled copy that the model learned from beside it. What does not surely
    beat its shadow, and zero, has ``earned`` nothing.
    """

    column: str
    importance: Estimate
    shadow: float
    p_adjusted: float
    earned: float


@dataclass(frozen=True, slots=True)
class Importances:
    """The importance of every column, the most important first, in a model that learned from ``rows`` rows."""

    rows: int
    tested: int
    repeats: int
    columns: tuple[Importance, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A metric at some number of rows, or at some age in days."""

    at: float
    rows: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How good the model is with fewer rows; ``gain`` is the loss that the last doubling of rows saved."""

    metric: str
    points: tuple[Point, ...]
    gain: Estimate
    sentence: str


@dataclass(frozen=True, slots=True)
class Staleness:
    """How good a model is that stopped learning some days before the test rows begin.

    ``skill`` of a point is the share of the dummy's loss that it saves. ``half_life_days`` is None where no decay is
    sure.
    """

    points: tuple[Point, ...]
    half_life_days: Estimate | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Serving:
    """What the model costs to serve: how long a single row takes, and how large its bundle is."""

    p50_seconds: float
    p99_seconds: float
    rows: int
    bundle_bytes: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that an evaluation found. What was not asked for, or cannot be said, is None; ``notes`` say why."""

    task: Task
    target: str
    classes: tuple[str, ...]
    rows: int
    blocks: int | None
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    calibration: Calibration | None = None
    slices: Slices | None = None
    fairness: tuple[Fairness, ...] = ()
    importance: Importances | None = None
    learning_curve: LearningCurve | None = None
    staleness: Staleness | None = None
    serving: Serving | None = None
    charts: Mapping[str, Chart] = field(default_factory=dict)
    bars: Mapping[str, Bars] = field(default_factory=dict)
    grids: Mapping[str, Grid] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
