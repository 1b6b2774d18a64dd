"""Who decides on a release: nobody while its gate holds it back, the declared policy, or a person."""

from __future__ import annotations

from enum import StrEnum

from kaizenml.core.declaration import Delivery
from kaizenml.core.release import Release

#: Who approves where a project declares that what its gate lets through is approved.
POLICY = "policy:approval"


class Decider(StrEnum):
    """Whose decision a release waits for."""

    NOBODY = "nobody"
    POLICY = "policy"
    PERSON = "person"


def decider(release: Release, delivery: Delivery) -> Decider:
    """Return whose decision the release waits for, by what its project declares.

    A release that was pushed past its gate always waits for a person, whatever the policy.
    """
    if not release.verdict.lets_through:
        return Decider.NOBODY
    if release.verdict.has_passed and delivery.approval == "policy":
        return Decider.POLICY
    return Decider.PERSON
