"""The clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kaizenml.adapters.clock import SystemClock


def test_the_clock_says_what_time_it_is_in_utc() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
