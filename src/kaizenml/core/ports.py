"""What the core asks of the world: small ports, each with one contract suite over all its adapters.

Metadata is one set of books under one transaction (`Records`), because a state and the event that tells of it must be
written together; each book is a port of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from kaizenml.core.alert import Alert
from kaizenml.core.declaration import Declaration
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.job import Job, JobState, Work
from kaizenml.core.lineage import Links
from kaizenml.core.mlflow.rows import Clients
from kaizenml.core.model import ModelVersion
from kaizenml.core.outbox import Letters
from kaizenml.core.outbox import Notifier as Notifier
from kaizenml.core.query import Query
from kaizenml.core.registry import Registry
from kaizenml.core.release import Release, ReleaseState
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run, RunLine
from kaizenml.core.series import Last, Point
from kaizenml.core.snapshot import Snapshot
from kaizenml.core.stores import BlobLine as BlobLine
from kaizenml.core.stores import Blobs as Blobs
from kaizenml.core.stores import Tables as Tables
from kaizenml.core.trail import Trail


class Events(Protocol):
    """The append-only, hash-chained log."""

    def append(self, draft: Draft, at: datetime) -> Event:
        """Give the draft the next place in the log."""
        ...

    def get(self, id_: int) -> Event:
        """Return one event, or raise `NotFoundError`."""
        ...

    def after(self, id_: int = 0, *, limit: int = 10_000) -> list[Event]:
        """Return events behind this one, oldest first."""
        ...

    def newest(self, *, limit: int = 100, project: str | None = None) -> list[Event]:
        """Return the newest events, newest first."""
        ...

    def search(self, trail: Trail, *, limit: int, is_newest_first: bool = False) -> list[Event]:
        """Return the first events that are asked for: the oldest of them, or the newest, in that order."""
        ...

    def find(self, kind: Kind, subject: str | None = None, *, project: str | None = None) -> list[Event]:
        """Return the events of a kind (and subject), oldest first."""
        ...

    def actors(self, project: str, kinds: Collection[Kind], *, after: int = 0) -> Mapping[str, Kind]:
        """Return who did things of these kinds in a project behind an event, each with the kind of the last of them."""
        ...


class Jobs(Protocol):
    """The queue. Every change is compare-and-set: a worker that lost its lease is refused."""

    def enqueue(self, job: Job) -> Job:
        """Queue a job; when one with its key exists already, return that one instead."""
        ...

    def claim(self, works: Collection[Work], worker: str, now: datetime) -> Job | None:
        """Take the oldest queued job of these kinds, if there is one."""
        ...

    def save(self, job: Job, *, fence: int) -> None:
        """Write a job back; raise `ConflictError` unless its stored fence is this one."""
        ...

    def get(self, id_: str) -> Job:
        """Return one job, or raise `NotFoundError`."""
        ...

    def unfinished(self, project: str | None = None) -> list[Job]:
        """Return the jobs that are queued or leased, oldest first."""
        ...

    def newest(self, *, limit: int = 100) -> list[Job]:
        """Return the newest jobs, newest first."""
        ...

    def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs there are in each state."""
        ...

    def clear(self, work: Work, *, keep: int) -> int:
        """Delete the jobs of a kind that are over, but for the newest; return how many went."""
        ...


class Runs(Protocol):
    """What ran."""

    def save(self, run: Run) -> None:
        """Write a run, new or changed. One that has ended may change its name and tags only: `StateError`."""
        ...

    def add_all(self, runs: Sequence[Run]) -> None:
        """Write runs that are not there yet, in as many statements as for one."""
        ...

    def get(self, id_: str) -> Run:
        """Return one run, or raise `NotFoundError` with the close match."""
        ...

    def find(self, id_: str) -> Run | None:
        """Return one run, or None."""
        ...

    def newest(self, project: str | None = None, *, limit: int = 100) -> list[Run]:
        """Return the newest runs, newest first."""
        ...

    def search(self, query: Query, *, limit: int = 100, after: int = 0) -> list[RunLine]:
        """Return the runs that fulfil a query, in its order, without the first ``after`` of them."""
        ...

    def names(self) -> Mapping[str, Collection[str]]:
        """Return which ``metrics``, ``params`` and ``tags`` there are, over all runs."""
        ...


class Series(Protocol):
    """Metrics as series of points, by run and name."""

    def append(self, run: str, points: Mapping[str, Sequence[Point]]) -> None:
        """Add points to series of a run, whatever their steps; the run's latest values follow."""
        ...

    def add_all(self, points: Mapping[str, Mapping[str, Sequence[Point]]]) -> None:
        """Write series that are not there yet, by run and name, in as many statements as for one.

        What runs are found by does not follow: they have their latest values already.
        """
        ...

    def count(self, runs: Collection[str]) -> int:
        """Return how many points some runs have."""
        ...

    def last(self, run: str) -> Mapping[str, Last]:
        """Return each series of a run in a line, by name."""
        ...

    def read(self, run: str, name: str) -> list[Point]:
        """Return the points of one series by step, time and value; none when there is no such series."""
        ...


class Snapshots(Protocol):
    """Versions of data, and which batches have been loaded into which table (the ledger)."""

    def add(self, snapshot: Snapshot) -> None:
        """Write a new snapshot; `ConflictError` when its number is taken."""
        ...

    def get(self, name: str) -> Snapshot:
        """Return the snapshot called ``project@number``, or raise `NotFoundError`."""
        ...

    def newest(self, project: str, *, limit: int = 100) -> list[Snapshot]:
        """Return the newest snapshots, newest first."""
        ...

    def loaded(self, table: str) -> Mapping[str, int]:
        """Return the keys of the batches in a table, with the table version each became."""
        ...

    def load(self, table: str, key: str, version: int) -> None:
        """Note that a batch is in a table; noting it again changes nothing."""
        ...


class Models(Protocol):
    """Model versions."""

    def add(self, version: ModelVersion) -> None:
        """Write a new version, and enter it in the registry; `ConflictError` when its number is taken."""
        ...

    def get(self, name: str) -> ModelVersion:
        """Return the version called ``model:number``, or raise `NotFoundError`."""
        ...

    def newest(self, model: str | None = None, *, limit: int = 100) -> list[ModelVersion]:
        """Return the newest versions, newest first: of one model by number, of all by time."""
        ...


class Releases(Protocol):
    """Releases; they move by compare-and-set only."""

    def add(self, release: Release) -> None:
        """Write a new release; `ConflictError` when its number is taken."""
        ...

    def get(self, name: str) -> Release:
        """Return the release called ``project/number``, or raise `NotFoundError`."""
        ...

    def move(self, release: Release, *, seen: ReleaseState) -> None:
        """Write a release back; raise `ConflictError` unless its stored state is the one that was seen."""
        ...

    def newest(self, project: str | None = None, *, limit: int = 100) -> list[Release]:
        """Return the newest releases, newest first: of one project by number, of all by time."""
        ...


class Endpoints(Protocol):
    """Endpoints and their rollouts; endpoints change by compare-and-set on their generation only."""

    def get(self, name: str) -> Endpoint:
        """Return an endpoint, or raise `NotFoundError`."""
        ...

    def find(self, name: str) -> Endpoint | None:
        """Return an endpoint, or None."""
        ...

    def all(self) -> list[Endpoint]:
        """Return every endpoint, by name."""
        ...

    def save(self, endpoint: Endpoint, *, seen: int) -> None:
        """Write an endpoint (``seen`` 0: a new one); `ConflictError` unless its stored generation is the one seen."""
        ...

    def rollout(self, id_: str) -> Rollout:
        """Return a rollout, or raise `NotFoundError`."""
        ...

    def save_rollout(self, rollout: Rollout) -> None:
        """Write a rollout, new or changed. One that has ended stays as it is: `StateError`."""
        ...

    def rollouts(self, endpoint: str, *, limit: int = 100) -> list[Rollout]:
        """Return the rollouts of an endpoint, newest first."""
        ...


class Alerts(Protocol):
    """Alerts, each under its fingerprint; an ended one makes room for the next."""

    def save(self, alert: Alert) -> None:
        """Write an alert, new or changed. After a resolved one, the next of its fingerprint is a new entry."""
        ...

    def forget(self, id_: str) -> None:
        """Take away the pending alert of this fingerprint, of which nothing is left; without one, change nothing."""
        ...

    def unresolved(self, endpoint: str | None = None) -> list[Alert]:
        """Return the alerts that are not resolved, oldest first."""
        ...

    def newest(self, *, limit: int = 100) -> list[Alert]:
        """Return all alerts, newest first."""
        ...


class Notes(Protocol):
    """Small states by name, each a JSON value: where a monitor stands, what a window was found to be."""

    def get(self, kind: str, name: str) -> object | None:
        """Return the value, or None."""
        ...

    def put(self, kind: str, name: str, value: object) -> None:
        """Write the value in place of the one before."""
        ...

    def forget(self, kind: str, name: str) -> None:
        """Take the value away; without one, change nothing."""
        ...

    def all(self, kind: str) -> dict[str, object]:
        """Return every value of a kind, by name, in the order of the names."""
        ...

    def last(self, kind: str, prefix: str, *, limit: int = 100) -> dict[str, object]:
        """Return the values of a kind with the last names that begin so, in the order of the names."""
        ...


class Declarations(Protocol):
    """What projects declare."""

    def save(self, declaration: Declaration) -> None:
        """Write what a project declares, in place of what it declared before."""
        ...

    def get(self, project: str) -> Declaration:
        """Return what a project declares, or raise `NotFoundError`."""
        ...

    def all(self) -> list[Declaration]:
        """Return what every project declares."""
        ...


class Books(Protocol):
    """All books, within one transaction."""

    @property
    def events(self) -> Events: ...  # noqa: D102
    @property
    def jobs(self) -> Jobs: ...  # noqa: D102
    @property
    def runs(self) -> Runs: ...  # noqa: D102
    @property
    def series(self) -> Series: ...  # noqa: D102
    @property
    def snapshots(self) -> Snapshots: ...  # noqa: D102
    @property
    def models(self) -> Models: ...  # noqa: D102
    @property
    def releases(self) -> Releases: ...  # noqa: D102
    @property
    def endpoints(self) -> Endpoints: ...  # noqa: D102
    @property
    def alerts(self) -> Alerts: ...  # noqa: D102
    @property
    def notes(self) -> Notes: ...  # noqa: D102
    @property
    def declarations(self) -> Declarations: ...  # noqa: D102
    @property
    def clients(self) -> Clients: ...  # noqa: D102
    @property
    def lineage(self) -> Links: ...  # noqa: D102
    @property
    def letters(self) -> Letters: ...  # noqa: D102
    @property
    def registry(self) -> Registry: ...  # noqa: D102

    def texts(self) -> Iterator[str]:
        """Return every text that a record holds, for whoever looks for what is named anywhere; not the events'."""
        ...


class Records(Protocol):
    """Metadata: durable, transactional."""

    def reading(self) -> AbstractContextManager[Books]:
        """Open the books to read one consistent state."""
        ...

    def writing(self) -> AbstractContextManager[Books]:
        """Open the books to write: all of it becomes durable at the end, or nothing when an error leaves the block."""
        ...

    def mark(self) -> tuple[int, ...]:
        """Return numbers that change when something has been written, by anybody; looking is cheap."""
        ...


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Return the wall's time, aware, in UTC."""
        ...
