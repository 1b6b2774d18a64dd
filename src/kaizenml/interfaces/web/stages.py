"""Where a project is on its way round the loop, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kaizenml.core.alert import Alert
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Event, Kind
from kaizenml.core.finding import Severity
from kaizenml.core.job import Job, Work
from kaizenml.core.metric import PRIMARY
from kaizenml.core.release import Release, ReleaseState
from kaizenml.core.rollout import Phase, Rollout
from kaizenml.core.run import Run, RunState
from kaizenml.core.snapshot import Snapshot
from kaizenml.interfaces.web.words import counted, share, shortened


class Tone(StrEnum):
    """How a stage is, at a glance; also the name of its colour."""

    GOOD = "good"
    BUSY = "busy"
    WAITING = "waiting"
    BAD = "bad"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how it is, in a few words, and since when."""

    name: str
    tone: Tone
    said: str
    at: datetime | None = None


def data(snapshots: Sequence[Snapshot]) -> Stage:
    """Return the newest snapshot."""
    if not snapshots:
        return Stage("data", Tone.IDLE, "no data yet")
    newest = snapshots[0]
    aside = f", {newest.quarantined:,} kept aside" if newest.quarantined else ""
    return Stage("data", Tone.GOOD, f"{newest.name}: {counted(newest.rows, 'row')}{aside}", newest.created_at)


def train(runs: Sequence[Run], jobs: Sequence[Job]) -> Stage:
    """Return the newest run, or the one that waits."""
    waiting = [job for job in jobs if job.work is Work.RUN]
    if runs and runs[0].state is RunState.RUNNING:
        return Stage("train", Tone.BUSY, "a run is under way", runs[0].started_at)
    if waiting:
        return Stage("train", Tone.BUSY, "a run is queued", waiting[0].created_at)
    if not runs:
        return Stage("train", Tone.IDLE, "nothing trained yet")
    newest = runs[0]
    if newest.state is RunState.FAILED:
        return Stage("train", Tone.BAD, f"failed: {shortened(newest.error, 80)}", newest.finished_at)
    return Stage("train", Tone.GOOD, _score(newest), newest.finished_at)


def gate(releases: Sequence[Release]) -> Stage:
    """Return what the gate says of the newest release."""
    if not releases:
        return Stage("gate", Tone.IDLE, "nothing to judge yet")
    newest, verdict = releases[0], releases[0].verdict
    if verdict.has_passed:
        return Stage("gate", Tone.GOOD, f"passed {counted(len(verdict.checks), 'check')}", newest.created_at)
    failed = ", ".join(check.name for check in verdict.failed)
    if verdict.overridden_by:
        return Stage("gate", Tone.WAITING, f"overridden by {verdict.overridden_by}: {failed}", newest.created_at)
    return Stage("gate", Tone.BAD, f"held back: {failed}", newest.created_at)


def approve(releases: Sequence[Release]) -> Stage:
    """Return what was decided on the newest release."""
    if not releases:
        return Stage("approve", Tone.IDLE, "nothing to decide yet")
    newest = releases[0]
    if newest.state is ReleaseState.PROPOSED:
        return Stage("approve", Tone.IDLE, f"{newest.name} is held by its gate", newest.created_at)
    if newest.state is ReleaseState.GATED:
        missing = newest.review.needed - len(newest.approvals)
        whom = "a person" if missing == 1 else f"{missing} people"
        return Stage("approve", Tone.WAITING, f"{newest.name} waits for {whom}", newest.created_at)
    if newest.state is ReleaseState.DECLINED:
        return Stage("approve", Tone.BAD, f"declined: {shortened(newest.declined_because, 80)}", newest.created_at)
    return Stage("approve", Tone.GOOD, f"by {newest.approved_by or 'nobody'}", newest.approved_at)


def serve(endpoint: Endpoint | None, rollout: Rollout | None) -> Stage:
    """Return what answers requests."""
    if endpoint is None:
        return Stage("serve", Tone.IDLE, "nothing serves yet")
    if rollout is not None and not rollout.is_over:
        at = "in shadow" if rollout.state is Phase.SHADOW else f"at {share(rollout.share())}"
        return Stage("serve", Tone.BUSY, f"{rollout.challenger} {at}", rollout.step_started_at)
    return Stage("serve", Tone.GOOD, f"{endpoint.champion} serves", endpoint.champion_since or endpoint.changed_at)


def watch(alerts: Sequence[Alert], events: Sequence[Event]) -> Stage:
    """Return the worst open alert, or the newest window."""
    opened = [alert for alert in alerts if alert.is_open]
    if opened:
        is_bad = any(alert.severity is Severity.CRITICAL for alert in opened)
        tone = Tone.BAD if is_bad else Tone.WAITING
        return Stage("watch", tone, counted(len(opened), "open alert"), opened[-1].opened_at)
    windows = [event for event in events if event.kind is Kind.WINDOW_WATCHED]
    if not windows:
        return Stage("watch", Tone.IDLE, "no window watched yet")
    rows = windows[0].facts.get("rows")
    said = counted(rows, "row") if isinstance(rows, int) else "one window"
    return Stage("watch", Tone.GOOD, f"{said}, nothing is the matter", windows[0].at)


def improve(events: Sequence[Event], jobs: Sequence[Job]) -> Stage:
    """Return what the newest trigger did."""
    triggers = [event for event in events if event.kind in (Kind.TRIGGER_FIRED, Kind.TRIGGER_HELD)]
    if not triggers:
        return Stage("improve", Tone.IDLE, "no reason to retrain yet")
    newest = triggers[0]
    because = shortened(str(newest.facts.get("because", "")), 80)
    if newest.kind is Kind.TRIGGER_HELD:
        return Stage("improve", Tone.WAITING, f"held: {because}", newest.at)
    tone = Tone.BUSY if any(job.cause == newest.id for job in jobs) else Tone.GOOD
    return Stage("improve", tone, f"retrained: {because}" if tone is Tone.GOOD else because, newest.at)


def _score(run: Run) -> str:
    for metric in PRIMARY.values():
        if metric in run.metrics:
            return f"{run.model_version or 'trained'}: {metric} {run.metrics[metric].value:.3f}"
    return run.model_version or "trained"
