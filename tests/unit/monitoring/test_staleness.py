"""Age, by the clock of the data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.monitor import Staleness
from kaizenml.monitoring.staleness import age_days, staleness_finding

NEWEST = datetime(2013, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(("days", "is_breach"), [(0, False), (30, False), (30.1, True), (-5, False)])
def test_a_model_is_stale_beyond_its_limit(days: float, is_breach: bool) -> None:
    finding = staleness_finding(NEWEST, NEWEST + timedelta(days=days), Staleness(30))

    assert finding.is_breach == is_breach
    assert finding.value == pytest.approx(max(days, 0))


def test_the_sentence_says_from_when_and_how_long() -> None:
    sentence = staleness_finding(NEWEST, NEWEST + timedelta(days=42), Staleness(30)).sentence

    assert sentence == (
        "The newest training row is from 2013-01-31, 42.0 days ago; more than the 30 days that are tolerated."
    )


def test_without_times_nothing_is_said() -> None:
    assert staleness_finding(None, NEWEST, Staleness()).is_empty


def test_rows_from_the_future_are_new() -> None:
    assert age_days(NEWEST + timedelta(days=1), NEWEST) == 0
