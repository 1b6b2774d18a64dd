"""The watch on the level of loss: few false alarms, real rises found, a few numbers of state."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from scipy import stats

from kaizenml.monitoring.watch import Watch, learn_watch, watch_finding

AT = datetime(2026, 1, 1, tzinfo=UTC)


def learned(rng: np.random.Generator, days: int = 30, rows: int = 100) -> Watch:
    means = 0.15 + 0.01 * rng.normal(size=days)
    watch = learn_watch(np.repeat(means, rows) + 0.15 * rng.normal(size=days * rows), np.repeat(np.arange(days), rows))
    assert watch is not None
    return watch


def fires_within(watch: Watch, rng: np.random.Generator, blocks: int, rise: float, rows: int = 100) -> int | None:
    for block in range(1, blocks + 1):
        loss = 0.15 + rise + 0.01 * rng.normal() + 0.15 / np.sqrt(rows) * rng.normal()
        watch = watch.updated(loss, rows)
        if watch.has_fired:
            return block
    return None


@pytest.mark.parametrize("rows", [100, 10])
def test_a_model_that_stays_as_good_is_alarmed_less_than_once_in_a_year_of_blocks(rows: int) -> None:
    years = [np.random.default_rng(seed) for seed in range(20)]

    alarms = sum(fires_within(learned(rng), rng, 365, 0.0, rows) is not None for rng in years)

    assert alarms / 20 <= 0.6


def test_a_rise_by_two_deviations_is_found_within_a_week() -> None:
    cases = [np.random.default_rng(seed) for seed in range(20)]

    delays = [fires_within(learned(rng), rng, 60, 0.036) or 60 for rng in cases]

    assert np.median(delays) <= 7


def test_fewer_rows_speak_less_surely() -> None:
    watch = learned(np.random.default_rng(0))

    assert watch.p_of(0.2, 100) < watch.p_of(0.2, 10) < watch.p_of(0.2, 1) < 0.5


def test_the_p_value_is_students() -> None:
    blocks = np.repeat(np.arange(4), 2)
    watch = learn_watch([1, 1, 2, 2, 3, 3, 4, 4], blocks)
    assert watch is not None

    deviation = np.std([1, 2, 3, 4], ddof=1)
    level = 2.5 + stats.t.ppf(0.7, 3) * deviation / 2

    assert watch.p_of(5.0, 2) == pytest.approx(stats.t.sf((5.0 - level) / deviation, 3))


def test_a_tolerated_rise_is_no_evidence() -> None:
    rng = np.random.default_rng(0)
    losses, blocks = rng.normal(0.2, 0.02, 600), np.repeat(np.arange(30), 20)
    watch = learn_watch(losses, blocks, tolerance=0.1)
    assert watch is not None

    for _ in range(100):
        watch = watch.updated(0.29, 20)

    assert not watch.has_fired


@pytest.mark.parametrize("blocks", [[], [1, 1], [1, 2, 2]])
def test_too_few_blocks_make_no_watch(blocks: list[int]) -> None:
    assert learn_watch([0.1] * len(blocks), blocks) is None


def test_losses_that_never_vary_are_watched_without_dividing_by_zero() -> None:
    watch = learn_watch([0.1] * 6, [1, 1, 2, 2, 3, 3])
    assert watch is not None

    assert watch.p_of(0.1, 2) == 1.0
    assert watch.p_of(0.2, 2) == 0.0
    assert watch.updated(0.2, 2).has_fired


def test_a_block_without_labels_changes_nothing() -> None:
    watch = learned(np.random.default_rng(0))

    assert watch.updated(9.0, 0) is watch


def test_it_is_told_in_words_and_survives_json() -> None:
    watch = learned(np.random.default_rng(0))
    for _ in range(9):
        watch = watch.updated(0.4, 100)

    finding = watch_finding(watch, start=AT, end=AT)

    assert finding.is_breach
    assert "has risen above" in finding.sentence
    assert "0.4 in the newest block" in finding.sentence
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch


def test_before_the_first_label_it_says_nothing() -> None:
    assert watch_finding(learned(np.random.default_rng(0)), start=AT, end=AT).is_empty
