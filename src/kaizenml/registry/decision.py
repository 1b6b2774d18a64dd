"""Who decides on a release: nobody while its gate holds it back, the declared policy, or a person."""

from __future__ import annotations

from enum import StrEnum

from kaizenml.core.approval import missing_evidence
from kaizenml.core.release import Release


class Decider(StrEnum):
    """Whose decision a release waits for."""

    NOBODY = "nobody"
    POLICY = "policy"
    PERSON = "person"


def decider(release: Release) -> Decider:
    """Return whose decision the release waits for, by what its project declared when it was proposed.

    A release that was pushed past its gate always waits for a person, whatever the policy.
    """
    if not release.verdict.lets_through:
        return Decider.NOBODY
    if release.verdict.has_passed and release.review.evidence is not None and not lacking(release):
        return Decider.POLICY
    return Decider.PERSON


def lacking(release: Release) -> tuple[str, ...]:
    """Return the evidence that the declared policy asks for and the gate does not hold."""
    passed = [check.name for check in release.verdict.checks if check.has_passed]
    return missing_evidence(release.review.evidence or (), passed)
