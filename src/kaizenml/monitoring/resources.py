"""What serving costs: time, memory, processor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from kaizenml.core.finding import Finding, Severity
from kaizenml.core.monitor import Latency, Resources


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long answers took, in seconds: quantiles of n requests; None without any."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used over a window.

    Parameters
    ----------
    cpu_seconds
        Processor time used in the window.
    wall_seconds
        Length of the window, > 0.
    memory_bytes
        Largest resident memory.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int

    @property
    def cpu_share(self) -> float:
        """Processor seconds per second; above 1 with more than one thread."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds > 0 else 0.0


def latencies(seconds: ArrayLike) -> Latencies:
    """Return quantiles of recorded answer times, shape (n,), in seconds; the quantile is a time that was measured."""
    times = np.asarray(seconds, dtype=np.float64)
    if not times.size:
        return Latencies(0, None, None, None, None)
    p50, p95, p99 = np.quantile(times, (0.5, 0.95, 0.99), method="inverted_cdf")
    return Latencies(times.size, float(p50), float(p95), float(p99), float(times.max()))


def latency_finding(measured: Latencies, rules: Latency, *, start: datetime, end: datetime) -> Finding:
    """Return whether answers took too long: the 99th percentile against its limit."""
    if measured.p99 is None:
        return _finding("latency", "", "p99_seconds", None, None, "No request was answered in this window.", start, end)
    sentence = (
        f"99 of 100 answers took at most {measured.p99 * 1000:.1f} ms (median {(measured.p50 or 0) * 1000:.1f} ms, "
        f"{measured.n:,} requests); {rules.p99_seconds * 1000:g} ms is the limit."
    )
    return _finding("latency", "", "p99_seconds", measured.p99, rules.p99_seconds, sentence, start, end)


def resource_findings(used: Usage, rules: Resources, *, start: datetime, end: datetime) -> tuple[Finding, ...]:
    """Return one finding for each resource that has a limit."""
    findings = []
    if rules.memory_bytes is not None:
        held, limit = used.memory_bytes / 1e6, rules.memory_bytes / 1e6
        said = f"Serving held {held:,.0f} MB of memory; {limit:,.0f} MB is the limit."
        findings.append(
            _finding("resources", "memory", "bytes", used.memory_bytes, rules.memory_bytes, said, start, end)
        )
    if rules.cpu_share is not None:
        said = f"Serving used {used.cpu_share:.2f} processors; {rules.cpu_share:g} is the limit."
        findings.append(_finding("resources", "cpu", "share", used.cpu_share, rules.cpu_share, said, start, end))
    return tuple(findings)


def _finding(
    monitor: str,
    subject: str,
    metric: str,
    value: float | None,
    limit: float | None,
    sentence: str,
    start: datetime,
    end: datetime,
) -> Finding:
    is_breach = value is not None and limit is not None and value > limit
    severity = Severity.WARNING if is_breach else Severity.INFO
    return Finding(monitor, subject, metric, value, None, None, limit, is_breach, start, end, severity, sentence)
