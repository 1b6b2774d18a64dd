"""Champion against challenger by blocks."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kaizenml.improvement.backtest import compare
from kaizenml.improvement.comparison import Comparison, Outcome


def losses(
    rng: np.random.Generator, days: int, gain: float, *, day: float = 0.01, row: float = 0.05, rows: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return champion's and challenger's losses and days, the challenger better by ``gain``, rows of a day alike."""
    blocks = np.repeat(np.arange(days), rows)
    champion = rng.uniform(0, 0.3, days * rows)
    difference = gain + day * rng.normal(size=days)[blocks] + row * rng.normal(size=days * rows)
    return champion, champion - difference, blocks


def test_a_real_gain_is_found() -> None:
    found = compare(*losses(np.random.default_rng(0), 40, 0.01))

    assert found.outcome is Outcome.BETTER
    assert found.is_not_worse
    assert not found.is_harmful
    assert found.sentence.startswith("The challenger is better: it saves +0.0")


def test_a_real_loss_is_found_and_is_harm() -> None:
    found = compare(*losses(np.random.default_rng(0), 40, -0.015))

    assert found.outcome is Outcome.WORSE
    assert found.is_harmful
    assert not found.is_not_worse


def test_the_same_model_is_not_decided_and_yet_not_worse() -> None:
    champion, _, blocks = losses(np.random.default_rng(0), 40, 0.0)

    found = compare(champion, champion, blocks)

    assert found.outcome is Outcome.UNDECIDED
    assert found.is_not_worse
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert found.errors_above_margin == math.inf


def test_rows_of_a_day_that_resemble_each_other_do_not_promote_falsely() -> None:
    """Design effect by day: 1 + 60 × (.03/.05)² ≈ 23."""
    by_day = by_row = 0
    for seed in range(200):
        champion, challenger, blocks = losses(np.random.default_rng(seed), 40, 0.0, day=0.03)
        by_day += compare(champion, challenger, blocks).outcome is Outcome.BETTER
        by_row += compare(champion, challenger, np.arange(len(blocks))).outcome is Outcome.BETTER

    assert by_day / 200 <= 0.05
    assert by_row / 200 >= 0.15


def ever_better(difference: np.ndarray, rows: int) -> bool:
    blocks = np.repeat(np.arange(len(difference) // rows), rows)
    return any(
        compare(difference[: k * rows], 0 * difference[: k * rows], blocks[: k * rows]).outcome is Outcome.BETTER
        for k in range(4, len(difference) // rows + 1)
    )


def test_looking_every_day_for_two_months_errs_in_less_than_one_case_of_twenty() -> None:
    """Design effect 30: the means of days vary thirty times as much as if rows were independent."""
    fooled = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        day = rng.normal(size=(60, 1)) * np.sqrt(29 / 20)
        fooled += ever_better((day + rng.normal(size=(60, 20))).ravel(), 20)

    assert fooled / 80 <= 0.05


def test_neighbours_that_are_alike_are_put_together_and_it_is_said() -> None:
    rng = np.random.default_rng(3)
    weeks = np.repeat(rng.normal(size=20), 4)
    difference = np.repeat(weeks + 0.2 * rng.normal(size=80), 5)

    found = compare(difference, np.zeros(400), np.repeat(np.arange(80), 5))

    assert found.joined >= 2
    assert found.blocks <= 40
    assert "put together at a time because neighbours were alike" in found.sentence


def test_few_blocks_are_never_put_together() -> None:
    found = compare(np.repeat(np.arange(10.0), 2), np.zeros(20), np.repeat(np.arange(10), 2))

    assert (found.blocks, found.joined) == (10, 1)
    assert found.autocorrelation is not None
    assert found.autocorrelation > 0.3


def test_the_interval_is_students_over_block_means() -> None:
    champion, challenger, blocks = losses(np.random.default_rng(5), 12, 0.01)
    means = (champion - challenger).reshape(12, -1).mean(axis=1)

    found = compare(champion, challenger, blocks)

    low, high = stats.t.interval(0.95, 11, means.mean(), stats.sem(means))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_a_gain_within_the_margin_is_good_enough_for_a_scheduled_release() -> None:
    found = compare(*losses(np.random.default_rng(0), 60, -0.002, day=0.002), margin=0.01)

    assert found.is_not_worse
    assert found.outcome is not Outcome.BETTER


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_the_verdict_does_not_depend_on_the_unit_of_the_loss(seed: int, unit: float) -> None:
    champion, challenger, blocks = losses(np.random.default_rng(seed), 12, 0.01)

    a, b = compare(champion, challenger, blocks), compare(champion * unit, challenger * unit, blocks)

    assert (a.outcome, a.blocks) == (b.outcome, b.blocks)
    assert a.log_harm == pytest.approx(b.log_harm, abs=1e-6)


def test_swapping_the_models_swaps_the_verdict() -> None:
    champion, challenger, blocks = losses(np.random.default_rng(0), 40, 0.01)

    there, back = compare(champion, challenger, blocks), compare(challenger, champion, blocks)

    assert (there.log_better, there.log_worse) == (pytest.approx(back.log_worse), pytest.approx(back.log_better))
    assert there.bets_better == pytest.approx(back.bets_worse)


def test_one_block_is_no_evidence() -> None:
    found = compare([0.5] * 9, [0.1] * 9, [1] * 9)

    assert (found.outcome, found.log_better, found.low) == (Outcome.UNDECIDED, 0.0, None)


def test_rows_that_cannot_be_scored_are_left_out() -> None:
    found = compare([0.5, np.nan, 0.5], [0.1, 0.1, np.inf], [1, 1, 2])

    assert (found.rows, found.blocks) == (1, 1)


def test_no_rows_at_all_decide_nothing() -> None:
    found = compare([], [], [])

    assert found.outcome is Outcome.UNDECIDED
    assert not found.is_harmful
    assert "nothing can be said" in found.sentence


def test_losses_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1 losses for 2"):
        compare([1, 2], [1], [1, 1])


def test_a_comparison_survives_json() -> None:
    found = compare(*losses(np.random.default_rng(0), 12, 0.01))

    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found
