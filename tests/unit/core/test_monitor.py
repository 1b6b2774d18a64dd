"""Declarations of what is watched."""

from __future__ import annotations

import json

import pytest

from kaizenml.core.monitor import (
    Bias,
    Drift,
    Every,
    Latency,
    Monitor,
    Performance,
    Resources,
    Staleness,
    as_facts,
    every,
    from_facts,
    name_of,
)
from kaizenml.errors import NotFoundError, ProjectError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("30m", 1800), ("1h", 3600), (" 1.5 D ", 129_600), ("1w", 604_800)]
)
def test_spans_are_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert every(text) == Every(seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "0m", "-1h", "1 fortnight", "1h30m"])
def test_other_spans_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ProjectError, match="1h"):
        every(text)


@pytest.mark.parametrize(
    "monitor",
    [
        Drift(columns=("a", "b")),
        Performance("roc_auc", 0.02),
        Bias(),
        Staleness(7),
        Every(60),
        Latency(),
        Resources(memory_bytes=10),
    ],
)
def test_a_declaration_survives_json(monitor: Monitor) -> None:
    assert from_facts(json.loads(json.dumps(as_facts(monitor)))) == monitor


def test_a_monitor_is_called_by_its_word() -> None:
    assert name_of(Staleness()) == "staleness"


def test_an_unknown_monitor_offers_the_closest() -> None:
    with pytest.raises(NotFoundError, match="staleness"):
        from_facts({"monitor": "stalenes"})
