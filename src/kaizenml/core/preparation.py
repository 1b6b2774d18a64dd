"""How a column is prepared for the model, where a project says so; what is not said is chosen by the column's kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: How the parameters of a run begin that tell how a column is prepared.
PREPARED = "prepare."


class Scale(StrEnum):
    """What is done to the scale of a number."""

    LOG = "log"
    STANDARD = "standard"
    POWER = "power"
    NONE = "none"


class Missing(StrEnum):
    """What stands where a number is missing."""

    MEDIAN = "median"
    ZERO = "zero"
    FLAG = "flag"  # the median, and a column that says so
    NONE = "none"  # nothing: the model copes


class Encode(StrEnum):
    """How a category becomes numbers."""

    ONE_HOT = "one_hot"
    TARGET = "target"
    ORDINAL = "ordinal"
    TEXT = "text"  # read for its words
    DROP = "drop"  # the model does not see the column, whatever its kind


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a project says of one column; None where the column's kind decides."""

    column: str
    scale: Scale | None = None
    missing: Missing | None = None
    encode: Encode | None = None

    @property
    def text(self) -> str:
        """What was said, as a run's parameters show it: ``scale=log missing=zero``."""
        said = {"scale": self.scale, "missing": self.missing, "encode": self.encode}
        return " ".join(f"{word}={value}" for word, value in said.items() if value is not None)


class Outliers(StrEnum):
    """What cleaning does to numbers far from all others."""

    FLAG = "flag"  # they are told of, and stay
    CLIP = "clip"  # they are brought within bounds


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a project says of how a raw column is cleaned; bounds that are None are learned from the training rows."""

    column: str
    outliers: Outliers
    low: float | None = None
    high: float | None = None


def settable(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the recorded parameters that a run can be given: how columns are prepared is said in project.py alone."""
    return {name: value for name, value in parameters.items() if not name.startswith(PREPARED)}
