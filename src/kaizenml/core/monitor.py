"""What a project asks to be watched, as values.

A declaration says *what* and *how much is too much*; the stage `monitoring` knows how to find out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from kaizenml.errors import NotFoundError, ProjectError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Drift:
    """Watch whether inputs and predictions still look like the training data.

    Parameters
    ----------
    psi_warn
        Population stability index, beyond what chance gives, below which a change is too small to speak of, however
        certain it is. For a normal column shifted by δ standard deviations it is about δ²: .02 is a seventh of one.
    windows_between_false_alarms
        Mean number of windows between two false alarms, over all columns together.
    columns
        Which columns; empty means all features and the prediction.
    """

    psi_warn: float = 0.02
    windows_between_false_alarms: float = 365.0
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Performance:
    """Watch whether live predictions, once their labels are known, are as good as promised.

    Parameters
    ----------
    metric
        Name of the metric, as scikit-learn spells it.
    drop
        By how much it may be worse than on the test rows, in the metric's own unit, > 0.
    """

    metric: str
    drop: float = 0.03


@dataclass(frozen=True, slots=True)
class Bias:
    """Watch whether predictions are on average too high or too low.

    Parameters
    ----------
    limit
        Largest tolerable |mean predicted − mean observed|, in the target's unit (a probability for classes), > 0.
    """

    limit: float = 0.05


@dataclass(frozen=True, slots=True)
class Staleness:
    """Watch the age of the newest row that the serving model learned from.

    Parameters
    ----------
    days
        Oldest tolerable age, by the clock of the data.
    """

    days: float = 30.0


@dataclass(frozen=True, slots=True)
class Every:
    """How often to look, and so how long a window is."""

    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Watch how long an answer takes.

    Parameters
    ----------
    p99_seconds
        The time within which 99 of 100 requests must be answered.
    """

    p99_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class Resources:
    """Watch what serving costs.

    Parameters
    ----------
    memory_bytes
        Largest tolerable resident memory of one process; None: not watched.
    cpu_share
        Largest tolerable CPU seconds per second; None: not watched.
    """

    memory_bytes: int | None = None
    cpu_share: float | None = None


Monitor = Drift | Performance | Bias | Staleness | Every | Latency | Resources

MONITORS: dict[str, type[Monitor]] = {
    "drift": Drift,
    "performance": Performance,
    "bias": Bias,
    "staleness": Staleness,
    "every": Every,
    "latency": Latency,
    "resources": Resources,
}


def name_of(monitor: Monitor) -> str:
    """Return the word for this monitor that findings, alerts and stored declarations use."""
    return type(monitor).__name__.lower()


def every(text: str) -> Every:
    """Return how often to look, from text such as ``"30m"``, ``"1h"`` or ``"1d"``.

    Parameters
    ----------
    text
        A number and one of s, m, h, d, w.

    Raises
    ------
    ProjectError
        For anything else, and for zero.
    """
    found = _SPAN.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
    if seconds <= 0.0:
        raise ProjectError(
            f"{text!r} is not a span of time.", 'Write a number and a unit, such as "30m", "1h" or "1d".'
        )
    return Every(seconds)


def as_facts(monitor: Monitor) -> dict[str, object]:
    """Return the declaration as plain JSON, with its name under ``"monitor"``."""
    return {"monitor": name_of(monitor), **asdict(monitor)}


def from_facts(facts: Mapping[str, object]) -> Monitor:
    """Return the declaration that `as_facts` wrote, read back from JSON.

    Raises
    ------
    NotFoundError
        If no monitor has this name.
    """
    name = str(facts.get("monitor", ""))
    if name not in MONITORS:
        raise NotFoundError("monitor", name, MONITORS)
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items() if key != "monitor"}
    return MONITORS[name](**values)  # type: ignore[arg-type]
