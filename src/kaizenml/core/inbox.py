"""What waits for a person: decisions on releases, alerts that nobody has taken on, gates that hold a model back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kaizenml.core.alert import Alert, AlertState
from kaizenml.core.approval import counted
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.release import Release, ReleaseState, is_approved


class Wants(StrEnum):
    """What is wanted of a person, the most urgent first."""

    LOOK = "look"  # at an alert that fires
    DECIDE = "decide"  # on a release that its gate lets through
    RENEW = "renew"  # approvals that lapsed before the release went out
    IMPROVE = "improve"  # a model that its gate holds back


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits for somebody.

    Parameters
    ----------
    subject
        As events name it: ``release:churn/3``, ``alert:…``.
    since
        From when it has waited.
    says
        What it is about, in a sentence.
    then
        The command that deals with it.
    """

    wants: Wants
    subject: str
    project: str
    since: datetime
    says: str
    then: str


def inbox(
    releases: Iterable[Release], endpoints: Iterable[Endpoint], alerts: Iterable[Alert], now: datetime, key: bytes
) -> list[Item]:
    """Return what waits, the most urgent first, and within that the longest first.

    Of the releases of a project only what is newer than its champion waits, and a gate that holds a model back is told
    of while no newer release was let through.
    """
    served = {endpoint.project: endpoint for endpoint in endpoints}
    known = sorted(releases, key=lambda each: -each.number)
    items = [item for alert in alerts if (item := _alerted(alert, served)) is not None]
    passed: set[str] = set()
    for release in known:
        endpoint = served.get(release.project)
        if endpoint and release.number <= int(endpoint.champion.rpartition("/")[2]):
            continue
        item = _waiting(release, release.project in passed, now, key)
        if release.state is not ReleaseState.DECLINED:
            passed.add(release.project)
        if item is not None and not (endpoint and endpoint.rollout and item.wants is Wants.RENEW):
            items.append(item)
    order = list(Wants)
    return sorted(items, key=lambda item: (order.index(item.wants), item.since, item.subject))


def _alerted(alert: Alert, served: dict[str, Endpoint]) -> Item | None:
    if alert.state is not AlertState.FIRING:
        return None
    project = next((each.project for each in served.values() if each.name == alert.endpoint), alert.endpoint)
    then = f"kaizen monitor {alert.endpoint}"
    return Item(Wants.LOOK, f"alert:{alert.id}", project, alert.opened_at, alert.finding.sentence, then)


def _waiting(release: Release, is_older: bool, now: datetime, key: bytes) -> Item | None:
    subject, then = f"release:{release.name}", f"kaizen approve {release.name}"
    if release.state is ReleaseState.GATED:
        given = len(counted(release.approvals, release.digest, now, key))
        among = f" of {', '.join(release.review.among)}" if release.review.among else ""
        says = f"{release.name} passed its gate; {given} of {release.review.needed} people{among} have approved it."
        return Item(Wants.DECIDE, subject, release.project, release.created_at, says, then)
    if release.state in (ReleaseState.APPROVED, ReleaseState.PACKAGED) and not is_approved(release, now, key):
        lapsed = max((each.until for each in release.approvals), default=release.created_at)
        return Item(Wants.RENEW, subject, release.project, lapsed, f"The approval of {release.name} has lapsed.", then)
    if release.state is ReleaseState.PROPOSED and not is_older:
        failed = ", ".join(check.name for check in release.verdict.failed)
        says = f"{release.name} did not pass its gate: {failed}."
        return Item(Wants.IMPROVE, subject, release.project, release.created_at, says, f"kaizen report {release.name}")
    return None
