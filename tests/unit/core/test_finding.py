"""Findings can always be stored, and know whether they say anything."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from kaizenml.core.finding import Finding, Severity

AT = datetime(2026, 1, 1, tzinfo=UTC)


def finding(value: float | None, *, is_breach: bool = False) -> Finding:
    return Finding("drift", "age", "psi", value, None, 2.0, 0.1, is_breach, AT, AT, Severity.INFO, "age moved.")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None])
def test_a_number_that_is_none_is_no_number(value: float | None) -> None:
    assert finding(value).value is None


@pytest.mark.parametrize("value", [0.3, float("nan")])
def test_a_finding_survives_json(value: float) -> None:
    found = finding(value)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Finding) == found


def test_without_value_and_breach_it_says_nothing() -> None:
    assert finding(None).is_empty
    assert not finding(None, is_breach=True).is_empty
    assert not finding(0.0).is_empty
