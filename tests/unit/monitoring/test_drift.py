"""Drift: surely, and more than a trifle."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import polars as pl
import pytest

from kaizenml.core.evidence import Detector
from kaizenml.core.finding import Severity
from kaizenml.core.monitor import Drift
from kaizenml.core.profile import Reference
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import IntegrityError
from kaizenml.monitoring.drift import ColumnDrift, DriftWatch, drift, drift_findings, effect
from kaizenml.monitoring.profile import learn_reference, profile

DEFAULT = Drift()
AT = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {f"x{i}": ColumnKind.NUMBER for i in range(16)} | {f"c{i}": ColumnKind.CATEGORY for i in range(4)}


def rows(rng: np.random.Generator, n: int, shift: float = 0.0, name: str = "x0") -> pl.DataFrame:
    numbers = {f"x{i}": rng.normal(size=n) for i in range(16)}
    words = {f"c{i}": rng.choice(list("abcdefghij"), n, p=np.arange(1, 11) / 55) for i in range(4)}
    numbers[name] += shift
    return pl.DataFrame(numbers | words)


def watched(
    reference: Reference, frame: pl.DataFrame, watch: DriftWatch, rules: Drift = DEFAULT
) -> tuple[set[str], DriftWatch]:
    findings, after = drift_findings(reference, profile(reference, frame), watch, rules=rules, start=AT, end=AT)
    return {finding.subject for finding in findings if finding.is_breach}, after


def days_until_found(seed: int, shift: float, longest: int = 15) -> int:
    rng = np.random.default_rng(seed)
    reference, watch = learn_reference(rows(rng, 10_000), KINDS), DriftWatch()
    for _ in range(10):
        _, watch = watched(reference, rows(rng, 500), watch)
    for day in range(1, longest):
        found, watch = watched(reference, rows(rng, 500, shift), watch)
        if "x0" in found:
            return day
    return longest


def test_without_drift_a_year_of_windows_of_twenty_columns_raises_no_alarm() -> None:
    rng = np.random.default_rng(5)
    reference, watch, alarms = learn_reference(rows(rng, 10_000), KINDS), DriftWatch(), 0

    for _ in range(365):
        found, watch = watched(reference, rows(rng, 500), watch)
        alarms += bool(found) + any(detector.has_fired for _, detector in watch.detectors)

    assert alarms <= 1


def test_a_shift_of_a_fifth_of_a_deviation_in_one_of_twenty_columns_is_found_in_three_windows() -> None:
    assert np.median([days_until_found(seed, 0.2) for seed in range(9)]) <= 3


def test_a_large_shift_is_found_at_once() -> None:
    assert max(days_until_found(seed, 0.6) for seed in range(5)) == 1


def one(values: pl.Series, now: pl.Series, kind: ColumnKind) -> ColumnDrift:
    reference = learn_reference(pl.DataFrame({"x": values}), {"x": kind})
    return drift(reference, profile(reference, pl.DataFrame({"x": now})))[0]


def test_the_same_rows_have_not_drifted_at_all() -> None:
    values = pl.Series(np.random.default_rng(0).normal(size=1000))

    same = one(values, values, ColumnKind.NUMBER)

    assert (same.psi, same.ks, same.hellinger, same.p) == (0, 0, 0, 1)
    assert same.wasserstein_in_deviations == pytest.approx(0, abs=1e-12)


def test_missing_values_alone_are_drift() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    now = pl.Series(values[:600]).scatter(list(range(0, 600, 2)), None)

    column = one(pl.Series(values), now, ColumnKind.NUMBER)

    assert column.p < 1e-9
    assert effect(column) > 0.1
    assert (column.missing, column.missing_before) == (0.5, 0)


def test_new_categories_are_drift() -> None:
    column = one(pl.Series(["a", "b"] * 500), pl.Series(["a", "new"] * 100), ColumnKind.CATEGORY)

    assert column.p < 1e-9
    assert effect(column) > 1


@pytest.mark.parametrize("kind", [ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT])
@pytest.mark.parametrize(("before", "now"), [([None] * 9, [None] * 9), (["1", "2"], [None] * 9), ([None] * 9, ["1"])])
def test_columns_without_values_have_no_scores_and_no_errors(
    kind: ColumnKind, before: list[str | None], now: list[str | None]
) -> None:
    column = one(pl.Series(before, dtype=pl.String), pl.Series(now, dtype=pl.String), kind)

    assert column.psi is None
    assert 0 <= column.p <= 1


def test_a_certain_trifle_is_said_and_not_alarmed() -> None:
    rng = np.random.default_rng(0)
    reference, watch = learn_reference(rows(rng, 50_000), KINDS), DriftWatch()

    for _ in range(5):
        found, watch = watched(reference, rows(rng, 50_000, 0.03), watch)
    findings, _ = drift_findings(
        reference, profile(reference, rows(rng, 50_000, 0.03)), watch, rules=Drift(), start=AT, end=AT
    )

    assert not found
    assert "trifle" in findings[0].sentence


def test_time_moves_on_without_alarm() -> None:
    before = pl.DataFrame({"t": pl.Series(range(1000), dtype=pl.Int64)})
    reference = learn_reference(before, {"t": ColumnKind.TIME})

    findings, watch = drift_findings(
        reference, profile(reference, before + 5000), DriftWatch(), rules=Drift(), start=AT, end=AT
    )

    assert watch.detectors[0][1].has_fired
    assert not findings[0].is_breach


def test_a_window_without_rows_says_nothing_and_changes_nothing() -> None:
    reference = learn_reference(rows(np.random.default_rng(0), 100), KINDS)
    before = DriftWatch((("x0", Detector(statistic=3.0)),))

    findings, after = drift_findings(
        reference, profile(reference, pl.DataFrame()), before, rules=Drift(), start=AT, end=AT
    )

    assert len(findings) == 20
    assert all(finding.is_empty for finding in findings)
    assert after == before


def test_only_the_columns_asked_for_are_watched_and_pay_for_each_other() -> None:
    rng = np.random.default_rng(0)
    reference = learn_reference(rows(rng, 1000), KINDS)

    _, watch = watched(reference, rows(rng, 100), DriftWatch(), Drift(columns=("x1", "c1")))

    assert [(name, detector.threshold) for name, detector in watch.detectors] == [("x1", 730), ("c1", 730)]


def test_a_drifted_column_is_told_with_its_numbers() -> None:
    rng = np.random.default_rng(0)
    reference = learn_reference(rows(rng, 5000), KINDS)

    findings, watch = drift_findings(
        reference, profile(reference, rows(rng, 500, 2.0)), DriftWatch(), rules=Drift(), start=AT, end=AT
    )

    assert findings[0].severity is Severity.WARNING
    assert findings[0].sentence.startswith("x0 has drifted: PSI ")
    assert "500 rows" in findings[0].sentence
    assert msgspec.json.decode(msgspec.json.encode(watch), type=DriftWatch) == watch


def test_a_profile_of_another_reference_is_refused() -> None:
    reference = learn_reference(rows(np.random.default_rng(0), 100), KINDS)

    with pytest.raises(IntegrityError, match="another reference"):
        drift(replace(reference, columns=reference.columns[1:]), profile(reference, pl.DataFrame()))
