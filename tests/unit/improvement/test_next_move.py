"""What a rollout does next: bad models are stopped at the first step, good ones get through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from kaizenml.core.rollout import Phase, Rollout, started, started_in_shadow
from kaizenml.errors import StateError
from kaizenml.improvement.backtest import compare
from kaizenml.improvement.comparison import Comparison
from kaizenml.improvement.rollout import Guards, MoveKind, Rules, next_move

AT = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules()
QUIET = Guards()
HOURS, ROWS = 20, 45


def rollout() -> Rollout:
    return started("r", "flights", champion="flights/1", challenger="flights/2", steps=(5, 25, 100), at=AT)


def compared(gain: float, blocks: int = 30) -> Comparison:
    rng = np.random.default_rng(0)
    means = gain + 0.002 * rng.normal(size=blocks)
    return compare(np.full(blocks, 0.14) + means, np.full(blocks, 0.14), np.arange(blocks))


def move(
    rollout: Rollout, gain: float | None = 0.01, guards: Guards = QUIET, answered: int = 500, seen: int = 20
) -> tuple[MoveKind, str]:
    comparison = None if gain is None else compared(gain)
    made = next_move(rollout, comparison=comparison, guards=guards, answered=answered, blocks_seen=seen, rules=RULES)
    return made.kind, made.reason


def test_a_good_challenger_advances_and_finishes() -> None:
    first = rollout()

    assert move(first)[0] is MoveKind.ADVANCE
    assert move(first.advanced(AT))[0] is MoveKind.FINISH


def test_it_holds_until_enough_requests_and_a_labelled_block_were_seen() -> None:
    assert move(rollout(), answered=99) == (MoveKind.HOLD, "99 of 100 requests answered at 5%.")
    assert move(rollout(), seen=0) == (MoveKind.HOLD, "0 of 1 labelled blocks seen at 5%.")
    assert move(rollout(), gain=None)[0] is MoveKind.HOLD


def test_in_shadow_no_answers_are_waited_for() -> None:
    assert move(started_in_shadow(rollout()), answered=0)[0] is MoveKind.ADVANCE


def test_evidence_of_harm_aborts_even_before_the_step_is_complete() -> None:
    kind, reason = move(rollout(), gain=-0.02, answered=3, seen=0)

    assert kind is MoveKind.ABORT
    assert "does harm" in reason


def test_doubt_holds() -> None:
    kind, reason = move(rollout(), gain=-0.0028)

    assert kind is MoveKind.HOLD
    assert "may yet be harmful" in reason


def test_patience_ends() -> None:
    made = next_move(
        rollout(),
        comparison=compared(-0.0028),
        guards=Guards(),
        answered=500,
        blocks_seen=20,
        rules=replace(RULES, patience_blocks=30),
    )

    assert made.kind is MoveKind.ABORT
    assert "Not shown to be harmless" in made.reason


@pytest.mark.parametrize(
    ("guards", "said"),
    [
        (Guards(requests=1, nan_share=1.0), "not numbers"),
        (Guards(requests=100, error_share=0.05, champion_error_share=0.01), "fail"),
        (Guards(requests=300, latency_ratio=3.1), "latency"),
        (Guards(requests=100, agreement=0.05), "contradicts"),
        (Guards(requests=100, spread_ratio=0.02), "hardly tells rows apart"),
    ],
)
def test_a_guard_that_speaks_aborts_at_once_without_labels(guards: Guards, said: str) -> None:
    kind, reason = move(rollout(), gain=None, guards=guards, answered=0, seen=0)

    assert kind is MoveKind.ABORT
    assert said in reason


@pytest.mark.parametrize(
    "guards",
    [
        Guards(requests=10, error_share=1.0, latency_ratio=9, agreement=-1, spread_ratio=0),
        Guards(requests=100, error_share=0.05, champion_error_share=0.04),
        Guards(requests=50, error_share=0.04, latency_ratio=9),
        Guards(requests=100, agreement=0.6, spread_ratio=0.5, latency_ratio=1.5),
    ],
)
def test_guards_are_silent_on_few_requests_and_on_what_the_champion_does_too(guards: Guards) -> None:
    assert move(rollout(), guards=guards)[0] is MoveKind.ADVANCE


def test_a_rollout_that_is_over_makes_no_move() -> None:
    with pytest.raises(StateError, match="no further move"):
        move(rollout().aborted("bad", AT))


# Whole rollouts on synthetic data: 900 rows a day in 20 hourly blocks, a look after each block.


def rolled_out(difference: np.ndarray) -> tuple[Phase, float, float]:
    """Return state, days and largest share at the end of a rollout on differences (champion − challenger) by hour."""
    now, step_from = rollout(), 0
    for k in range(1, len(difference) + 1):
        seen = difference[:k].ravel()
        made = next_move(
            now,
            comparison=compare(0.14 + seen, np.full(seen.size, 0.14), np.repeat(np.arange(k), ROWS)),
            guards=Guards(),
            answered=int((k - step_from) * ROWS * now.share()),
            blocks_seen=k - step_from,
            rules=RULES,
        )
        if made.kind is MoveKind.ABORT:
            now = now.aborted(made.reason, AT)
        elif made.kind is not MoveKind.HOLD:
            now, step_from = now.advanced(AT), k
        if now.is_over:
            return now.state, k / HOURS, now.max_share
    return now.state, len(difference) / HOURS, now.max_share


def shuffled_labels(seed: int, days: int = 6) -> np.ndarray:
    """Return Brier differences of a model of shuffled labels: nearly the same answer to all, .02 worse."""
    rng = np.random.default_rng(seed)
    shape = (days * HOURS, ROWS)
    logit = rng.normal(-1.4, 0.95, shape) + 0.2 * rng.normal(size=(days, 1, 1)).repeat(HOURS, 1).reshape(-1, 1)
    p = 1 / (1 + np.exp(-logit))
    y = rng.uniform(size=shape) < p
    constant = np.clip(0.23 + 0.02 * rng.normal(size=shape), 0, 1)
    return np.square(p - y) - np.square(constant - y)


def good(seed: int, days: int = 30) -> np.ndarray:
    """Return differences of a better model, whose gain varies by day and hour: .62 deviations of a day."""
    rng = np.random.default_rng(seed)
    day = 0.0093 * rng.normal(size=days).repeat(HOURS)[:, None]
    hour = 0.0126 * rng.normal(size=(days * HOURS, 1))
    return 0.0058 + day + hour + 0.05 * rng.normal(size=(days * HOURS, ROWS))


def test_a_model_of_shuffled_labels_is_stopped_at_five_percent_within_three_days() -> None:
    differences = [shuffled_labels(seed) for seed in range(40)]
    ends = [rolled_out(difference) for difference in differences]

    assert np.mean(differences) == pytest.approx(-0.022, abs=0.004)
    assert all(state is Phase.ABORTED for state, _, _ in ends)
    assert max(share for _, _, share in ends) == 0.05
    assert np.quantile([days for _, days, _ in ends], 0.9) <= 3


def test_a_good_challenger_is_seldom_aborted_though_days_differ() -> None:
    ends = [rolled_out(good(seed)) for seed in range(100)]

    assert np.mean([state is Phase.ABORTED for state, _, _ in ends]) <= 0.06
    assert np.mean([state is Phase.FULL for state, _, _ in ends]) >= 0.94
