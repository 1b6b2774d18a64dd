"""The immutable unit of delivery, and the laws of how it moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from kaizenml.core.approval import Approval, Hand, Review, check_approver, counted, suffice
from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.gate import Verdict
from kaizenml.errors import ApprovalError, GateError, StateError


class ReleaseState(StrEnum):
    """Where a release is on its way."""

    PROPOSED = "proposed"  # made, and its gate did not let it through
    GATED = "gated"  # let through by its gate, waiting for a decision
    APPROVED = "approved"
    DECLINED = "declined"
    PACKAGED = "packaged"  # approved, and built
    LIVE = "live"  # champion of an endpoint
    RETIRED = "retired"  # was champion
    ROLLED_BACK = "rolled back"  # was sent out and taken back


#: The moves that are possible at all; everything else is refused.
MOVES: dict[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.PROPOSED: frozenset({ReleaseState.GATED, ReleaseState.DECLINED}),
    ReleaseState.GATED: frozenset({ReleaseState.APPROVED, ReleaseState.DECLINED}),
    ReleaseState.APPROVED: frozenset({ReleaseState.PACKAGED, ReleaseState.DECLINED}),
    ReleaseState.DECLINED: frozenset(),
    ReleaseState.PACKAGED: frozenset({ReleaseState.LIVE, ReleaseState.ROLLED_BACK, ReleaseState.DECLINED}),
    ReleaseState.LIVE: frozenset({ReleaseState.RETIRED, ReleaseState.ROLLED_BACK}),
    ReleaseState.RETIRED: frozenset({ReleaseState.LIVE}),
    ReleaseState.ROLLED_BACK: frozenset({ReleaseState.PACKAGED}),
}


#: What helps a release that cannot be sent out: it is not packaged.
_BEFORE_SENDING = {
    ReleaseState.PROPOSED: "Its gate holds it back: see `kaizen show {0}`.",
    ReleaseState.GATED: "Approve it first: `kaizen approve {0}`.",
    ReleaseState.APPROVED: "It is being packaged: wait a moment, or start `kaizen up`.",
    ReleaseState.DECLINED: "Make another release: `kaizen run`.",
    ReleaseState.LIVE: "It serves already: `kaizen endpoints` shows it.",
    ReleaseState.RETIRED: "It has served before: `kaizen rollback` gives an endpoint back to the release before.",
    ReleaseState.ROLLED_BACK: "It was taken back: make another release with `kaizen run`.",
}
#: What there is to do with a release that somebody has decided about.
_DECIDED = {
    ReleaseState.APPROVED: "It is approved already, and is being packaged.",
    ReleaseState.PACKAGED: "It is approved already. Send it out: `kaizen ship {0}`, or leave that to `kaizen up`.",
    ReleaseState.LIVE: "It serves already: `kaizen endpoints` shows it.",
    ReleaseState.DECLINED: "It was declined. Make another release: `kaizen run`.",
    ReleaseState.RETIRED: "It has served before: `kaizen rollback` gives an endpoint back to the release before.",
    ReleaseState.ROLLED_BACK: "It was sent out and taken back. Make another release: `kaizen run`.",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a release is made of, each by its digest."""

    code: Digest
    data: Digest
    model: Digest
    environment: Digest
    configuration: Digest

    @property
    def digest(self) -> Digest:
        """The one digest that stands for all of it."""
        return digest_of([self.code, self.data, self.model, self.environment, self.configuration])


@dataclass(frozen=True, slots=True)
class Release:
    """Code, data, model, environment and configuration under one digest, on its way to production.

    Parameters
    ----------
    review
        What was asked of its approval when it was proposed; what the project says later is for later releases.
    hands
        Who, besides the author, had a hand in it: the last committer, those who changed its data.
    approvals
        Who let it go out, newest last; ``approved_by`` and ``approved_at`` tell of them in a line.
    """

    project: str
    number: int
    parts: Parts
    digest: Digest
    model_version: str
    run: str
    author: str
    state: ReleaseState
    verdict: Verdict
    created_at: datetime
    cause: int | None = None
    approved_by: str = ""
    approved_at: datetime | None = None
    declined_because: str = ""
    wheel: Digest | None = None
    review: Review = field(default_factory=Review)
    hands: tuple[Hand, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def name(self) -> str:
        """How people call it: ``flights/3``."""
        return f"{self.project}/{self.number}"


def moved(release: Release, to: ReleaseState) -> Release:
    """Return the release in another state.

    Raises
    ------
    StateError
        When there is no such move.
    """
    if to not in MOVES[release.state]:
        raise StateError(
            f"{release.name} is {release.state} and cannot become {to}.",
            f"From {release.state} it can become: {', '.join(sorted(MOVES[release.state])) or 'nothing else'}.",
            {"release": release.name, "state": str(release.state)},
        )
    return replace(release, state=to)


def approved(release: Release, given: Approval, key: bytes, *, known_as: Iterable[str] = ()) -> Release:
    """Return the release with one more approval: approved once they are as many as its review asks for.

    A release that was approved and not sent out in time keeps its state; its approvals are renewed.

    Parameters
    ----------
    key
        Of the home: approvals that are not sealed with it do not count.
    known_as
        Further names of the approver, such as their address: who had a hand in the release may be named so.

    Raises
    ------
    ApprovalError
        When this person may not approve it, has approved it, or approved another digest.
    GateError
        When the gate did not let it through.
    StateError
        When it is not waiting for a decision.
    """
    _check_gate(release)
    if given.digest != release.digest or release.parts.digest != release.digest:
        raise ApprovalError(
            f"What {given.by} approved is not what {release.name} is now.",
            f"Look at it again, then decide: `kaizen approve {release.name}`.",
            {"release": release.name, "digest": release.digest, "approved": given.digest},
        )
    before = counted(release.approvals, release.digest, given.at, key)
    if release.state is not ReleaseState.GATED and (release.state not in _RENEWABLE or suffice(before, release.review)):
        if release.state in _DECIDED:
            raise StateError(
                f"{release.name} is {release.state}: there is nothing to approve.",
                _DECIDED[release.state].format(release.name),
                {"release": release.name, "state": str(release.state)},
            )
        moved(release, ReleaseState.APPROVED)  # says what can be done instead
    check_approver(
        release.name, given.by, (Hand(release.author, "made it"), *release.hands), before, release.review,
        known_as=known_as, of=release.project, command=f"kaizen approve {release.name}",
    )  # fmt: skip
    after = (*before, given)
    people = replace(release, approvals=after, approved_by=", ".join(each.by for each in after), approved_at=given.at)
    is_enough = release.state is ReleaseState.GATED and suffice(after, release.review)
    return moved(people, ReleaseState.APPROVED) if is_enough else people


def is_approved(release: Release, now: datetime, key: bytes) -> bool:
    """Say whether as many approvals count now as the review of the release asks for."""
    valid = counted(release.approvals, release.digest, now, key)
    return release.parts.digest == release.digest and suffice(valid, release.review)


def check_sendable(release: Release, now: datetime, key: bytes) -> None:
    """Check that a release may go out now: packaged, and approved by as many as its review asks for.

    Raises
    ------
    StateError
        When it is not packaged.
    ApprovalError
        When its approvals have lapsed, are not of this digest, or were not written by this home.
    """
    if release.state is not ReleaseState.PACKAGED:
        raise StateError(
            f"{release.name} is {release.state}, not packaged, so it cannot be sent out.",
            _BEFORE_SENDING[release.state].format(release.name),
            {"release": release.name},
        )
    if is_approved(release, now, key):
        return
    valid = counted(release.approvals, release.digest, now, key)
    raise ApprovalError(
        f"{release.name} is not approved any more: of {len(release.approvals)} approvals {len(valid)} count now, "
        f"and it needs {release.review.needed}. The others have lapsed, or are not of what it is now.",
        f"Look at it and decide anew: `kaizen approve {release.name}`.",
        {"release": release.name},
    )


def declined(release: Release, because: str) -> Release:
    """Return the release as declined, with the reason."""
    return replace(moved(release, ReleaseState.DECLINED), declined_because=because)


def overridden(release: Release, by: str, because: str) -> Release:
    """Return the release as let through against its gate's word, by somebody who says why.

    Raises
    ------
    StateError
        When the release is not one that its gate has held back.
    ApprovalError
        When no reason is given.
    """
    if not because.strip():
        raise ApprovalError(
            f"Nobody may override the gate of {release.name} without a reason.", "Say why with --because TEXT."
        )
    verdict = replace(release.verdict, overridden_by=by, overridden_because=because)
    return replace(moved(release, ReleaseState.GATED), verdict=verdict)


#: What was approved and did not go out in time can be approved anew.
_RENEWABLE = frozenset({ReleaseState.APPROVED, ReleaseState.PACKAGED})


def _check_gate(release: Release) -> None:
    if not release.verdict.lets_through:
        failed = ", ".join(check.name for check in release.verdict.failed)
        raise GateError(
            f"{release.name} did not pass its gate: {failed}.",
            f"Improve it, or run `kaizen approve {release.name} --override --because TEXT`; the log records who did.",
            {"release": release.name},
        )
