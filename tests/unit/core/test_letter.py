"""The laws of a letter: again after ever longer pauses, and dead in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.letter import (
    LONGEST_ASKED,
    MOST_ATTEMPTS,
    Letter,
    LetterState,
    answered,
    check_fence,
    pause_seconds,
    sent_again,
    taken,
)
from kaizenml.core.notice import Answer
from kaizenml.errors import ConflictError, StateError

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LETTER = Letter("msg_1", "ops", 7, "alert.opened", NOW, NOW)
#: Between halves and wholes of these a letter waits: the table of the how-to.
PAUSES = [5, 20, 80, 320, 1280, 5120, 20480, 21600, 21600]


def attempt(number: int) -> Letter:
    return taken(replace(LETTER, attempts=number - 1), "me", NOW)


def test_pauses_grow_fourfold_up_to_six_hours_and_are_scattered_by_chance() -> None:
    assert [pause_seconds(number, 1.0) for number in range(1, MOST_ATTEMPTS)] == PAUSES
    assert [pause_seconds(number, 0.0) for number in range(1, MOST_ATTEMPTS)] == [each / 2 for each in PAUSES]
    assert pause_seconds(1_000_000, 1.0) == 21600


def test_a_letter_is_tried_over_a_night_before_it_is_dead() -> None:
    assert 9 < sum(PAUSES) / 2 / 3600 < sum(PAUSES) / 3600 < 24


@given(st.integers(1, MOST_ATTEMPTS - 1), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_a_pause_is_never_shorter_than_what_the_receiver_asked_for_nor_longer_than_a_day(
    number: int, chance: float, asked: float | None
) -> None:
    after = answered(attempt(number), Answer(503, "busy", asked), NOW, chance)

    waits = (after.due_at - NOW).total_seconds()
    assert after.state is LetterState.PENDING
    assert min(asked or 0, LONGEST_ASKED) - 1e-3 <= waits <= LONGEST_ASKED
    assert waits >= pause_seconds(number, 0.0) - 1e-3


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered_whenever(status: int) -> None:
    after = answered(attempt(MOST_ATTEMPTS), Answer(status), NOW, 0.5)

    assert (after.state, after.ended_at, after.said) == ("delivered", NOW, "")


@pytest.mark.parametrize("status", [None, 199, 301, 400, 401, 404, 429, 500, 503])
def test_all_else_is_tried_again_and_dead_after_the_last_attempt(status: int | None) -> None:
    answer = Answer(status, "no")

    assert answered(attempt(MOST_ATTEMPTS - 1), answer, NOW, 0.5).state is LetterState.PENDING
    dead = answered(attempt(MOST_ATTEMPTS), answer, NOW, 0.5)
    assert (dead.state, dead.said, dead.ended_at) == ("dead", "no", NOW)


def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    assert answered(attempt(1), Answer(410, "gone"), NOW, 0.5).state is LetterState.DEAD


def test_only_the_dead_are_sent_again_with_all_attempts_before_them() -> None:
    dead = answered(attempt(MOST_ATTEMPTS), Answer(500), NOW, 0.5)

    again = sent_again(dead, NOW + timedelta(days=3))

    assert (again.id, again.state, again.attempts, again.ended_at) == (LETTER.id, "pending", 0, None)
    assert again.due_at == NOW + timedelta(days=3)
    for state in (LetterState.PENDING, LetterState.LEASED, LetterState.DELIVERED):
        with pytest.raises(StateError, match=f"is {state}, not dead"):
            sent_again(replace(LETTER, state=state), NOW)


def test_what_an_earlier_sender_says_is_refused() -> None:
    check_fence(attempt(1), 1)
    with pytest.raises(ConflictError, match="Another sender"):
        check_fence(attempt(1), 0)
