"""The immutable unit of delivery, and the laws of how it moves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

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
    """Code, data, model, environment and configuration under one digest, on its way to production."""

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


def approved(release: Release, approver: str, at: datetime) -> Release:
    """Return the release as approved by somebody other than its author.

    Raises
    ------
    ApprovalError
        When the author approves.
    GateError
        When the gate did not let it through.
    StateError
        When it is not waiting for a decision.
    """
    if not release.verdict.lets_through:
        failed = ", ".join(check.name for check in release.verdict.failed)
        raise GateError(
            f"{release.name} did not pass its gate: {failed}.",
            f"Improve it, or run `kaizen approve {release.name} --override --because TEXT`; the log records who did.",
            {"release": release.name},
        )
    if approver == release.author:
        raise ApprovalError(
            f"{approver} made {release.name}, so {approver} cannot approve it.",
            f"Ask another approver to run `kaizen approve {release.name}`.",
            {"release": release.name},
        )
    return replace(moved(release, ReleaseState.APPROVED), approved_by=approver, approved_at=at)


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
