"""Who may let a release go out: how many people, which of them, whose hands were on it, and for how long."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from kaizenml.core.digest import Digest, canonical
from kaizenml.errors import ApprovalError

#: Who approves where a project declares that evidence suffices.
POLICY = "policy:approval"
_ADDRESS = re.compile(r"<([^<>@\s]+)@([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Review:
    """What a project asks of the decision on its releases.

    Parameters
    ----------
    needed
        How many people must approve.
    among
        Who they may be; whoever has the permission where nobody is named.
    days
        For so long an approval holds: a release that is not sent out by then needs another.
    evidence
        None: people decide. Else what must have been checked, and passed, for the declared policy to approve by itself:
        requirements such as ``beats_champion``, or whole checks such as ``beats_champion(roc_auc)``.
    """

    needed: int = 1
    among: tuple[str, ...] = ()
    days: float = 30.0
    evidence: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who had a hand in a release, and what they did: they are not among its approvers."""

    who: str
    did: str


@dataclass(frozen=True, slots=True)
class Approval:
    """One decision to let a release go out.

    Parameters
    ----------
    digest
        Of the release as it was when this was decided: a changed release needs another approval.
    until
        When it lapses.
    seal
        What only the holder of the home's key can have written over all of it.
    """

    by: str
    at: datetime
    digest: Digest
    until: datetime
    because: str = ""
    seal: str = ""


def approval(by: str, digest: Digest, review: Review, at: datetime, key: bytes, *, because: str = "") -> Approval:
    """Return the approval of what has this digest, sealed, to lapse when the review says so."""
    return sealed(Approval(by, at, digest, at + timedelta(days=review.days), because), key)


def sealed(of: Approval, key: bytes) -> Approval:
    """Return the approval with its seal: HMAC-SHA256 (RFC 2104) over the canonical text of everything else."""
    return replace(of, seal=_seal(of, key))


def is_genuine(of: Approval, key: bytes) -> bool:
    """Say whether the seal is that of the key's holder over just this approval."""
    return hmac.compare_digest(of.seal, _seal(of, key))


def counted(approvals: Iterable[Approval], digest: Digest, now: datetime, key: bytes) -> tuple[Approval, ...]:
    """Return the approvals that count now: of this digest, not lapsed, genuine."""
    return tuple(each for each in approvals if each.digest == digest and now < each.until and is_genuine(each, key))


def suffice(approvals: Iterable[Approval], review: Review) -> bool:
    """Say whether approvals that count are as many as the review asks for; the declared policy's is enough alone."""
    given = tuple(approvals)
    if review.evidence is not None and any(each.by == POLICY for each in given):
        return True
    return len([each for each in given if each.by != POLICY]) >= review.needed


def names_of(who: str) -> frozenset[str]:
    """Return all that somebody may be known by, in small letters.

    Of ``Ada Lovelace <ada@example.org>``, as git has it, that is the name, the address and what stands before its @; of
    ``person:ada``, as the log has it, ``ada``.
    """
    found = _ADDRESS.search(who)
    if found:
        plain = who[: found.start()].strip()
        names = {plain, f"{found[1]}@{found[2]}", found[1]}
    else:
        plain = who.removeprefix("person:").strip()
        names = {plain, plain.partition("@")[0]}
    return frozenset(name.casefold() for name in names if name)


def hand_of(hands: Iterable[Hand], who: str, known_as: Iterable[str] = ()) -> Hand | None:
    """Return the hand that somebody had in a release, by any name they are known by; None when they had none."""
    mine = names_of(who).union(*(names_of(name) for name in known_as))
    return next((hand for hand in hands if not hand.who.startswith("system:") and names_of(hand.who) & mine), None)


def check_approver(
    what: str, by: str, hands: Iterable[Hand], before: Iterable[Approval], review: Review, *,
    known_as: Iterable[str] = (), of: str = "", command: str = "",
) -> None:  # fmt: skip
    """Refuse who may not approve something: programs, those with a hand in it, strangers, and who has approved already.

    Parameters
    ----------
    what
        What is approved, as people call it: ``flights/3``.
    before
        The approvals that count already.
    known_as
        Further names of the approver, such as their address.
    of
        Whose approvers the review names.
    command
        What another approver would run.

    Raises
    ------
    ApprovalError
        Saying which of these it is.
    """
    if by == POLICY:
        return
    known, details = tuple(known_as), {"release": what}
    if by.startswith("service:"):
        raise ApprovalError(
            f"{by} is a program, and people decide on {what}.",
            "Let a person approve it, or declare `kz.policy(…)` for what may go out unattended.",
            details,
        )
    hand = hand_of(hands, by, known)
    if hand is not None:
        whom = "" if hand.who == by else f" (as {hand.who})"
        raise ApprovalError(
            f"{by} had a hand in {what}: {hand.did}{whom}. So {by} cannot approve it.",
            f"Ask another approver to run `{command}`.",
            {**details, "hand": hand.did},
        )
    mine = names_of(by).union(*(names_of(name) for name in known))
    if review.among and not any(names_of(name) & mine for name in review.among):
        raise ApprovalError(
            f"{by} is not among the approvers of {of}: {', '.join(review.among)}.", "Ask one of them.", details
        )
    if any(names_of(each.by) & mine for each in before):
        raise ApprovalError(
            f"{by} has approved {what} already; it needs {review.needed} people.", "Ask another approver.", details
        )


def missing_evidence(evidence: Iterable[str], passed: Iterable[str]) -> tuple[str, ...]:
    """Return what the policy asks for that no passed check is: by requirement (``slices``) or whole (``slices(a)``)."""
    known = {name for check in passed for name in (check, check.partition("(")[0])}
    return tuple(name for name in evidence if name not in known)


def _seal(of: Approval, key: bytes) -> str:
    told = [of.by, of.at.isoformat(), of.digest, of.until.isoformat(), of.because]
    return hmac.new(key, canonical(told), sha256).hexdigest()
