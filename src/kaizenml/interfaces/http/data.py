"""The routes about a project's data: its snapshots, the rows in quarantine, its contract, looks at its source."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import Field, StrictBool

from kaizenml.core.account import Permission
from kaizenml.data.quarantine import RowState
from kaizenml.errors import StateError
from kaizenml.interfaces.http import views
from kaizenml.interfaces.http.acting import Body, Name, Reason
from kaizenml.interfaces.http.data_service import Data, HasData
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service

Called = Annotated[str, Field(min_length=1, max_length=200, description="a snapshot's name, number, pin, or newest")]
Cell = Annotated[str, Field(max_length=100_000)]
Limit = Annotated[int, Query(ge=1, le=1000)]


class Doing(Body):
    """Who does it."""


class Restoring(Doing):
    """Which snapshot's rows become the newest version."""

    snapshot: Called


class Pinning(Doing):
    """Which snapshot gets the name."""

    name: Name
    snapshot: Called = "newest"


class Unpinning(Doing):
    """Which name is taken away."""

    name: Name


class Exploring(Doing):
    """Which snapshot is explored, the newest unless told otherwise, and which one it is held against."""

    snapshot: Annotated[str, Field(max_length=200)] = ""
    against: Annotated[str, Field(max_length=200)] = ""


class Clearing(Doing):
    """Whether files are only counted, and for how long ones in use are spared."""

    dry_run: StrictBool = False
    grace_hours: Annotated[float, Field(ge=0, le=10_000)] = 24.0


class Forgetting(Doing):
    """Whose rows are erased, by a column (the project's id unless told otherwise), and why."""

    value: Annotated[str, Field(min_length=1, max_length=10_000)]
    because: Reason
    column: Name = ""
    give_up: StrictBool = False


class Deciding(Doing):
    """Who decides, and why."""

    because: Reason = ""


class Repairing(Deciding):
    """The new cells, null for an empty one; without any, those that are suggested."""

    cells: Annotated[dict[Name, Cell | None], Field(max_length=1000)] = Field(default_factory=dict)


def add_data(routes: Routes, service: Service) -> None:
    """Add the routes."""
    told = DataRoutes(service)
    base = "/api/v1/projects/{name}"
    routes.get(f"{base}/snapshots", told.log, permission=Permission.VIEW)
    routes.get(f"{base}/snapshots/diff", told.diff, permission=Permission.VIEW)
    routes.post(f"{base}/snapshots/restore", told.restore, permission=Permission.OPERATE)
    routes.post(f"{base}/snapshots/pin", told.pin, permission=Permission.RUN)
    routes.post(f"{base}/snapshots/unpin", told.unpin, permission=Permission.OPERATE)
    routes.get(f"{base}/quarantine", told.quarantined, permission=Permission.VIEW)
    routes.post(f"{base}/quarantine/{{row}}/repair", told.repair, permission=Permission.OPERATE)
    routes.post(f"{base}/quarantine/{{row}}/release", told.release, permission=Permission.OPERATE)
    routes.post(f"{base}/quarantine/{{row}}/drop", told.drop, permission=Permission.OPERATE)
    routes.get(f"{base}/quarantine/{{row}}", told.quarantined_row, permission=Permission.VIEW)
    routes.get(f"{base}/snapshots/{{snapshot}}/rows", told.rows, permission=Permission.OPERATE)
    routes.post(f"{base}/explore", told.explore, permission=Permission.RUN)
    routes.post(f"{base}/clean", told.clean, permission=Permission.RUN)
    routes.post(f"{base}/gc", told.gc, permission=Permission.OPERATE)
    routes.post(f"{base}/erase", told.erase, permission=Permission.ADMIN)
    routes.get(f"{base}/found/{{job}}", told.document, permission=Permission.VIEW)
    routes.get(f"{base}/contract", told.contract, permission=Permission.VIEW)
    routes.get(f"{base}/contract/diff", told.contract_diff, permission=Permission.VIEW)
    routes.post(f"{base}/contract/accept", told.accept, permission=Permission.APPROVE)
    routes.post(f"{base}/look", told.look, permission=Permission.RUN)


class DataRoutes:
    """One method for each route; the loop decides."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _data(self) -> Data:
        if not isinstance(self._service, HasData):
            raise StateError("There are no data at this server.", "Ask the one that `kaizen up` starts.")
        return self._service.data

    def log(self, name: str, limit: Limit = 50) -> Response:
        """The newest snapshots, newest first, with the runs, models and pins that name them."""
        return answer(self._data.log(name, limit=limit))

    def diff(
        self,
        name: str,
        before: Annotated[str, Query(max_length=200)],
        after: Annotated[str, Query(max_length=200)] = "newest",
        by_value: bool = False,
    ) -> Response:
        """What differs between two snapshots: rows, columns, what the columns hold."""
        return answer(self._data.diff(name, before, after, by_value=by_value))

    def restore(self, name: str, body: Restoring) -> Response:
        """Make a snapshot's rows the newest version, as a new snapshot."""
        return answer({"done": self._data.restore(name, body.snapshot, by=body.actor)}, 201)

    def pin(self, name: str, body: Pinning) -> Response:
        """Give a snapshot a name; it stays readable for as long as it has one."""
        return answer({"done": self._data.pin(name, body.name, body.snapshot, by=body.actor)})

    def unpin(self, name: str, body: Unpinning) -> Response:
        """Take a name from a snapshot."""
        return answer({"done": self._data.unpin(name, body.name)})

    def quarantined(
        self,
        name: str,
        state: RowState | None = None,
        everything: Annotated[bool, Query(alias="all")] = False,
        limit: Limit = 50,
    ) -> Response:
        """The rows that are held: which rule, which value, what would mend it."""
        return answer(self._data.quarantined(name, state=state, everything=everything, limit=limit))

    def repair(self, name: str, row: str, body: Repairing | None = None) -> Response:
        """Let a row join the next snapshot with other cells; without any, with those that are suggested."""
        told = body or Repairing()
        return answer({"done": self._data.repair(name, row, told.cells, by=told.actor, because=told.because)})

    def release(self, name: str, row: str, body: Deciding | None = None) -> Response:
        """Let a row join the next snapshot as it is, if it keeps the contract as that is now."""
        told = body or Deciding()
        return answer({"done": self._data.release(name, row, by=told.actor, because=told.because)})

    def drop(self, name: str, row: str, body: Deciding | None = None) -> Response:
        """Leave a row out for good, for a reason."""
        told = body or Deciding()
        return answer({"done": self._data.drop(name, row, by=told.actor, because=told.because)})

    def contract(self, name: str) -> Response:
        """The contract as contract.yaml says it."""
        return answer(self._data.contract(name))

    def contract_diff(self, name: str) -> Response:
        """What changed since the contract that the newest snapshot passed."""
        return answer(self._data.contract_diff(name))

    def accept(self, name: str, body: Deciding | None = None) -> Response:
        """Agree, for a reason, that the contract lets more rows through than before."""
        told = body or Deciding()
        return answer({"done": self._data.accept(name, by=told.actor, because=told.because)})

    def look(self, name: str, body: Doing | None = None) -> Response:  # noqa: ARG002  a look has no author
        """Queue a look at the project's source: a worker loads what is new."""
        return answer({"done": views.without_folder(views.plain(self._data.look(name)))}, 202)

    def quarantined_row(self, name: str, row: str) -> Response:
        """One row that is, or was, kept out, by its id or the beginning of it."""
        return answer(self._data.quarantined_row(name, row))

    def rows(self, name: str, snapshot: str) -> Response:
        """A snapshot's raw rows, as a Parquet file."""
        return Response(self._data.rows_as_parquet(name, snapshot), media_type="application/vnd.apache.parquet")

    def explore(self, name: str, body: Exploring | None = None) -> Response:
        """Queue a look at what is in a snapshot; `found` has it once the job is done."""
        told = body or Exploring()
        return self._queued(name, "explore", {"snapshot": told.snapshot, "against": told.against}, told)

    def clean(self, name: str, body: Doing | None = None) -> Response:
        """Queue a look at what cleaning does to the data; `found` has it once the job is done."""
        return self._queued(name, "clean", {}, body or Doing())

    def gc(self, name: str, body: Clearing | None = None) -> Response:
        """Queue the deletion of files that no snapshot and no pin needs; `found` has what went."""
        told = body or Clearing()
        return self._queued(name, "gc", {"dry_run": told.dry_run, "grace_hours": told.grace_hours}, told)

    def erase(self, name: str, body: Forgetting) -> Response:
        """Queue the erasing of a person's rows from every table; `found` lists the models that learned from them."""
        done = self._data.erase(
            name, body.value, column=body.column, because=body.because, gives_up=body.give_up, by=body.actor
        )
        return answer({"done": views.without_folder(views.plain(done))}, 202)

    def document(self, name: str, job: str) -> Response:
        """What a job about the data found; 409 while it is not done."""
        return Response(self._data.document(name, job), media_type="application/json")

    def _queued(self, name: str, act: str, facts: dict[str, object], told: Doing) -> Response:
        job = self._data.work(name, act, facts, by=told.actor)
        return answer({"done": views.without_folder(views.plain(job))}, 202)
