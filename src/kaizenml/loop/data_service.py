"""What people and programs may ask of a project's data through the control plane; no user code runs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from kaizenml.core.contract import Contract
from kaizenml.core.declaration import Declaration
from kaizenml.data.quarantine import Entry
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop import contracting, data_ordering, quarantining, versioning
from kaizenml.loop.contracting import Comparison
from kaizenml.loop.ordering import queue_look
from kaizenml.loop.wiring import House

Facts = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoopData:
    """The data of every project of a house."""

    house: House

    def log(self, project: str, *, limit: int) -> Facts:
        """Return the newest snapshots, with the runs, models and pins that name them."""
        found = versioning.log(self.house, self._declared(project).project, limit=limit)
        return {"snapshots": [{"name": each.snapshot.name, "entry": each} for each in found]}

    def diff(self, project: str, before: str, after: str, *, by_value: bool) -> Facts:
        """Return what differs between two snapshots."""
        declared = self._declared(project)
        old, new = (versioning.called(self.house, project, name) for name in (before, after))
        found = versioning.compared(self.house, old, new, id=None if by_value else declared.id)
        return {"before": old.name, "after": new.name, "is_empty": found.is_empty, "difference": found}

    def restore(self, project: str, snapshot: str, *, by: str) -> Facts:
        """Make a snapshot's rows the newest version."""
        of = versioning.called(self.house, self._declared(project).project, snapshot)
        new = versioning.made_current(self.house, of, by=by)
        return {"snapshot": of.name, "current": new.name, "version": new.version}

    def pin(self, project: str, name: str, snapshot: str, *, by: str) -> Facts:
        """Give a snapshot a name."""
        of = versioning.called(self.house, self._declared(project).project, snapshot)
        versioning.pin(self.house, project, name, of, by=by)
        return {"pin": name, "snapshot": of.name}

    def unpin(self, project: str, name: str) -> Facts:
        """Take a name from a snapshot."""
        versioning.unpin(self.house, self._declared(project).project, name)
        return {"pin": name, "snapshot": None}

    def quarantined(self, project: str, *, state: str | None, everything: bool, limit: int) -> Facts:
        """Return the rows that are kept out; those to be decided about, unless all or those of a state are wanted."""
        rows = quarantining.entries(self.house, self._declared(project).project)
        if state is not None:
            rows = tuple(each for each in rows if each.state == state)
        elif not everything:
            rows = tuple(each for each in rows if each.state == "new" and each.is_held)
        return {"quarantine": [_facts(each) for each in rows[:limit]], "count": len(rows)}

    def quarantined_row(self, project: str, row: str) -> Facts:
        """Return one row that is, or was, kept out."""
        return _facts(quarantining.found(self.house, self._row(project, row))[1])

    def work(self, project: str, act: str, facts: Mapping[str, object], *, by: str) -> object:
        """Queue work on the data."""
        return data_ordering.queue(self.house, self._declared(project), data_ordering.Act(act), by=by, facts=facts)

    def erase(self, project: str, value: str, *, column: str, because: str, gives_up: bool, by: str) -> object:
        """Queue the erasing of a person's rows."""
        if not because.strip():
            raise UsageError("Rows are not erased without a reason.", "Say why, such as the request's number.")
        wish = data_ordering.Erasing(value, because, column, gives_up)
        declared = self._declared(project)
        return data_ordering.queue(self.house, declared, data_ordering.Act.ERASE, by=by, facts={}, erasing=wish)

    def document(self, project: str, job: str) -> bytes:
        """Return, as JSON, what such work found."""
        return data_ordering.document(self.house, self._declared(project).project, job)

    def rows_as_parquet(self, project: str, snapshot: str) -> bytes:
        """Return a snapshot's raw rows as a Parquet file."""
        of = versioning.called(self.house, self._declared(project).project, snapshot)
        buffer = BytesIO()
        versioning.raw_rows(self.house, of).write_parquet(buffer)
        return buffer.getvalue()

    def repair(self, project: str, row: str, changes: Mapping[str, str | None], *, by: str, because: str) -> Facts:
        """Let a row join the next snapshot with other cells; without any, with those that are suggested."""
        return _facts(quarantining.repair(self.house, self._row(project, row), changes, by=by, because=because))

    def release(self, project: str, row: str, *, by: str, because: str) -> Facts:
        """Let a row join the next snapshot as it is."""
        return _facts(quarantining.release(self.house, self._row(project, row), by=by, because=because))

    def drop(self, project: str, row: str, *, by: str, because: str) -> Facts:
        """Leave a row out for good."""
        return _facts(quarantining.drop(self.house, self._row(project, row), by=by, because=because))

    def contract(self, project: str) -> Facts:
        """Return the contract as its page says it."""
        contract = self._page(project)
        return {"digest": contract.digest, "contract": contract}

    def contract_diff(self, project: str) -> Facts:
        """Return what changed since the contract that the newest snapshot passed."""
        return _comparison(contracting.compared(self.house, project, self._page(project)))

    def accept(self, project: str, *, by: str, because: str) -> Facts:
        """Agree to a contract that lets more rows through."""
        return _comparison(contracting.accept(self.house, project, self._page(project), by=by, because=because))

    def look(self, project: str) -> object:
        """Queue a look at the project's source."""
        with self.house.records.writing() as books:
            return queue_look(books, self.house, books.declarations.get(project))

    def _declared(self, project: str) -> Declaration:
        with self.house.records.reading() as books:
            return books.declarations.get(project)

    def _page(self, project: str) -> Contract:
        folder = Path(self._declared(project).folder)
        if not (folder / contracting.PAGE).is_file():
            raise NotFoundError("contract", project, hint=f"The first `kaizen run` writes {contracting.PAGE}.")
        return contracting.page_of(folder)

    def _row(self, project: str, id_: str) -> str:
        """Return the whole id of a row of this project, which may be called by the beginning of it."""
        declared, entry = quarantining.found(self.house, id_)
        if declared.project != self._declared(project).project:
            raise NotFoundError("row in quarantine", id_, hint=f"{project} has no such row.")
        return entry.id


def _facts(entry: Entry) -> Facts:
    return {
        "id": entry.id, "state": entry.state, "is_held": entry.is_held, "file": entry.file, "row": entry.row,
        "copies": entry.copies, "broken": entry.broken, "suggestion": entry.suggestion, "payload": entry.payload,
        "decision": entry.decision,
    }  # fmt: skip


def _comparison(found: Comparison) -> Facts:
    return {
        "snapshot": found.snapshot, "contract": found.new, "against": found.old, "changes": found.changes,
        "is_accepted": found.is_accepted, "acceptance": found.acceptance,
    }  # fmt: skip
