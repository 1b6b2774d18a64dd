"""What differs from day to day is no drift."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import polars as pl
import pytest

from kaizenml.core.monitor import Drift
from kaizenml.core.schema import ColumnKind
from kaizenml.monitoring.drift import DriftWatch, drift_findings
from kaizenml.monitoring.profile import learn_reference, profile
from kaizenml.monitoring.usual import Usual, learn_usual, p_unusual

AT = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {"weekday": ColumnKind.INTEGER, "x": ColumnKind.NUMBER}


def day(rng: np.random.Generator, number: int, shift: float = 0.0, rows: int = 300) -> pl.DataFrame:
    """Return a day's rows: one weekday, and numbers whose level differs from day to day."""
    level = shift + rng.normal(0, 0.5)
    return pl.DataFrame({"weekday": [number % 7] * rows, "x": rng.normal(level, 1, rows)})


def breaches(shift: float, days: int, *, knows_the_past: bool) -> int:
    rng = np.random.default_rng(0)
    past = [day(rng, number) for number in range(42)]
    frame, blocks = pl.concat(past), np.repeat(np.arange(42), 300)
    reference = learn_reference(frame, KINDS)
    usual = learn_usual(reference, frame, blocks) if knows_the_past else Usual()
    watch, count = DriftWatch(), 0
    for number in range(42, 42 + days):
        window = profile(reference, day(rng, number, shift))
        findings, watch = drift_findings(reference, window, watch, rules=Drift(), start=AT, end=AT, usual=usual)
        count += any(finding.is_breach for finding in findings)
    return count


def test_weekdays_and_days_that_differ_as_they_always_did_are_no_drift() -> None:
    assert breaches(0.0, 100, knows_the_past=True) == 0


def test_without_the_past_they_would_be() -> None:
    assert breaches(0.0, 20, knows_the_past=False) == 20


def test_more_than_ever_is_drift() -> None:
    assert breaches(3.0, 10, knows_the_past=True) >= 7


def test_p_values_of_usual_windows_are_as_rare_as_they_say() -> None:
    rng = np.random.default_rng(1)
    frame = pl.concat([day(rng, number) for number in range(42)])
    reference = learn_reference(frame, {"x": ColumnKind.NUMBER})
    usual = learn_usual(reference, frame, np.repeat(np.arange(42), 300))

    p = [p_unusual(usual, reference.columns[0], profile(reference, day(rng, 0)).columns[0]) for _ in range(400)]

    assert np.mean(np.array(p) < 0.05) <= 0.10
    assert np.mean(np.array(p) < 0.005) <= 0.02


@pytest.mark.parametrize("blocks", [1, 4])
def test_few_blocks_say_nothing_of_what_is_usual(blocks: int) -> None:
    frame = day(np.random.default_rng(0), 0)
    reference = learn_reference(frame, KINDS)

    usual = learn_usual(reference, frame, np.arange(300) % blocks)

    assert usual == Usual(blocks=blocks)
    assert p_unusual(usual, reference.columns[0], profile(reference, frame).columns[0]) == 0.0


def test_what_is_usual_survives_json() -> None:
    frame = day(np.random.default_rng(0), 0)
    usual = learn_usual(learn_reference(frame, KINDS), frame, np.arange(300) % 6)

    assert msgspec.json.decode(msgspec.json.encode(usual), type=Usual) == usual
