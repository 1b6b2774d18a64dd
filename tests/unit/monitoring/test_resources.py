"""Latency, memory, processor."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from kaizenml.core.monitor import Latency, Resources
from kaizenml.monitoring.resources import Latencies, Usage, latencies, latency_finding, resource_findings

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_quantiles_are_times_that_were_measured() -> None:
    times = np.random.default_rng(0).permutation(np.arange(1, 101) / 1000)

    assert latencies(times) == Latencies(100, 0.05, 0.095, 0.099, 0.1)


@pytest.mark.parametrize(("slow", "is_breach"), [(1, False), (2, True)])
def test_answers_are_too_slow_when_more_than_one_of_a_hundred_is(slow: int, is_breach: bool) -> None:
    times = [0.01] * (100 - slow) + [0.5] * slow

    finding = latency_finding(latencies(times), Latency(0.1), start=AT, end=AT)

    assert finding.is_breach == is_breach
    assert "100 ms is the limit" in finding.sentence


def test_without_requests_nothing_is_said() -> None:
    assert latency_finding(latencies([]), Latency(), start=AT, end=AT).is_empty


def test_only_resources_with_a_limit_are_watched() -> None:
    used = Usage(cpu_seconds=30, wall_seconds=20, memory_bytes=500_000_000)

    memory, cpu = resource_findings(used, Resources(400_000_000, 2.0), start=AT, end=AT)

    assert memory.is_breach
    assert "500 MB" in memory.sentence
    assert not cpu.is_breach
    assert cpu.value == 1.5
    assert resource_findings(used, Resources(), start=AT, end=AT) == ()


def test_a_window_without_length_used_nothing() -> None:
    assert Usage(1.0, 0.0, 1).cpu_share == 0.0
