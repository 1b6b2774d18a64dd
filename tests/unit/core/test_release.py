"""How a release moves, who may let it, and what it is."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from kaizenml.core.digest import Digest
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.release import MOVES, Parts, Release, ReleaseState, approved, declined, moved, overridden
from kaizenml.errors import ApprovalError, GateError, StateError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
PASSED = Verdict((Check("at_least(f1)", True, 0.9, 0.8, "f1 is 0.9."),))
FAILED = Verdict((Check("at_least(f1)", False, 0.7, 0.8, "f1 is 0.7."), *PASSED.checks))
PARTS = Parts(*(Digest(letter * 64) for letter in "abcde"))
ALL = [(a, b) for a in ReleaseState for b in ReleaseState]


def release(state: ReleaseState = ReleaseState.GATED, verdict: Verdict = PASSED) -> Release:
    return Release("shop", 3, PARTS, PARTS.digest, "shop:3", "run", "person:ada", state, verdict, NOW)


@pytest.mark.parametrize(("before", "after"), [pair for pair in ALL if pair[1] in MOVES[pair[0]]])
def test_a_move_that_is_possible_changes_the_state_alone(before, after):
    assert moved(release(before), after) == replace(release(before), state=after)


@pytest.mark.parametrize(("before", "after"), [pair for pair in ALL if pair[1] not in MOVES[pair[0]]])
def test_every_other_move_is_refused_with_what_is_possible(before, after):
    with pytest.raises(StateError, match=f"shop/3 is {before} and cannot become {after}") as refused:
        moved(release(before), after)

    assert all(str(each) in refused.value.hint for each in MOVES[before])


def test_nothing_becomes_live_without_having_been_packaged():
    before_live = {state for state in ReleaseState if ReleaseState.LIVE in MOVES[state]}

    assert before_live == {ReleaseState.PACKAGED, ReleaseState.RETIRED}
    assert [state for state in ReleaseState if ReleaseState.PACKAGED in MOVES[state]] == [
        ReleaseState.APPROVED,
        ReleaseState.ROLLED_BACK,
    ]
    assert [state for state in ReleaseState if ReleaseState.APPROVED in MOVES[state]] == [ReleaseState.GATED]


def test_an_author_cannot_approve_their_own_release():
    with pytest.raises(ApprovalError, match="person:ada made shop/3"):
        approved(release(), "person:ada", NOW)


def test_another_person_approves_and_is_remembered():
    after = approved(release(), "person:bob", NOW)

    assert (after.state, after.approved_by, after.approved_at) == (ReleaseState.APPROVED, "person:bob", NOW)


@pytest.mark.parametrize("state", [state for state in ReleaseState if state is not ReleaseState.GATED])
def test_only_a_release_that_waits_for_a_decision_is_approved(state):
    with pytest.raises(StateError):
        approved(release(state), "person:bob", NOW)


def test_nobody_approves_what_its_gate_holds_back():
    with pytest.raises(GateError, match="did not pass its gate: at_least"):
        approved(release(ReleaseState.PROPOSED, FAILED), "person:bob", NOW)


@pytest.mark.parametrize("because", ["", "  \n"])
def test_nobody_overrides_a_gate_without_a_reason(because):
    with pytest.raises(ApprovalError, match="without a reason"):
        overridden(release(ReleaseState.PROPOSED, FAILED), "person:bob", because)


def test_an_override_keeps_what_the_gate_said():
    after = overridden(release(ReleaseState.PROPOSED, FAILED), "person:bob", "a drill")

    assert (after.state, after.verdict.checks) == (ReleaseState.GATED, FAILED.checks)
    assert (after.verdict.has_passed, after.verdict.lets_through) == (False, True)
    assert (after.verdict.overridden_by, after.verdict.overridden_because) == ("person:bob", "a drill")


def test_an_author_cannot_approve_what_they_pushed_past_the_gate():
    pushed = overridden(release(ReleaseState.PROPOSED, FAILED), "person:ada", "mine")

    with pytest.raises(ApprovalError):
        approved(pushed, "person:ada", NOW)


@pytest.mark.parametrize("state", [state for state in ReleaseState if ReleaseState.GATED not in MOVES[state]])
def test_only_a_release_that_its_gate_holds_back_is_overridden(state):
    with pytest.raises(StateError):
        overridden(release(state, FAILED), "person:bob", "a drill")


def test_a_declined_release_keeps_the_reason_and_moves_no_more():
    after = declined(release(), "too slow")

    assert (after.state, after.declined_because) == (ReleaseState.DECLINED, "too slow")
    assert MOVES[ReleaseState.DECLINED] == frozenset()


@pytest.mark.parametrize("part", [field.name for field in fields(Parts)])
def test_another_part_is_another_release(part):
    assert replace(PARTS, **{part: Digest("0" * 64)}).digest != PARTS.digest


def test_parts_that_changed_places_are_another_release():
    assert Parts(PARTS.data, PARTS.code, PARTS.model, PARTS.environment, PARTS.configuration).digest != PARTS.digest
