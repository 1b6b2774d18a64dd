"""What waits for a person: decisions, alerts that nobody has taken on, rows to label, gates that hold a model back."""

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
    LABEL = "label"  # rows that wait for one
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


@dataclass(frozen=True, slots=True)
class Move:
    """The move of a protected alias that was refused for want of approvals.

    Parameters
    ----------
    version
        How it is called where the alias shall go; the model alone where the alias shall be taken away.
    given, needed
        How many people have approved it, and how many must.
    """

    model: str
    alias: str
    version: str
    project: str
    by: str
    at: datetime
    given: int
    needed: int
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Rows of a project that wait for a label, and since when."""

    project: str
    rows: int
    since: datetime


def inbox(
    releases: Iterable[Release],
    endpoints: Iterable[Endpoint],
    alerts: Iterable[Alert],
    now: datetime,
    key: bytes,
    *,
    moves: Iterable[Move] = (),
    unlabelled: Iterable[Unlabelled] = (),
) -> list[Item]:
    """Return what waits, the most urgent first, and within that the longest first.

    Of the releases of a project only what is newer than its champion waits, and a gate that holds a model back is told
    of while no newer release was let through.
    """
    served = {endpoint.project: endpoint for endpoint in endpoints}
    known = sorted(releases, key=lambda each: -each.number)
    items = [item for alert in alerts if (item := _alerted(alert, served)) is not None]
    items += [*map(_moved, moves), *map(_to_label, unlabelled)]
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


def _moved(move: Move) -> Item:
    is_away = move.version == move.model
    where = "shall be taken away" if is_away else f"shall name {move.version}"
    says = f"{move.by} asked: {move.alias} of {move.model} {where}; {move.given} of {move.needed} people"
    says += f"{_among(move.among)} have approved it."
    then = f"kaizen models approve {move.version} --alias {move.alias}"
    return Item(Wants.DECIDE, f"model:{move.version}", move.project, move.at, says, then)


def _to_label(queue: Unlabelled) -> Item:
    says = f"{queue.rows:,} row{'s' if queue.rows != 1 else ''} of {queue.project} wait for a label."
    return Item(
        Wants.LABEL, f"queue:{queue.project}", queue.project, queue.since, says, f"kaizen label {queue.project}"
    )


def _among(names: tuple[str, ...]) -> str:
    return f" of {', '.join(names)}" if names else ""


def _waiting(release: Release, is_older: bool, now: datetime, key: bytes) -> Item | None:
    subject, then = f"release:{release.name}", f"kaizen approve {release.name}"
    if release.state is ReleaseState.GATED:
        given = len(counted(release.approvals, release.digest, now, key))
        among = _among(release.review.among)
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
