"""The moves of a rollout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.rollout import Phase, Rollout, started, started_in_shadow
from kaizenml.errors import ProjectError, StateError

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def rollout(steps: tuple[int, ...] = (5, 25, 100)) -> Rollout:
    return started("r1", "flights", champion="flights/1", challenger="flights/2", steps=steps, at=AT, cause=7)


def test_traffic_moves_step_by_step_to_the_challenger() -> None:
    first = rollout()
    second = first.advanced(LATER)
    done = second.advanced(LATER)

    assert [one.share() for one in (first, second, done)] == [0.05, 0.25, 1.0]
    assert [one.max_share for one in (first, second, done)] == [0.05, 0.25, 1.0]
    assert done.state is Phase.FULL
    assert second.step_started_at == LATER
    assert done.started_at == AT


def test_in_shadow_the_challenger_has_no_traffic() -> None:
    shadow = started_in_shadow(rollout())

    assert (shadow.share(), shadow.max_share, shadow.state) == (0.0, 0.0, Phase.SHADOW)
    assert shadow.advanced(LATER).share() == 0.05


def test_steps_without_100_end_at_all_traffic_too() -> None:
    assert rollout((10,)).advanced(LATER).state is Phase.FULL


def test_a_single_step_of_100_serves_all_at_once() -> None:
    only = rollout((100,))

    assert only.share() == 1.0
    assert only.finished(LATER).state is Phase.FULL


def test_an_abort_gives_all_traffic_back_and_remembers_how_far_it_came() -> None:
    aborted = rollout().advanced(LATER).aborted("too many errors", LATER)

    assert (aborted.share(), aborted.max_share, aborted.reason) == (0.0, 0.25, "too many errors")
    assert aborted.is_over


def test_steps_left_to_take_must_be_taken() -> None:
    with pytest.raises(StateError, match="advance"):
        rollout().finished(LATER)


@pytest.mark.parametrize("over", [rollout((100,)).finished(AT), rollout().aborted("bad", AT)])
def test_nothing_happens_to_a_rollout_that_is_over(over: Rollout) -> None:
    with pytest.raises(StateError):
        over.advanced(LATER)
    with pytest.raises(StateError):
        over.aborted("again", LATER)
    with pytest.raises(StateError):
        over.finished(LATER)


def test_a_rollout_under_way_cannot_go_back_into_shadow() -> None:
    with pytest.raises(StateError, match="shadow"):
        started_in_shadow(rollout().advanced(LATER))


@pytest.mark.parametrize("steps", [(), (0, 5), (25, 5), (5, 5), (5, 101)])
def test_steps_must_rise_within_1_and_100(steps: tuple[int, ...]) -> None:
    with pytest.raises(ProjectError, match="rising"):
        rollout(steps)


@given(st.sets(st.integers(1, 100), min_size=1).map(lambda s: tuple(sorted(s))))
def test_the_share_never_falls_until_it_is_all(steps: tuple[int, ...]) -> None:
    now = rollout(steps)
    shares = [now.share()]
    while not now.is_over:
        now = now.advanced(LATER)
        shares.append(now.share())

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_rollout_survives_json() -> None:
    value = rollout().advanced(LATER)

    assert msgspec.json.decode(msgspec.json.encode(value), type=Rollout) == value
