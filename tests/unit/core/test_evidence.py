"""Evidence: e-processes keep their false-alarm promise and find what is there."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.evidence import (
    Bets,
    Detector,
    bets_on,
    e_value,
    log_mean_exp,
    log_t_mixture,
    log_threshold,
)

differences = st.lists(st.floats(-1, 1), min_size=2, max_size=40)


def evidence_of(values: list[float]) -> float:
    return log_t_mixture(sum(values), sum(v * v for v in values), len(values))


@pytest.mark.parametrize(("total", "squares", "n"), [(0, 0, 0), (1, 1, 1), (0, 0, 50), (-3, 9, 1)])
def test_there_is_no_evidence_before_anything_can_be_said(total: float, squares: float, n: int) -> None:
    assert log_t_mixture(total, squares, n) == 0.0


def test_a_negative_mean_is_never_evidence_for_a_positive_one() -> None:
    assert log_t_mixture(-10, 12, 10) == pytest.approx(0.5 * math.log(3 / 13))


@given(differences, st.floats(0.01, 100))
def test_evidence_does_not_depend_on_the_unit(values: list[float], unit: float) -> None:
    kept = [round(v, 3) for v in values]

    assert evidence_of([v * unit for v in kept]) == pytest.approx(evidence_of(kept), abs=1e-6)


@given(differences)
def test_evidence_is_always_a_number(values: list[float]) -> None:
    assert math.isfinite(evidence_of(values))


def ever_reaches(draws: list[float], threshold: float) -> bool:
    total = squares = 0.0
    for n, draw in enumerate(draws, 1):
        total, squares = total + draw, squares + draw * draw
        if log_t_mixture(total, squares, n) >= threshold:
            return True
    return False


def test_looking_after_every_difference_errs_in_less_than_one_case_of_twenty() -> None:
    rng = random.Random(1)

    errors = sum(ever_reaches([rng.gauss(0, 7) for _ in range(300)], log_threshold(0.05)) for _ in range(400))

    assert errors / 400 <= 0.07  # promised .05; the standard error of 400 cases is .011


def test_a_mean_of_half_a_deviation_is_found_within_sixty_differences() -> None:
    rng = random.Random(2)

    found = sum(ever_reaches([rng.gauss(0.5, 1) for _ in range(60)], log_threshold(0.05)) for _ in range(100))

    assert found >= 80


def test_the_calibrator_is_one_on_average_over_uniform_p_values() -> None:
    n = 200_000

    assert sum(e_value((i + 0.5) / n) for i in range(n)) / n == pytest.approx(1, abs=0.03)


def test_a_detector_adds_one_and_multiplies() -> None:
    detector = Detector(threshold=10).updated(2.0).updated(3.0)

    assert detector.statistic == (1 * 2 + 1) * 3
    assert detector.n == 2
    assert not detector.has_fired
    assert detector.updated(2.0).has_fired


def test_a_detector_forgets_on_request_and_keeps_its_threshold() -> None:
    assert Detector(threshold=7).updated(100).restarted() == Detector(threshold=7)


def test_an_old_fault_is_forgotten_within_two_dozen_quiet_windows() -> None:
    detector = Detector()
    for _ in range(50):
        detector = detector.updated(1e9)

    for _ in range(24):
        detector = detector.updated(e_value(0.5))

    assert not detector.has_fired


def test_a_detector_raises_at_most_one_false_alarm_in_the_windows_it_promises() -> None:
    rng = random.Random(3)
    alarms, detector = 0, Detector(threshold=100)

    for _ in range(20_000):
        detector = detector.updated(e_value(rng.random()))
        if detector.has_fired:
            alarms, detector = alarms + 1, detector.restarted()

    assert alarms <= 20_000 / 100


def test_bets_lose_on_average_when_the_mean_is_negative_and_win_when_it_is_positive() -> None:
    assert bets_on([-0.1, 0.05] * 200).log_evidence < 0
    assert bets_on([0.2, -0.1] * 200).log_evidence > math.log(20)


def test_bets_err_in_less_than_one_case_of_twenty() -> None:
    rng = random.Random(4)

    def is_fooled() -> bool:
        bets = Bets()
        for _ in range(300):
            bets = bets.updated(rng.choice((-1.0, -0.2, 0.2, 1.0)))
            if bets.log_evidence >= math.log(20):
                return True
        return False

    assert sum(is_fooled() for _ in range(200)) / 200 <= 0.08


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_no_difference_however_wild_ruins_the_gambler(values: list[float]) -> None:
    assert math.isfinite(bets_on(values).log_evidence)


def test_the_average_of_huge_evidence_does_not_overflow() -> None:
    assert log_mean_exp([5000.0, 5000.0]) == 5000.0


def test_detectors_and_bets_survive_json() -> None:
    for value in (Detector().updated(3.0), bets_on([0.1, -0.2])):
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
