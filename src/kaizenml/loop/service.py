"""What people and programs may ask of the loop through the control plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaizenml._version import __version__
from kaizenml.core.alert import acknowledged
from kaizenml.core.event import Draft, Kind
from kaizenml.core.inbox import Item
from kaizenml.core.ports import Records
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop import cancelling, controller, delivering, releasing, resuming, run_ordering
from kaizenml.loop.data_service import LoopData
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.ordering import queue_run, queue_tuning
from kaizenml.loop.waiting import waiting
from kaizenml.loop.wiring import House


@dataclass(frozen=True, slots=True)
class LoopService:
    """The loop, as the control plane sees it."""

    house: House

    @property
    def records(self) -> Records:
        """The books."""
        return self.house.records

    @property
    def data(self) -> LoopData:
        """The data of every project."""
        return LoopData(self.house)

    @property
    def notify(self) -> LoopNotify:
        """Who is told of what happens."""
        return LoopNotify(self.house)

    @property
    def name(self) -> str:
        """The name of the project's folder."""
        return self.house.settings.folder.name

    @property
    def version(self) -> str:
        """The version of this package."""
        return __version__

    def now(self) -> datetime:
        """Return the wall's time, in UTC."""
        return self.house.clock.now()

    def approve(self, name: str, *, by: str, override: bool, because: str, digest: str) -> object:
        """Approve the release, and package it once enough people have."""
        return releasing.approve(self.house, name, by, override=override, because=because, digest=digest)

    def waiting(self, project: str | None) -> Sequence[Item]:
        """Return what waits for people."""
        with self.records.reading() as books:
            return waiting(books, self.house, project)

    def decline(self, name: str, *, by: str, because: str) -> object:
        """Decline the release."""
        return releasing.decline(self.house, name, by, because)

    def ship(self, release: str, *, canary: tuple[int, ...] | None, shadow: bool, by: str) -> object:
        """Send the release out."""
        with self.records.writing() as books:
            return delivering.ship(books, self.house, release, by, canary=canary, in_shadow=shadow)

    def rollback(self, endpoint: str, *, by: str) -> object:
        """Give the endpoint back to the release before."""
        with self.records.writing() as books:
            return delivering.roll_back(books, self.house, endpoint, by)

    def trigger(self, project: str, *, by: str, reason: str, facts: Mapping[str, object]) -> object:
        """Queue a run of the project; of one that goes on with another, with what that was asked for."""
        facts = resuming.asked_before(self.house, project, facts)
        with self.records.writing() as books:
            declared = books.declarations.get(project)
            why = {"because": reason}
            draft = Draft(project, by, Kind.TRIGGER_FIRED, f"project:{project}", None, self.house.data_at(books), why)
            event = books.events.append(draft, self.now())
            return queue_run(books, self.house, declared, by=by, cause=event.id, more=facts)

    def tune(self, project: str, *, by: str, trials: int, seconds: float | None) -> object:
        """Queue a search for better parameters."""
        with self.records.writing() as books:
            declared = books.declarations.get(project)
            return queue_tuning(books, self.house, declared, by=by, trials=trials, seconds=seconds)

    def compare(self, runs: Sequence[str], *, by: str) -> object:
        """Queue a comparison of runs."""
        return run_ordering.queue_comparison(self.house, runs, by=by)

    def rerun(self, run: str, *, by: str, anyway: bool) -> object:
        """Queue an old run to be executed again."""
        return run_ordering.queue_rerun(self.house, run, by=by, anyway=anyway)

    def accept(self, project: str, step: str, *, by: str, because: str) -> object:
        """Queue the declaration that a step's changed code gives what it gave."""
        return run_ordering.queue_acceptance(self.house, project, step, by=by, because=because)

    def found(self, job: str) -> bytes:
        """Return, as JSON, what such a job found."""
        return run_ordering.document(self.house, job)

    def cancel(self, run: str, *, by: str) -> object:
        """Cancel a run that is queued or under way."""
        return cancelling.cancel(self.house, run, by=by)

    def acknowledge(self, alert: str, *, by: str) -> object:
        """Take on an alert."""
        with self.records.writing() as books:
            known = {each.id: each for each in books.alerts.unresolved()}
            if alert not in known:
                raise NotFoundError("unresolved alert", alert, known)
            after = acknowledged(known[alert], by, self.now())
            books.alerts.save(after)
            facts = {"alert": alert, "monitor": after.monitor}
            endpoint = books.endpoints.find(after.endpoint)
            project = endpoint.project if endpoint else after.endpoint  # alerts about data: the project's own name
            subject = f"endpoint:{after.endpoint}" if endpoint else f"project:{after.endpoint}"
            draft = Draft(project, by, Kind.ALERT_ACKNOWLEDGED, subject, after.event, self.house.data_at(books), facts)
            books.events.append(draft, self.now())
            return after

    def advance_clock(self, to: datetime, *, by: str) -> object:
        """Let the data's clock of a replay reach a time; it never goes back."""
        if not self.house.settings.is_replay:
            raise StateError("The data's clock is the wall's here.", 'Set clock = "data" in kaizen.toml for a replay.')
        if to.tzinfo is None:
            raise UsageError(f"{to.isoformat()} has no zone.", "Write it as 2013-02-01T00:00:00Z.")
        with self.records.writing() as books:
            reached = books.notes.get("clock", "data")
            if reached and datetime.fromisoformat(str(reached)) > to:
                raise StateError(f"The data's clock has reached {reached} and does not go back to {to.isoformat()}.")
            books.notes.put("clock", "data", to.isoformat())
            if not reached or to.date() != datetime.fromisoformat(str(reached)).date():
                facts = {"to": to.isoformat()}
                draft = Draft(self.name, by, Kind.CLOCK_ADVANCED, "clock:data", None, to, facts)
                books.events.append(draft, self.now())
        return {"data_now": to.isoformat()}

    def loop_state(self) -> Mapping[str, Any]:
        """Return what the controller and the workers are doing."""
        return controller.state(self.house)
