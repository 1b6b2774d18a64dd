"""How a release moves, who may let it, and what it is."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.approval import POLICY, Approval, Hand, Review, approval
from kaizenml.core.digest import Digest
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.release import (
    MOVES,
    Parts,
    Release,
    ReleaseState,
    approved,
    check_sendable,
    declined,
    moved,
    overridden,
)
from kaizenml.errors import ApprovalError, GateError, StateError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
PASSED = Verdict((Check("at_least(f1)", True, 0.9, 0.8, "f1 is 0.9."),))
FAILED = Verdict((Check("at_least(f1)", False, 0.7, 0.8, "f1 is 0.7."), *PASSED.checks))
PARTS = Parts(*(Digest(letter * 64) for letter in "abcde"))
KEY = b"a key of the home"
ALL = [(a, b) for a in ReleaseState for b in ReleaseState]


def release(state: ReleaseState = ReleaseState.GATED, verdict: Verdict = PASSED) -> Release:
    return Release("shop", 3, PARTS, PARTS.digest, "shop:3", "run", "person:ada", state, verdict, NOW)


def by(who: str, of: Release, at: datetime = NOW, key: bytes = KEY) -> Approval:
    return approval(who, of.digest, of.review, at, key)


def let_through(of: Release, *people: str, at: datetime = NOW) -> Release:
    for who in people:
        of = approved(of, by(who, of, at), KEY)
    return of


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
    with pytest.raises(ApprovalError, match="person:ada had a hand in shop/3: made it"):
        let_through(release(), "person:ada")


@pytest.mark.parametrize("who", ["person:ADA", "person:ada@example.org", "Ada <ada@example.org>"])
def test_an_author_cannot_approve_under_another_spelling(who):
    with pytest.raises(ApprovalError, match=r"had a hand .* \(as person:ada\)"):
        let_through(release(), who)


@pytest.mark.parametrize(
    ("hand", "who"),
    [
        (Hand("Bob Roe <bob@example.org>", "wrote its last commit"), "person:bob"),
        (Hand("Bob Roe <bob@example.org>", "wrote its last commit"), "person:Bob Roe"),
        (Hand("person:bob", "brought data"), "person:bob"),
    ],
)
def test_the_last_committer_and_the_changer_of_the_data_are_no_approvers(hand, who):
    with pytest.raises(ApprovalError, match=hand.did):
        let_through(replace(release(), hands=(hand,)), who)


def test_an_approver_is_known_by_their_address_as_well():
    of = replace(release(), hands=(Hand("B. Roe <bob@example.org>", "wrote its last commit"),))

    with pytest.raises(ApprovalError, match="wrote its last commit"):
        approved(of, by("person:robert", of), KEY, known_as=["bob@example.org"])


def test_what_the_system_did_bars_nobody():
    of = replace(release(), author="system:loop", hands=(Hand("system:loop", "brought data"),))

    assert let_through(of, "person:loop").state is ReleaseState.APPROVED


def test_another_person_approves_and_is_remembered():
    after = let_through(release(), "person:bob")

    assert (after.state, after.approved_by, after.approved_at) == (ReleaseState.APPROVED, "person:bob", NOW)
    assert [(each.by, each.digest) for each in after.approvals] == [("person:bob", after.digest)]


def test_a_release_waits_until_as_many_have_approved_as_its_review_asks_for():
    of = replace(release(), review=Review(needed=2))
    once = let_through(of, "person:bob")

    assert (once.state, once.approved_by) == (ReleaseState.GATED, "person:bob")
    assert let_through(once, "person:eve").state is ReleaseState.APPROVED
    with pytest.raises(ApprovalError, match="has approved shop/3 already; it needs 2"):
        let_through(once, "person:Bob")


def test_only_those_approve_whom_the_review_names():
    of = replace(release(), review=Review(among=("eve", "kim@example.org")))

    with pytest.raises(ApprovalError, match="not among the approvers of shop: eve"):
        let_through(of, "person:bob")
    assert let_through(of, "person:eve").state is ReleaseState.APPROVED
    assert approved(of, by("person:k", of), KEY, known_as=["kim@example.org"]).state is ReleaseState.APPROVED


def test_an_approval_of_another_digest_is_refused():
    of = release()
    other = replace(by("person:bob", of), digest=Digest("0" * 64))

    with pytest.raises(ApprovalError, match="is not what shop/3 is now"):
        approved(of, other, KEY)
    changed = replace(of, parts=replace(PARTS, model=Digest("0" * 64)))
    with pytest.raises(ApprovalError, match="is not what shop/3 is now"):
        let_through(changed, "person:bob")


def test_the_declared_policy_is_enough_alone_where_one_is_declared():
    asked = replace(release(), review=Review(needed=2, evidence=()))

    assert let_through(asked, POLICY).state is ReleaseState.APPROVED
    assert let_through(replace(asked, review=Review()), POLICY).state is ReleaseState.GATED


@pytest.mark.parametrize(
    "state",
    [
        state
        for state in ReleaseState
        if state not in (ReleaseState.GATED, ReleaseState.APPROVED, ReleaseState.PACKAGED)
    ],
)
def test_only_a_release_that_waits_for_a_decision_is_approved(state):
    with pytest.raises(StateError):
        let_through(release(state), "person:bob")


def packaged(*people: str, of: Release | None = None) -> Release:
    return moved(let_through(of or release(), *people), ReleaseState.PACKAGED)


def test_what_was_approved_is_sendable_until_its_approval_lapses_and_may_be_approved_anew():
    of = packaged("person:bob")
    late = NOW + timedelta(days=30)
    check_sendable(of, late - timedelta(seconds=1), KEY)

    with pytest.raises(ApprovalError, match="of 1 approvals 0 count now, and it needs 1"):
        check_sendable(of, late, KEY)
    with pytest.raises(StateError, match="is packaged"):
        let_through(of, "person:eve")
    anew = let_through(of, "person:bob", at=late)
    assert anew.state is ReleaseState.PACKAGED
    check_sendable(anew, late, KEY)


def test_approvals_that_the_home_did_not_write_do_not_count():
    forged = replace(release(ReleaseState.PACKAGED), approvals=(by("person:bob", release(), key=b"another key"),))
    stolen = replace(packaged("person:bob"), number=4, parts=replace(PARTS, code=Digest("0" * 64)))
    renamed = packaged("person:bob")
    renamed = replace(renamed, approvals=(replace(renamed.approvals[0], by="person:eve"),))
    longer = packaged("person:bob")
    longer = replace(longer, approvals=(replace(longer.approvals[0], until=NOW + timedelta(days=3650)),))

    for of in (forged, stolen, replace(stolen, digest=stolen.parts.digest), renamed, longer):
        with pytest.raises(ApprovalError, match="not approved any more"):
            check_sendable(of, NOW, KEY)


@pytest.mark.parametrize("state", [state for state in ReleaseState if state is not ReleaseState.PACKAGED])
def test_nothing_goes_out_that_is_not_packaged(state):
    with pytest.raises(StateError, match="not packaged"):
        check_sendable(replace(packaged("person:bob"), state=state), NOW, KEY)


def test_nobody_approves_what_its_gate_holds_back():
    with pytest.raises(GateError, match="did not pass its gate: at_least"):
        let_through(release(ReleaseState.PROPOSED, FAILED), "person:bob")


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
        let_through(pushed, "person:ada")


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


@pytest.mark.parametrize("state", [each for each in ReleaseState if each is not ReleaseState.PACKAGED])
def test_what_cannot_be_sent_out_is_told_what_helps_in_its_state(state):
    with pytest.raises(StateError) as refused:
        check_sendable(release(state), NOW, KEY)

    assert ("kaizen approve" in refused.value.hint) == (state is ReleaseState.GATED)
    assert "{" not in refused.value.hint


@pytest.mark.parametrize(
    ("state", "way_out"),
    [(ReleaseState.LIVE, "serves already"), (ReleaseState.DECLINED, "kaizen run"), (ReleaseState.RETIRED, "rollback")],
)
def test_what_is_decided_already_is_not_approved_and_says_what_there_is_to_do(state, way_out):
    with pytest.raises(StateError, match="there is nothing to approve") as refused:
        approved(release(state), by("person:bob", release(state)), KEY)

    assert way_out in refused.value.hint


def test_what_is_packaged_is_not_approved_again_but_sent_out():
    ready = replace(let_through(release(), "person:bob"), state=ReleaseState.PACKAGED)

    with pytest.raises(StateError, match="shop/3 is packaged: there is nothing to approve") as refused:
        approved(ready, by("person:eve", ready), KEY)

    assert "kaizen ship shop/3" in refused.value.hint
