"""What a model version must pass, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from kaizenml.core.monitor import Latency
from kaizenml.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """The metric must reach the limit (a loss must not exceed it)."""

    metric: str
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatsChampion:
    """The challenger must be better than the champion on the same rows, by more than noise."""

    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWorse:
    """The challenger must be as good as the champion or better on the same rows, and surely not worse by more than
    ``margin``, a share of the champion's loss. For models that are replaced because they are old.
    """

    metric: str
    margin: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatsBaselines:
    """The model must be better than the dummy on the same rows, by more than noise."""

    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """The metric must reach ``worst`` in every slice of a column that has at least ``min_rows`` rows."""

    column: str
    worst: float
    metric: str = ""
    min_rows: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The model must be better than simple ones on the same rows, by more than noise: ``dummy``, ``linear``, ``tree``,
    or, where none is named, than each of them.
    """

    metric: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The calibration error beyond chance must not exceed ``error``: a probability, or in the target's unit."""

    error: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a release is unpacked from must not be larger."""

    limit_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A function of the project must be content with what was found; ``says`` is the first line of its docstring."""

    name: str
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaves:
    """A behavioural test of the project must pass: at most the share ``allow`` of its rows may fail."""

    name: str
    says: str = ""
    allow: float = 0.0


Comparing = BeatsChampion | NotWorse | BeatsBaselines | Baseline
Requirement = AtLeast | Comparing | Slices | Calibrated | Latency | Size | Own | Behaves

#: Every requirement by the word that projects, gates and stored declarations use.
REQUIREMENTS: dict[str, type[Requirement]] = {
    "at_least": AtLeast,
    "beats_champion": BeatsChampion,
    "not_worse": NotWorse,
    "beats_baselines": BeatsBaselines,
    "baseline": Baseline,
    "slices": Slices,
    "calibrated": Calibrated,
    "latency": Latency,
    "size": Size,
    "own": Own,
    "behaves": Behaves,
}


def as_facts(requirement: Requirement) -> dict[str, object]:
    """Return the requirement as plain JSON, with its name under ``"requirement"``."""
    name = next(name for name, kind in REQUIREMENTS.items() if type(requirement) is kind)
    return {"requirement": name, **asdict(requirement)}


def from_facts(facts: Mapping[str, object]) -> Requirement:
    """Return the requirement that `as_facts` wrote.

    Raises
    ------
    NotFoundError
        If no requirement has this name.
    """
    name = str(facts.get("requirement", ""))
    if name not in REQUIREMENTS:
        raise NotFoundError("gate requirement", name, REQUIREMENTS)
    return REQUIREMENTS[name](**{key: value for key, value in facts.items() if key != "requirement"})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Check:
    """What one requirement found: ``value`` against ``limit``, in one sentence of evidence."""

    name: str
    has_passed: bool
    value: float | None
    limit: float | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a model version, with its evidence.

    ``overridden_by`` and ``overridden_because`` say who let it through all the same, and why; the checks stay as they
    were.
    """

    checks: tuple[Check, ...]
    overridden_by: str = ""
    overridden_because: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether every check passed."""
        return all(check.has_passed for check in self.checks)

    @property
    def lets_through(self) -> bool:
        """Whether the release may go on: every check passed, or somebody took it on themselves."""
        return self.has_passed or bool(self.overridden_by)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.has_passed)
