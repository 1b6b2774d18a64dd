"""What a model version must pass, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


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


Requirement = AtLeast | BeatsChampion | BeatsBaselines | Slices


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

    ``overridden_by`` and ``overridden_because`` say who let it through all the same, and why; the checks stay as they were.
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
