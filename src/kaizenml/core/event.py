"""The append-only, hash-chained log: what happened, who did it, and because of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kaizenml.core.digest import Digest, digest_of
from kaizenml.errors import IntegrityError

#: What the first event names as its predecessor.
GENESIS = Digest("0" * 64)


class Kind(StrEnum):
    """What can happen."""

    PROJECT_CREATED = "project.created"
    DATA_ARRIVED = "data.arrived"
    SNAPSHOT_CREATED = "snapshot.created"
    ROWS_QUARANTINED = "rows.quarantined"
    ROWS_ERASED = "rows.erased"
    ROW_DECIDED = "row.decided"
    QUEUE_FILLED = "queue.filled"
    LABEL_ADDED = "label.added"
    LABELS_IMPORTED = "labels.imported"
    LABELS_JOINED = "labels.joined"
    CONTRACT_ACCEPTED = "contract.accepted"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    RUNS_IMPORTED = "runs.imported"
    STEP_ACCEPTED = "step.accepted"
    GATE_PASSED = "gate.passed"
    GATE_FAILED = "gate.failed"
    GATE_OVERRIDDEN = "gate.overridden"
    MODEL_CREATED = "model.created"
    MODEL_RENAMED = "model.renamed"
    MODEL_DELETED = "model.deleted"
    VERSION_REGISTERED = "version.registered"
    VERSION_DELETED = "version.deleted"
    STAGE_CHANGED = "stage.changed"
    TAG_CHANGED = "tag.changed"
    ALIAS_MOVED = "alias.moved"
    RELEASE_PROPOSED = "release.proposed"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_GRANTED = "approval.granted"
    APPROVAL_REFUSED = "approval.refused"
    RELEASE_PACKAGED = "release.packaged"
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_STEP = "rollout.step"
    ROLLOUT_FINISHED = "rollout.finished"
    ROLLOUT_ABORTED = "rollout.aborted"
    ROLLBACK_FINISHED = "rollback.finished"
    CHAMPION_CHANGED = "champion.changed"
    WINDOW_WATCHED = "window.watched"
    ALERT_OPENED = "alert.opened"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_RESOLVED = "alert.resolved"
    TRIGGER_FIRED = "trigger.fired"
    TRIGGER_HELD = "trigger.held"
    BACKTEST_FINISHED = "backtest.finished"
    JOB_FAILED = "job.failed"
    BLOB_DAMAGED = "blob.damaged"
    CLOCK_ADVANCED = "clock.advanced"
    TOKEN_ISSUED = "token.issued"
    TOKEN_REVOKED = "token.revoked"
    SUBSCRIPTION_ADDED = "subscription.added"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_REMOVED = "subscription.removed"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_TESTED = "subscription.tested"
    SECRET_ROTATED = "secret.rotated"
    LETTER_DIED = "letter.died"
    LETTER_SENT_AGAIN = "letter.sent_again"
    SETUP_BEGUN = "setup.begun"
    SETUP_FINISHED = "setup.finished"
    SIGNED_IN = "user.signed_in"
    SIGNED_OUT = "user.signed_out"
    SIGN_IN_REFUSED = "user.refused"
    USER_SHUT_OUT = "user.shut_out"
    USER_LET_IN = "user.let_in"
    USER_FORGOTTEN = "user.forgotten"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before the log has given it a place.

    ``subject`` is written ``noun:name`` (``release:flights/3``); ``actor`` likewise (``person:ada``,
    ``policy:approval``, ``monitor:performance``, ``system:controller``). ``cause`` is the id of the event that made
    this one happen.
    ``data_at`` is the time on the data's clock, where that differs from the wall's.
    """

    project: str
    actor: str
    kind: Kind
    subject: str
    cause: int | None = None
    data_at: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. ``hash`` covers every other field and so, through ``previous``, all that came before."""

    id: int
    at: datetime
    project: str
    actor: str
    kind: Kind
    subject: str
    cause: int | None
    data_at: datetime | None
    facts: Mapping[str, object]
    previous: Digest
    hash: Digest


def chained(draft: Draft, *, after: Event | None, at: datetime) -> Event:
    """Return the draft as the event that follows ``after`` (None: the first of all)."""
    id_ = after.id + 1 if after else 1
    previous = after.hash if after else GENESIS
    return Event(
        id=id_,
        at=at,
        project=draft.project,
        actor=draft.actor,
        kind=draft.kind,
        subject=draft.subject,
        cause=draft.cause,
        data_at=draft.data_at,
        facts=dict(draft.facts),
        previous=previous,
        hash=_hash(id_, at, draft, previous),
    )


def verify(events: Iterable[Event]) -> int:
    """Check that a whole log, in order, is what was written; return how many events it has.

    Raises
    ------
    IntegrityError
        Where an event was changed, removed or put in.
    """
    last: Event | None = None
    for event in events:
        draft = Draft(event.project, event.actor, event.kind, event.subject, event.cause, event.data_at, event.facts)
        if event != chained(draft, after=last, at=event.at):
            raise IntegrityError(
                f"Event {event.id} ({event.kind}) is not what was written after event {last.id if last else 0}.",
                "Somebody changed the log; restore it from a backup.",
                {"event": event.id},
            )
        last = event
    return last.id if last else 0


def causes(event: Event, log: Mapping[int, Event]) -> list[Event]:
    """Return the chain that led to an event: itself first, then its cause, and so on to the root."""
    chain = [event]
    while (cause := chain[-1].cause) is not None and cause in log:
        chain.append(log[cause])
    return chain


def _hash(id_: int, at: datetime, draft: Draft, previous: Digest) -> Digest:
    return digest_of(
        [
            id_,
            at.isoformat(),
            draft.project,
            draft.actor,
            str(draft.kind),
            draft.subject,
            draft.cause,
            draft.data_at.isoformat() if draft.data_at else None,
            dict(draft.facts),
            previous,
        ]
    )
