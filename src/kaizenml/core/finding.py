"""What a monitor concluded from a window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody or something must act."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """One monitor's conclusion about one subject in one window.

    Parameters
    ----------
    monitor
        Which monitor says so, such as ``"drift"``.
    subject
        The column it is about; empty for the endpoint as a whole.
    metric
        What was measured, with its variant, such as ``"psi"``.
    value, low, high
        The measurement and its 95 % interval, in the metric's unit; None where there is none. A number that is not
        finite becomes None, so that every finding can be stored as JSON.
    limit
        What the value was held against; None if nothing.
    is_breach
        Whether something is the matter. A finding without a value that is no breach says "no data": neither ill nor
        healthy.
    window_start, window_end
        The span of predictions, by the clock of the data.
    sentence
        The same in plain words, with the numbers.
    """

    monitor: str
    subject: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    limit: float | None
    is_breach: bool
    window_start: datetime | None
    window_end: datetime | None
    severity: Severity
    sentence: str

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "limit"):
            object.__setattr__(self, name, finite(getattr(self, name)))

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to conclude from: no value and no breach."""
        return self.value is None and not self.is_breach


def finite(value: float | None) -> float | None:
    """Return the number, or None for NaN and infinities."""
    return value if value is not None and math.isfinite(value) else None
