"""From a model version to a release that may be sent out: proposed, decided, packaged. Each move with its event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from kaizenml.core.approval import POLICY, approval
from kaizenml.core.digest import Digest, is_digest
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.ports import Books
from kaizenml.core.release import Release, ReleaseState, approved, declined, moved, overridden
from kaizenml.errors import ApprovalError, ConflictError, StateError, UsageError
from kaizenml.loop.wiring import House
from kaizenml.packaging.wheel import build_wheel
from kaizenml.registry.card import card
from kaizenml.registry.decision import Decider, decider, lacking

#: After so long an approved release that is not packaged has lost the process that should have done it.
PACKAGING_SECONDS = 30.0


def propose(books: Books, house: House, release: Release, *, cause: int) -> Event:
    """Write a new release, with what its gate said of it."""
    books.releases.add(release)
    kind = Kind.GATE_PASSED if release.verdict.has_passed else Kind.GATE_FAILED
    checks = {check.name: check.evidence for check in release.verdict.checks}
    judged = _tell(books, house, release, "system:gate", kind, cause, {"checks": checks})
    return _tell(
        books,
        house,
        release,
        release.author,
        Kind.RELEASE_PROPOSED,
        judged.id,
        {"digest": release.digest, "state": release.state},
    )


def decide_by_policy(books: Books, house: House, release: Release, *, cause: int) -> Release:
    """Approve a release by the policy that its project declares, or ask people for their decision."""
    who = decider(release)
    if who is Decider.NOBODY:
        return release
    if who is Decider.PERSON:
        _tell(books, house, release, "system:loop", Kind.APPROVAL_REQUESTED, cause, _asked(release))
        return release
    because = "The project declares that what its gate lets through is approved."
    if release.review.evidence:
        because = f"The project declares that this evidence suffices: {', '.join(release.review.evidence)}."
    given = approval(POLICY, release.digest, release.review, house.clock.now(), house.key, because=because)
    after = approved(release, given, house.key)
    books.releases.move(after, seen=release.state)
    _tell(books, house, release, POLICY, Kind.APPROVAL_GRANTED, cause, {"because": because, "digest": release.digest})
    return after


def approve(
    house: House,
    name: str,
    by: str,
    *,
    override: bool = False,
    because: str = "",
    digest: str = "",
    known_as: Collection[str] = (),
) -> Release:
    """Approve a release as a person; once enough people have, package it. Return it.

    With ``override``, a release that its gate holds back is let through first; the log says who did and why. That
    person is not asked for another decision by somebody else: the override is theirs, and so is the approval.

    Parameters
    ----------
    digest
        Of the release as the person looked at it: where it has become another, nothing is approved.
    known_as
        Further names of the person, such as their address.

    Raises
    ------
    ApprovalError, GateError, StateError
        When the laws of `kaizenml.core.release` refuse.
    UsageError
        When what is told as a digest is none.
    """
    if digest and not is_digest(digest):
        raise UsageError(f"{digest[:80]!r} is no digest of a release.", "`kaizen releases --json` has it: 64 digits.")
    with house.records.writing() as books:
        before = books.releases.get(name)
        release = before
        if override:
            release = overridden(before, by, because)
            facts = {"because": because, "failed": [check.name for check in before.verdict.failed]}
            _tell(books, house, release, by, Kind.GATE_OVERRIDDEN, before.cause, facts)
        looked_at = Digest(digest or release.digest)
        given = approval(by, looked_at, release.review, house.clock.now(), house.key, because=because)
        after = approved(release, given, house.key, known_as=known_as)
        books.releases.move(after, seen=before.state)
        cause = _last_about(books, name)
        told = {"because": because, "digest": after.digest, "until": given.until.isoformat(),
                "given": len(after.approvals), "needed": after.review.needed}  # fmt: skip
        _tell(books, house, after, by, Kind.APPROVAL_GRANTED, cause, told)
    return package(house, name)


def decline(house: House, name: str, by: str, because: str) -> Release:
    """Decline a release; the reason is kept with it."""
    if not because.strip():
        raise ApprovalError(f"Nobody may decline {name} without a reason.", "Say why with --because TEXT.")
    with house.records.writing() as books:
        before = books.releases.get(name)
        endpoint = books.endpoints.find(before.project)
        if endpoint and endpoint.rollout and books.endpoints.rollout(endpoint.rollout).challenger == name:
            raise StateError(
                f"{name} is being sent out in rollout {endpoint.rollout}.",
                f"Take it back instead: `kaizen rollback {endpoint.name}`.",
                {"release": name},
            )
        after = declined(before, because)
        books.releases.move(after, seen=before.state)
        _tell(books, house, after, by, Kind.APPROVAL_REFUSED, _last_about(books, name), {"because": because})
    return after


def package(house: House, name: str) -> Release:
    """Build the wheel of an approved release and keep it; doing it again changes nothing."""
    with house.records.reading() as books:
        release = books.releases.get(name)
        run = books.runs.get(release.run)
        version = books.models.get(release.model_version)
    if release.state is not ReleaseState.APPROVED:
        return release
    file, content = build_wheel(
        name=release.project,
        version=f"{release.number}.0.0",
        bundle=house.blobs.get(version.bundle),
        card=card(release, run),
    )
    digest = house.blobs.put(content)
    with house.records.writing() as books:
        after = replace(moved(release, ReleaseState.PACKAGED), wheel=digest)
        books.releases.move(after, seen=ReleaseState.APPROVED)
        facts = {"file": file, "bytes": len(content), "digest": digest}
        _tell(books, house, after, "system:packaging", Kind.RELEASE_PACKAGED, _last_about(books, name), facts)
    return after


def package_what_was_left(house: House) -> None:
    """Package approved releases whose process died before it could do so."""
    with house.records.reading() as books:
        limit = house.clock.now() - timedelta(seconds=PACKAGING_SECONDS)
        waiting = [each for each in books.releases.newest() if each.state is ReleaseState.APPROVED]
        left = [each.name for each in waiting if each.approved_at is not None and each.approved_at < limit]
    for name in left:
        try:
            package(house, name)
        except ConflictError:
            continue  # whoever approved it was slow, not dead


def _asked(release: Release) -> dict[str, object]:
    """Return what people are told who are asked for their decision."""
    asked: dict[str, object] = {"needed": release.review.needed, "digest": release.digest}
    if release.review.among:
        asked["among"] = list(release.review.among)
    if lacking(release):
        asked["missing"] = list(lacking(release))
    return asked


def _last_about(books: Books, name: str) -> int | None:
    """Return the newest event about a release: what the next one follows from."""
    kinds = (Kind.APPROVAL_GRANTED, Kind.GATE_OVERRIDDEN, Kind.APPROVAL_REQUESTED, Kind.RELEASE_PROPOSED)
    for kind in kinds:
        found = books.events.find(kind, f"release:{name}")
        if found:
            return found[-1].id
    return None


def _tell(
    books: Books, house: House, release: Release, actor: str, kind: Kind, cause: int | None, facts: Mapping[str, object]
) -> Event:
    draft = Draft(release.project, actor, kind, f"release:{release.name}", cause, house.data_at(books), facts)
    return books.events.append(draft, house.clock.now())
