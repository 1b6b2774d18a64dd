"""What is watched once a release serves, as values."""

from __future__ import annotations

from kaizenml.core.monitor import Bias, Drift, Latency, Monitor, Performance, Resources, Staleness


def drift(*columns: str, psi_warn: float = Drift().psi_warn) -> Monitor:
    """Watch whether inputs still look like the training data."""
    return Drift(psi_warn=psi_warn, columns=columns)


def performance(metric: str, *, drop: float = 0.03) -> Monitor:
    """Watch whether live predictions are as good as promised, once their labels are known."""
    return Performance(metric, drop)


def bias(limit: float = 0.05) -> Monitor:
    """Watch whether predictions are on average too high or too low."""
    return Bias(limit)


def staleness(*, days: float) -> Monitor:
    """Watch the age of the newest row that the serving model learned from."""
    return Staleness(days)


def latency(*, p99_seconds: float) -> Latency:
    """Watch how long an answer takes; in a gate, require it of single rows as the run measures them."""
    return Latency(p99_seconds)


def resources(*, memory_bytes: int | None = None, cpu_share: float | None = None) -> Monitor:
    """Watch what serving costs."""
    return Resources(memory_bytes, cpu_share)
