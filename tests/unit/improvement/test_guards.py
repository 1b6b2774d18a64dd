"""Guards read from what both models answered."""

from __future__ import annotations

import numpy as np
import pytest

from kaizenml.improvement.guards import measured_guards
from kaizenml.improvement.rollout import Guards

RNG = np.random.default_rng(0)
SCORES = RNG.uniform(size=500)


def test_the_same_model_agrees_with_itself() -> None:
    guards = measured_guards(SCORES, SCORES, seconds=[0.01] * 10, champion_seconds=[0.01] * 10)

    assert guards.agreement == pytest.approx(1)
    assert (guards.spread_ratio, guards.latency_ratio, guards.nan_share) == (1, 1, 0)


def test_a_model_that_says_the_same_to_all_spreads_nothing() -> None:
    guards = measured_guards(SCORES, np.full(500, 0.25))

    assert (guards.agreement, guards.spread_ratio) == (None, 0.0)


def test_a_model_of_noise_does_not_agree() -> None:
    guards = measured_guards(SCORES, RNG.uniform(size=500))

    assert guards.agreement is not None
    assert abs(guards.agreement) < 0.15


def test_scores_that_are_not_numbers_are_counted_and_do_not_spoil_the_rest() -> None:
    spoilt = np.where(np.arange(500) < 50, np.nan, SCORES)

    guards = measured_guards(SCORES, spoilt)

    assert guards.nan_share == 0.1
    assert guards.agreement == pytest.approx(1)


def test_classes_are_compared_together() -> None:
    both = np.column_stack([SCORES, 1 - SCORES])

    assert measured_guards(both, both).agreement == pytest.approx(1)


def test_that_a_class_is_frequent_is_no_agreement() -> None:
    champion, noise = (np.clip(0.1 + 0.05 * RNG.normal(size=500), 0, 1) for _ in range(2))

    guards = measured_guards(np.column_stack([champion, 1 - champion]), np.column_stack([noise, 1 - noise]))

    assert guards.agreement is not None
    assert abs(guards.agreement) < 0.15


def test_failures_count_as_requests() -> None:
    guards = measured_guards(SCORES, SCORES[:450].tolist() + [0.5] * 50, errors=500, champion_errors=0)

    assert (guards.requests, guards.error_share, guards.champion_error_share) == (1000, 0.5, 0.0)


def test_without_requests_nothing_is_known() -> None:
    assert measured_guards([], []) == Guards()
